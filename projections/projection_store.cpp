#include "projections/projection_store.hpp"

#include "projections/rocksdb_projection.hpp"
#include "projections/row_projection.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <unistd.h>
#include <utility>

namespace muster::projections {

namespace {

namespace fs = std::filesystem;
using engine::result;

std::string numbered(std::string_view prefix, std::uint64_t number, std::size_t digits) {
  auto text = std::to_string(number);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return std::string(prefix) + text;
}

// The number of a generation's directory, or nothing if `name` is none.
std::optional<std::uint64_t> generation_number(const std::string& name) {
  constexpr std::string_view prefix = "gen-";
  std::uint64_t number = 0;
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto [end, failed] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
  if (failed != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

engine::error system_error(const fs::path& path, const char* what) {
  return {engine::errc::internal, std::string("cannot ") + what + " " + path.string() + ": " + std::strerror(errno)};
}

class descriptor {
public:
  descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }

private:
  int fd_;
};

result<void> sync_directory(const fs::path& path) {
  const descriptor directory(path, O_RDONLY | O_DIRECTORY);
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return std::unexpected(system_error(path, "sync"));
  return {};
}

// After a crash at any moment the file has its old content or `content`.
result<void> replace_file(const fs::path& path, const std::string& content) {
  const auto temporary = fs::path(path).concat(".new");
  {
    const descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    const bool written = file.get() >= 0 &&
                         ::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                         ::fsync(file.get()) == 0;
    if (!written) return std::unexpected(system_error(temporary, "write"));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return std::unexpected(system_error(path, "replace"));
  return sync_directory(path.parent_path());
}

result<void> make_directory(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) return engine::fail(engine::errc::internal, "cannot make " + path.string() + ": " + failed.message());
  return {};
}

// What CURRENT says.
struct current_generation {
  int format = 0;
  std::string name;
};

class rocksdb_projection_store final : public engine::projection_store {
public:
  rocksdb_projection_store(projection_options options, std::shared_ptr<rocksdb_memory> memory)
      : options_(std::move(options)), memory_(std::move(memory)) {}

  result<std::shared_ptr<engine::shard_projection>> open(events::shard_id shard) override;
  result<std::shared_ptr<engine::shard_projection>> open_existing(events::shard_id shard) override;
  result<std::shared_ptr<engine::shard_projection>> begin_generation(events::shard_id shard) override;
  result<void> switch_generation(events::shard_id shard) override;
  result<fingerprint> fingerprint_of(engine::shard_projection& projection, const std::stop_token& stop) override;

private:
  struct generation {
    std::string name;
    std::weak_ptr<rocksdb_rows> rows;
    std::weak_ptr<row_projection> projection;
  };
  struct shard_generations {
    std::vector<generation> held;  ///< opened, and perhaps still held by somebody
    std::string begun_name;        ///< of the one begun last, if it was not switched to
  };

  fs::path directory_of(events::shard_id shard) const {
    return options_.directory / numbered("shard-", shard.value(), 3);
  }
  result<std::optional<current_generation>> read_current(const fs::path& directory) const;
  result<void> write_current(const fs::path& directory, const std::string& name) const;
  result<void> remove_left_overs(const fs::path& directory, shard_generations& generations,
                                 const std::string& current) const;
  void take_reactions(const fs::path& directory, shard_generations& generations, const std::string& replaced,
                      row_projection& begun) const;
  result<std::string> new_name(const fs::path& directory) const;
  static std::shared_ptr<row_projection> held_generation(const shard_generations& generations, const std::string& name);
  result<std::shared_ptr<row_projection>> open_generation(const fs::path& directory, const std::string& name,
                                                          shard_generations& generations, durability writes) const;

  projection_options options_;
  std::shared_ptr<rocksdb_memory> memory_;
  std::mutex mutex_;
  std::map<events::shard_id, shard_generations> shards_;
};

result<std::shared_ptr<engine::shard_projection>> rocksdb_projection_store::open(events::shard_id shard) {
  const std::lock_guard lock(mutex_);
  const auto directory = directory_of(shard);
  if (auto made = make_directory(directory); !made) return std::unexpected(made.error());
  auto& generations = shards_[shard];
  auto current = read_current(directory);
  if (!current) return std::unexpected(current.error());
  std::shared_ptr<row_projection> anew;
  if (!*current || (*current)->format != row_format) {
    const auto name = new_name(directory);
    if (!name) return std::unexpected(name.error());
    auto made = open_generation(directory, *name, generations, durability::logged);
    if (!made) return std::unexpected(made.error());
    anew = std::move(*made);
    if (*current) take_reactions(directory, generations, (*current)->name, *anew);
    if (auto written = write_current(directory, *name); !written) return std::unexpected(written.error());
    current->emplace(row_format, *name);
  }
  if (auto removed = remove_left_overs(directory, generations, (*current)->name); !removed) {
    return std::unexpected(removed.error());
  }
  return open_generation(directory, (*current)->name, generations, durability::logged);
}

result<std::shared_ptr<engine::shard_projection>> rocksdb_projection_store::open_existing(events::shard_id shard) {
  const std::lock_guard lock(mutex_);
  const auto directory = directory_of(shard);
  const auto current = read_current(directory);
  if (!current) return std::unexpected(current.error());
  if (!*current || (*current)->format != row_format || !fs::exists(directory / (*current)->name)) return nullptr;
  if (auto held = held_generation(shards_[shard], (*current)->name)) return held;
  const auto rows = open_rocksdb_rows(directory / (*current)->name, memory_, durability::read_only);
  if (!rows) return std::unexpected(rows.error());
  return row_projection::open(*rows);
}

result<std::shared_ptr<engine::shard_projection>> rocksdb_projection_store::begin_generation(events::shard_id shard) {
  const std::lock_guard lock(mutex_);
  const auto directory = directory_of(shard);
  if (auto made = make_directory(directory); !made) return std::unexpected(made.error());
  auto& generations = shards_[shard];
  const auto name = new_name(directory);
  if (!name) return std::unexpected(name.error());
  auto begun = open_generation(directory, *name, generations, durability::none);
  if (!begun) return std::unexpected(begun.error());
  generations.begun_name = *name;
  return std::move(*begun);
}

result<void> rocksdb_projection_store::switch_generation(events::shard_id shard) {
  const std::lock_guard lock(mutex_);
  auto& generations = shards_[shard];
  const auto at = std::ranges::find(generations.held, generations.begun_name, &generation::name);
  const auto begun = at == generations.held.end() ? nullptr : at->rows.lock();
  if (!begun) return engine::fail(engine::errc::not_found, "no generation was begun");
  const auto directory = directory_of(shard);
  const auto replaced = read_current(directory);
  const auto projection = at->projection.lock();
  if (projection && replaced && *replaced) take_reactions(directory, generations, (*replaced)->name, *projection);
  auto done = begun->keep();
  if (done) done = sync_directory(directory);
  if (done) done = write_current(directory, generations.begun_name);
  if (!done) {
    begun->discard();
    return done;
  }
  for (const auto& each : generations.held) {
    if (each.name == generations.begun_name) continue;
    if (const auto rows = each.rows.lock()) rows->discard();
  }
  const auto current = std::exchange(generations.begun_name, {});
  return remove_left_overs(directory, generations, current);
}

// Where the generation that is replaced cannot be read, its reactions begin anew.
void rocksdb_projection_store::take_reactions(const fs::path& directory, shard_generations& generations,
                                              const std::string& replaced, row_projection& begun) const {
  const auto at = std::ranges::find(generations.held, replaced, &generation::name);
  auto rows = at == generations.held.end() ? nullptr : at->rows.lock();
  if (!rows) {
    auto opened = open_rocksdb_rows(directory / replaced, memory_, durability::read_only);
    if (!opened) return;
    rows = std::move(*opened);
  }
  static_cast<void>(begun.take_reactions(*rows));
}

result<engine::projection_store::fingerprint>
rocksdb_projection_store::fingerprint_of(engine::shard_projection& projection, const std::stop_token& stop) {
  return dynamic_cast<row_projection&>(projection).fingerprint(stop);
}

result<std::optional<current_generation>> rocksdb_projection_store::read_current(const fs::path& directory) const {
  const auto path = directory / "CURRENT";
  std::ifstream file(path);
  if (!file) return std::nullopt;
  current_generation current;
  if (!(file >> current.format >> current.name) || !generation_number(current.name)) {
    return engine::fail(engine::errc::corrupt, path.string() +
                                                   " does not name a generation; without the file the shard makes "
                                                   "its projections anew from the log");
  }
  return current;
}

result<void> rocksdb_projection_store::write_current(const fs::path& directory, const std::string& name) const {
  return replace_file(directory / "CURRENT", std::to_string(row_format) + " " + name + "\n");
}

result<void> rocksdb_projection_store::remove_left_overs(const fs::path& directory, shard_generations& generations,
                                                         const std::string& current) const {
  std::erase_if(generations.held, [](const generation& each) { return each.rows.expired(); });
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    const auto name = entry.path().filename().string();
    const bool held = std::ranges::any_of(generations.held, [&](const generation& each) { return each.name == name; });
    if (generation_number(name) && name != current && !held) fs::remove_all(entry.path(), failed);
  }
  if (failed)
    return engine::fail(engine::errc::internal, "cannot clean " + directory.string() + ": " + failed.message());
  return {};
}

result<std::string> rocksdb_projection_store::new_name(const fs::path& directory) const {
  std::uint64_t last = 0;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    last = std::max(last, generation_number(entry.path().filename().string()).value_or(0));
  }
  if (failed)
    return engine::fail(engine::errc::internal, "cannot read " + directory.string() + ": " + failed.message());
  return numbered("gen-", last + 1, 6);
}

std::shared_ptr<row_projection> rocksdb_projection_store::held_generation(const shard_generations& generations,
                                                                          const std::string& name) {
  const auto at = std::ranges::find(generations.held, name, &generation::name);
  return at == generations.held.end() ? nullptr : at->projection.lock();
}

result<std::shared_ptr<row_projection>> rocksdb_projection_store::open_generation(const fs::path& directory,
                                                                                  const std::string& name,
                                                                                  shard_generations& generations,
                                                                                  durability writes) const {
  std::erase_if(generations.held, [](const generation& each) { return each.rows.expired(); });
  if (auto held = held_generation(generations, name)) return held;
  auto rows = open_rocksdb_rows(directory / name, memory_, writes);
  if (!rows) return std::unexpected(rows.error());
  auto projection = row_projection::open(*rows);
  if (!projection) return projection;
  generations.held.push_back({name, *rows, *projection});
  return projection;
}

}  // namespace

result<std::unique_ptr<engine::projection_store>> make_projection_store(projection_options options) {
  auto memory = make_rocksdb_memory(options.cache_bytes, options.write_buffer_bytes);
  return std::make_unique<rocksdb_projection_store>(std::move(options), std::move(memory));
}

}  // namespace muster::projections
