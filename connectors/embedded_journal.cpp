#include "connectors/embedded_journal.hpp"

#include "connectors/recent_frames.hpp"
#include "connectors/store_directory.hpp"
#include "events/frame.hpp"

#include <rocksdb/db.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <sys/statvfs.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <limits>
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
constexpr std::uint32_t shards_max = 4096;
constexpr std::size_t key_bytes = 12;

template <class Integer>
void put_big_endian(std::string& out, Integer value) {
  for (int shift = (static_cast<int>(sizeof value) - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
}

events::log_offset offset_of(const rocksdb::Slice& key) {
  std::uint64_t offset = 0;
  for (std::size_t i = 4; i < key.size(); ++i) offset = offset << 8U | static_cast<std::uint8_t>(key[i]);
  return events::log_offset(offset);
}

std::string at(events::shard_id shard, events::log_offset offset) {
  return "shard " + std::to_string(shard.value()) + ", offset " + std::to_string(offset.value());
}

/// Frames are written once, in key order within each shard, and read in that order.
rocksdb::Options journal_rocksdb_options() {
  auto options = store_options();
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 32 << 10;
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(4));
  options.max_bytes_for_level_base = 256 << 20;
  // An append waits for the disk as it is; it must not wait for compactions too.
  options.level0_slowdown_writes_trigger = 48;
  options.level0_stop_writes_trigger = 64;
  return options;
}

/// Bounds an iterator to one shard. Must outlive the iterator, which points into it.
class shard_range {
public:
  explicit shard_range(events::shard_id shard)
      : upper_(embedded_journal_key(events::shard_id(shard.value() + 1), {})), upper_slice_(upper_) {
    options_.prefix_same_as_start = true;
    options_.iterate_upper_bound = &upper_slice_;
    options_.verify_checksums = true;
    options_.fill_cache = false;
  }
  shard_range(const shard_range&) = delete;
  shard_range& operator=(const shard_range&) = delete;

  const rocksdb::ReadOptions& options() const { return options_; }

private:
  std::string upper_;
  rocksdb::Slice upper_slice_;
  rocksdb::ReadOptions options_;
};

/// Behind the last frame of `shard`. Looks at the last two rows only: `read` finds what is missing farther back.
result<events::log_offset> find_end(rocksdb::DB& db, events::shard_id shard) {
  const shard_range range(shard);
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(range.options()));
  row->SeekForPrev(embedded_journal_key(shard, events::log_offset(std::numeric_limits<std::uint64_t>::max())));
  if (!row->status().ok())
    return failed("shard " + std::to_string(shard.value()) + ": its end cannot be read", row->status());
  if (!row->Valid()) return events::log_offset(0);
  const auto last = offset_of(row->key());
  if (last.value() == 0) return last.next();
  row->Prev();
  const events::log_offset before(last.value() - 1);
  if (!row->status().ok()) return failed(at(shard, before) + " cannot be read", row->status());
  if (!row->Valid() || offset_of(row->key()) != before)
    return fail(errc::corrupt, at(shard, before) + ": the frame is missing");
  return last.next();
}

void end_process(const std::string& why) {
  std::fprintf(stderr, "muster: %s\n", why.c_str());
  std::quick_exit(70);  // EX_SOFTWARE of sysexits.h; no destructor runs, for none may write again
}

class embedded_journal final : public engine::journal {
public:
  embedded_journal(embedded_journal_options options, engine::journal_identity identity, std::unique_ptr<rocksdb::DB> db,
                   std::vector<result<events::log_offset>> ends)
      : options_(std::move(options)), identity_(identity), db_(std::move(db)), ends_found_(std::move(ends)) {
    for (const auto& end : ends_found_) {
      lanes_.push_back(std::make_unique<recent_frames>(end.value_or(events::log_offset()), options_.recent_bytes_max));
    }
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
    if (const auto& found = ends_found_.at(shard.value()); !found) return std::unexpected(found.error());
    const auto& lane = *lanes_.at(shard.value());
    if (auto recent = lane.read(from, bytes_max)) return std::move(*recent);
    return read_stored(shard, from, lane.end(), bytes_max);
  }

  result<events::log_offset> end(events::shard_id shard) override {
    if (const auto& found = ends_found_.at(shard.value()); !found) return std::unexpected(found.error());
    return lanes_.at(shard.value())->end();
  }
  void on_arrival(std::function<void(events::shard_id)> arrived) override { arrived_ = std::move(arrived); }
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
    for (const auto& lane : lanes_) ends.push_back(lane->end());
    rocksdb::WriteBatch batch;
    for (const auto& frame : frames) {
      MUSTER_ASSERT(ends_found_.at(frame.shard.value()).has_value());  // nobody can have folded a log without an end
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

  /// Every frame before `end` must be there and right; what was read before the first fault is returned, and the fault
  /// next time.
  result<std::vector<engine::log_record>> read_stored(events::shard_id shard, events::log_offset from,
                                                      events::log_offset end, std::size_t bytes_max) {
    const shard_range range(shard);
    const std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(range.options()));
    std::vector<engine::log_record> records;
    std::size_t bytes = 0;
    row->Seek(embedded_journal_key(shard, from));
    for (auto offset = from; offset < end; offset = offset.next(), row->Next()) {
      const auto fault = fault_of(*row, offset);
      if (!fault.empty()) {
        if (!records.empty()) break;
        return fail(errc::corrupt,
                    at(shard, offset) + ": " + fault + " (journal in " + options_.directory.string() + ")");
      }
      if (!records.empty() && bytes + row->value().size() > bytes_max) break;
      bytes += row->value().size();
      records.push_back({offset, row->value().ToString()});
    }
    return records;
  }

  /// Why `row` is not the frame at `offset`; empty if it is.
  std::string fault_of(const rocksdb::Iterator& row, events::log_offset offset) const {
    if (!row.status().ok()) return "it cannot be read: " + row.status().ToString();
    if (!row.Valid()) return "the frame is missing, and every later one";
    if (offset_of(row.key()) != offset) {
      return "the frame is missing; the next one there is at offset " + std::to_string(offset_of(row.key()).value());
    }
    const auto bytes = row.value().ToStringView();
    if (!events::may_belong_to(bytes, identity_.id)) return {};
    const auto header = events::read_header(bytes);
    return header ? std::string() : "the frame cannot be read: " + header.error().text;
  }

  embedded_journal_options options_;
  const engine::journal_identity identity_;
  std::unique_ptr<rocksdb::DB> db_;
  const std::vector<result<events::log_offset>> ends_found_;  ///< one a shard, when it was opened: or what is damaged
  std::vector<std::unique_ptr<recent_frames>> lanes_;         ///< one a shard
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
                    " were asked for: the number is fixed when a journal is made; set journal.shards=" + shards);
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

std::string embedded_journal_key(events::shard_id shard, events::log_offset offset) {
  std::string key;
  key.reserve(key_bytes);
  put_big_endian(key, static_cast<std::uint32_t>(shard.value()));
  put_big_endian(key, offset.value());
  return key;
}

result<std::unique_ptr<engine::journal>> open_embedded_journal(embedded_journal_options options) {
  const auto present = holds_store(options.directory, journal_kind);
  if (!present) return std::unexpected(present.error());
  if (!*present && options.create_if_missing) {
    if (auto made = make_journal(options); !made) return std::unexpected(made.error());
  }
  auto store = open_store(options.directory, journal_kind, journal_rocksdb_options());
  if (!store) return std::unexpected(store.error());
  const auto identity = understand(store->identity, options);
  if (!identity) return std::unexpected(identity.error());
  std::vector<result<events::log_offset>> ends;  // a shard whose end is damaged keeps no other from its own
  for (std::uint32_t shard = 0; shard < identity->shards; ++shard) {
    auto end = find_end(*store->db, events::shard_id(shard));
    if (!end) {
      end = fail(end.error().code, "the journal in " + options.directory.string() + " is damaged: " + end.error().text +
                                       "; restore the directory from a backup");
    }
    ends.push_back(std::move(end));
  }
  return std::make_unique<embedded_journal>(std::move(options), *identity, std::move(store->db), std::move(ends));
}

}  // namespace muster::connectors
