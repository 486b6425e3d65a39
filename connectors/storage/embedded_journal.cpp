#include "connectors/storage/embedded_journal.hpp"

#include "connectors/storage/journal_compaction.hpp"
#include "connectors/storage/journal_rows.hpp"
#include "connectors/storage/recent_frames.hpp"
#include "connectors/storage/store_directory.hpp"

#include <rocksdb/db.h>
#include <sys/statvfs.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <span>

namespace muster::connectors {

using engine::append_outcome;
using engine::errc;
using engine::fail;
using engine::result;

namespace {

const store_kind journal_kind{"journal", 1};
constexpr std::uint32_t shards_default = 16;
constexpr auto shards_max = embedded_journal_shards_max;

void end_process(const std::string& why) {
  std::fprintf(stderr, "muster: %s\n", why.c_str());
  std::quick_exit(70);  // EX_SOFTWARE of sysexits.h; no destructor runs, for none may write again
}

class embedded_journal final : public engine::journal {
public:
  /// `ends`: behind the last frame of each shard; where there is none, `damage` says why.
  embedded_journal(embedded_journal_options options, engine::journal_identity identity,
                   std::shared_ptr<known_damage> damage, std::unique_ptr<rocksdb::DB> db,
                   const std::vector<std::optional<events::log_offset>>& ends)
      : options_(std::move(options)), identity_(identity), damage_(std::move(damage)), db_(std::move(db)) {
    for (const auto& end : ends)
      lanes_.push_back(end ? std::make_unique<recent_frames>(*end, options_.recent_bytes_max) : nullptr);
    if (!options_.fatal) options_.fatal = end_process;
  }

  const engine::journal_identity& identity() const override { return identity_; }

  void append(std::vector<engine::outgoing_frame> frames, engine::append_settled settled) override {
    const auto outcome = write(frames);
    if (outcome == append_outcome::durable) publish(frames);
    for (std::size_t i = 0; i < frames.size(); ++i) settled(i, outcome);
  }

  result<std::vector<engine::log_record>> read(events::shard_id shard, events::log_offset from,
                                               std::size_t bytes_max) override {
    return damage_->watch(shard, [&]() -> result<std::vector<engine::log_record>> {
      const auto& lane = *lanes_.at(shard.value());
      if (auto recent = lane.read(from, bytes_max)) return std::move(*recent);
      auto rows = read_rows(*db_, identity_.id, shard, from, lane.end(), bytes_max);
      if (!rows)
        return fail(rows.error().code, rows.error().text + " (journal in " + options_.directory.string() + ")");
      return rows;
    });
  }

  result<events::log_offset> end(events::shard_id shard) override {
    return damage_->watch(shard, [&]() -> result<events::log_offset> { return lanes_.at(shard.value())->end(); });
  }
  void on_arrival(std::function<void(events::shard_id)> arrived) override {
    damage_->on_found(arrived);
    arrived_ = std::move(arrived);
  }
  bool exclusive() const override { return true; }
  std::string trouble() const override {
    const std::lock_guard lock(trouble_mutex_);
    return trouble_;
  }

private:
  /// One synced write: what becomes of it becomes of every frame.
  append_outcome write(std::span<const engine::outgoing_frame> frames) {
    if (lost_) return append_outcome::unknown;
    std::vector<events::log_offset> ends;
    for (const auto& lane : lanes_) ends.push_back(lane ? lane->end() : events::log_offset());
    rocksdb::WriteBatch batch;
    for (const auto& frame : frames) {
      MUSTER_ASSERT(lanes_.at(frame.shard.value()) != nullptr);  // nobody can have folded a log without an end
      auto& end = ends.at(frame.shard.value());
      batch.Put(embedded_journal_key(frame.shard, end), frame.bytes);
      end = end.next();
    }
    if (const auto short_of = lacking_room(batch.GetDataSize()); !short_of.empty()) {
      complain(short_of);
      return append_outcome::refused;
    }
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (const auto status = db_->Write(synced, &batch); !status.ok()) {
      lost_ = true;
      options_.fatal(
          "the journal in " + options_.directory.string() + " could not be written: " + status.ToString() +
          ". What is on the disk is no longer known, so the process ends; see to the disk, then start again");
      return append_outcome::unknown;
    }
    return append_outcome::durable;
  }

  /// Why the disk must not take `bytes` more; empty if it may.
  std::string lacking_room(std::size_t bytes) const {
    struct statvfs disk{};
    if (::statvfs(options_.directory.c_str(), &disk) != 0) return {};  // the write will tell
    const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (free >= bytes && free - bytes >= options_.free_bytes_min) return {};
    return "no space left: the disk of " + options_.directory.string() + " has " + std::to_string(free >> 20U) +
           " MiB free, and journal.free_bytes_min keeps " + std::to_string(options_.free_bytes_min >> 20U) + " MiB";
  }

  void complain(const std::string& why) {
    const std::lock_guard lock(trouble_mutex_);
    trouble_ = why;
  }

  void publish(std::span<const engine::outgoing_frame> frames) {
    for (const auto& frame : frames) lanes_[frame.shard.value()]->push(frame.bytes);
    if (!arrived_) return;
    std::vector<bool> told(lanes_.size());
    for (const auto& frame : frames) {
      if (!told[frame.shard.value()]) arrived_(frame.shard);
      told[frame.shard.value()] = true;
    }
  }

  embedded_journal_options options_;
  const engine::journal_identity identity_;
  const std::shared_ptr<known_damage> damage_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<std::unique_ptr<recent_frames>> lanes_;  ///< one a shard; none where the end is damaged
  std::function<void(events::shard_id)> arrived_;
  mutable std::mutex trouble_mutex_;
  std::string trouble_;
  bool lost_ = false;  ///< a synced write failed: nothing is written again. Journal thread only.
};

result<void> make_journal(const embedded_journal_options& options) {
  const auto shards = options.shards.value_or(shards_default);
  if (shards == 0 || shards > shards_max) {
    return fail(errc::invalid,
                "a journal has 1 to " + std::to_string(shards_max) + " shards, not " + std::to_string(shards));
  }
  if (options.entropy == nullptr || !options.master_key_fingerprint) {
    return fail(errc::invalid,
                "a journal is made with a master key: give one, to make a journal in " + options.directory.string());
  }
  return make_store(options.directory, journal_kind,
                    {{"journal", events::to_hex(options.entropy->draw_id<events::journal_id>().view())},
                     {"shards", std::to_string(shards)},
                     {"masterKeyFingerprint", events::to_hex(events::as_bytes(*options.master_key_fingerprint))}},
                    journal_rocksdb_options(), *options.entropy);
}

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
  const auto bytes = events::from_hex(text);
  if (!bytes || bytes->size() != N) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

result<engine::journal_identity> understand(store_identity& row, const embedded_journal_options& options) {
  engine::journal_identity identity;
  const auto& shards = row["shards"];
  const auto [end, error] = std::from_chars(shards.data(), shards.data() + shards.size(), identity.shards);
  if (error != std::errc() || end != shards.data() + shards.size() || identity.shards == 0 ||
      identity.shards > shards_max || !read_hex(row["journal"], identity.id.bytes) ||
      !read_hex(row["masterKeyFingerprint"], identity.master_key_fingerprint)) {
    return fail(errc::corrupt, "the journal in " + options.directory.string() +
                                   " does not say properly what it is; restore the directory from a backup");
  }
  if (options.shards && *options.shards != identity.shards) {
    return fail(errc::invalid,
                "the journal in " + options.directory.string() + " has " + shards + " shards, and " +
                    std::to_string(*options.shards) +
                    " were asked for: the number is fixed when a journal is made; leave journal.shards out");
  }
  const auto& given = options.master_key_fingerprint;
  if (given && *given != identity.master_key_fingerprint) {
    return fail(errc::invalid,
                "the journal in " + options.directory.string() + " was made with the master key of fingerprint " +
                    events::to_hex(events::as_bytes(identity.master_key_fingerprint)) + ", and the one given has " +
                    events::to_hex(events::as_bytes(*given)) + ": give the master key that belongs to this journal");
  }
  return identity;
}

}  // namespace

result<std::unique_ptr<engine::journal>> open_embedded_journal(embedded_journal_options options) {
  const auto present = holds_store(options.directory, journal_kind);
  if (!present) return std::unexpected(present.error());
  if (!*present && options.create_if_missing) {
    if (auto made = make_journal(options); !made) return std::unexpected(made.error());
  }
  const auto damage = std::make_shared<known_damage>();
  auto rocksdb_options = journal_rocksdb_options();
  rocksdb_options.listeners.push_back(watch_merging(damage, options.log));
  auto store = open_store(options.directory, journal_kind, std::move(rocksdb_options));
  if (!store) return std::unexpected(store.error());
  const auto identity = understand(store->identity, options);
  if (!identity) return std::unexpected(identity.error());
  std::vector<std::optional<events::log_offset>> ends;  // a shard whose end is damaged keeps no other from its own
  for (std::uint32_t i = 0; i < identity->shards; ++i) {
    const events::shard_id shard(i);
    const auto end = find_end(*store->db, shard);
    if (!end) {
      damage->note(shard, {end.error().code, "the journal in " + options.directory.string() + " is damaged: " +
                                                 end.error().text + "; restore the directory from a backup"});
    }
    ends.push_back(end ? std::optional(*end) : std::nullopt);
  }
  return std::make_unique<embedded_journal>(std::move(options), *identity, damage, std::move(store->db), ends);
}

}  // namespace muster::connectors
