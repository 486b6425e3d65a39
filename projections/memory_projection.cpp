#include "projections/memory_projection.hpp"

#include "projections/row_projection.hpp"

#include <map>
#include <shared_mutex>

namespace muster::projections {

namespace {

using row_map = std::map<std::string, std::string, std::less<>>;

std::optional<std::string> find_row(const row_map& rows, std::string_view key) {
  const auto at = rows.find(key);
  return at == rows.end() ? std::nullopt : std::optional(at->second);
}

void scan_map(const row_map& rows, std::string_view from, std::string_view to, const row_source::visitor& visit) {
  for (auto at = rows.lower_bound(from); at != rows.end() && at->first < to; ++at) {
    if (!visit(at->first, at->second)) return;
  }
}

class memory_batch final : public row_batch {
public:
  void put(std::string_view key, std::string_view value) override { changes_.emplace_back(key, value); }
  void erase(std::string_view key) override { changes_.emplace_back(key, std::nullopt); }

  void apply_to(row_map& rows) const {
    for (const auto& [key, value] : changes_) {
      if (value)
        rows.insert_or_assign(key, *value);
      else
        rows.erase(key);
    }
  }

private:
  std::vector<std::pair<std::string, std::optional<std::string>>> changes_;
};

// Keeps writers out while it lives.
class memory_snapshot final : public row_source {
public:
  memory_snapshot(std::shared_mutex& mutex, const row_map& rows) : lock_(mutex), rows_(rows) {}
  engine::result<std::optional<std::string>> get(std::string_view key) const override { return find_row(rows_, key); }
  engine::result<void> scan(std::string_view from, std::string_view to, const visitor& visit) const override {
    scan_map(rows_, from, to, visit);
    return {};
  }

private:
  std::shared_lock<std::shared_mutex> lock_;
  const row_map& rows_;
};

class memory_rows final : public row_store {
public:
  engine::result<std::optional<std::string>> get(std::string_view key) const override {
    const std::shared_lock lock(mutex_);
    return find_row(rows_, key);
  }
  engine::result<void> scan(std::string_view from, std::string_view to, const visitor& visit) const override {
    const std::shared_lock lock(mutex_);
    scan_map(rows_, from, to, visit);
    return {};
  }
  std::unique_ptr<row_batch> make_batch() override { return std::make_unique<memory_batch>(); }
  engine::result<void> write(row_batch& batch) override {
    const std::unique_lock lock(mutex_);
    static_cast<const memory_batch&>(batch).apply_to(rows_);
    return {};
  }
  std::unique_ptr<row_source> snapshot() const override { return std::make_unique<memory_snapshot>(mutex_, rows_); }

private:
  mutable std::shared_mutex mutex_;
  row_map rows_;
};

class memory_projection_store final : public engine::projection_store {
public:
  engine::result<std::shared_ptr<engine::shard_projection>> open(events::shard_id shard) override {
    const std::lock_guard lock(mutex_);
    auto& generation = shards_[shard].current;
    if (!generation) generation = make_memory_projection();
    return generation;
  }

  engine::result<std::shared_ptr<engine::shard_projection>> open_existing(events::shard_id shard) override {
    const std::lock_guard lock(mutex_);
    return shards_[shard].current;
  }

  engine::result<std::shared_ptr<engine::shard_projection>> begin_generation(events::shard_id shard) override {
    const std::lock_guard lock(mutex_);
    auto begun = make_memory_projection();
    shards_[shard].begun = begun;
    return begun;
  }

  engine::result<void> switch_generation(events::shard_id shard) override {
    const std::lock_guard lock(mutex_);
    auto& [current, last_begun] = shards_[shard];
    const auto begun = last_begun.lock();
    if (!begun) return engine::fail(engine::errc::not_found, "no generation was begun");
    if (current) {
      auto taken = dynamic_cast<row_projection&>(*begun).take_reactions(dynamic_cast<row_projection&>(*current).rows());
      if (!taken) return taken;
    }
    current = begun;
    last_begun.reset();
    return {};
  }

  engine::result<fingerprint> fingerprint_of(engine::shard_projection& generation,
                                             const std::stop_token& stop) override {
    return dynamic_cast<row_projection&>(generation).fingerprint(stop);
  }

private:
  struct generations {
    std::shared_ptr<engine::shard_projection> current;
    std::weak_ptr<engine::shard_projection> begun;
  };
  std::mutex mutex_;
  std::map<events::shard_id, generations> shards_;
};

}  // namespace

std::shared_ptr<row_store> make_memory_rows() {
  return std::make_shared<memory_rows>();
}

std::shared_ptr<engine::shard_projection> make_memory_projection() {
  return row_projection::open(make_memory_rows()).value();  // rows that are not there cannot be unreadable
}

std::unique_ptr<engine::projection_store> make_memory_projection_store() {
  return std::make_unique<memory_projection_store>();
}

}  // namespace muster::projections
