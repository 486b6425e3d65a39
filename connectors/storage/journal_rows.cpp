#include "connectors/storage/journal_rows.hpp"

#include "connectors/storage/store_directory.hpp"
#include "events/frame.hpp"

#include <rocksdb/db.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_partitioner.h>
#include <rocksdb/table.h>

#include <limits>
#include <memory>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

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

std::uint64_t shard_of(std::string_view key) {
  std::uint64_t shard = 0;
  for (const char each : key.substr(0, 4)) shard = shard << 8U | static_cast<std::uint8_t>(each);
  return shard;
}

std::string at(events::shard_id shard, events::log_offset offset) {
  return "shard " + std::to_string(shard.value()) + ", offset " + std::to_string(offset.value());
}

// What the disk no longer gives is as damaged as what it gives wrongly.
std::unexpected<engine::error> unreadable(std::string_view what, const rocksdb::Status& status) {
  return fail(errc::corrupt, std::string(what) + ": " + status.ToString());
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

/// Why `row` is not the frame at `offset`; empty if it is.
std::string fault_of(const rocksdb::Iterator& row, events::log_offset offset, const events::journal_id& journal) {
  if (!row.status().ok()) return "it cannot be read: " + row.status().ToString();
  if (!row.Valid()) return "the frame is missing, and every later one";
  if (offset_of(row.key()) != offset) {
    return "the frame is missing; the next one there is at offset " + std::to_string(offset_of(row.key()).value());
  }
  const auto bytes = row.value().ToStringView();
  if (!events::may_belong_to(bytes, journal)) return {};
  const auto header = events::read_header(bytes);
  return header ? std::string() : "the frame cannot be read: " + header.error().text;
}

}  // namespace

std::string embedded_journal_key(events::shard_id shard, events::log_offset offset) {
  std::string key;
  key.reserve(key_bytes);
  put_big_endian(key, static_cast<std::uint32_t>(shard.value()));
  put_big_endian(key, offset.value());
  return key;
}

rocksdb::Options journal_rocksdb_options() {
  auto options = store_options();
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 32 << 10;
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(4));
  options.max_bytes_for_level_base = 256 << 20;
  // Merged tables have frames of one shard each: damage in one is the matter of that shard alone, and what newer frames
  // do not overlap is moved to the next level and not copied.
  options.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(4);
  // A flushed table has frames of all shards, so that merging it reads all of the level below: rather seldom.
  options.level0_file_num_compaction_trigger = 8;
  // An append waits for the disk as it is; it must not wait for compactions too.
  options.level0_slowdown_writes_trigger = 48;
  options.level0_stop_writes_trigger = 64;
  return options;
}

/// Behind the last frame of `shard`. Looks at the last two rows only: `read` finds what is missing farther back.
result<events::log_offset> find_end(rocksdb::DB& db, events::shard_id shard) {
  const shard_range range(shard);
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(range.options()));
  row->SeekForPrev(embedded_journal_key(shard, events::log_offset(std::numeric_limits<std::uint64_t>::max())));
  if (!row->status().ok())
    return unreadable("shard " + std::to_string(shard.value()) + ": its end cannot be read", row->status());
  if (!row->Valid()) return events::log_offset(0);
  const auto last = offset_of(row->key());
  if (last.value() == 0) return last.next();
  row->Prev();
  const events::log_offset before(last.value() - 1);
  if (!row->status().ok()) return unreadable(at(shard, before) + ": it cannot be read", row->status());
  if (!row->Valid() || offset_of(row->key()) != before)
    return fail(errc::corrupt, at(shard, before) + ": the frame is missing");
  return last.next();
}

result<std::vector<engine::log_record>> read_rows(rocksdb::DB& db, const events::journal_id& journal,
                                                  events::shard_id shard, events::log_offset from,
                                                  events::log_offset end, std::size_t bytes_max) {
  const shard_range range(shard);
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(range.options()));
  std::vector<engine::log_record> records;
  std::size_t bytes = 0;
  row->Seek(embedded_journal_key(shard, from));
  for (auto offset = from; offset < end; offset = offset.next(), row->Next()) {
    const auto fault = fault_of(*row, offset, journal);
    if (!fault.empty()) {
      if (!records.empty()) break;
      return fail(errc::corrupt, at(shard, offset) + ": " + fault);
    }
    if (!records.empty() && bytes + row->value().size() > bytes_max) break;
    bytes += row->value().size();
    records.push_back({offset, row->value().ToString()});
  }
  return records;
}

std::map<events::shard_id, engine::error> damage_in_table(const std::string& file, std::string_view smallest_key,
                                                          std::string_view largest_key) {
  std::map<events::shard_id, engine::error> found;
  rocksdb::SstFileReader table(journal_rocksdb_options());
  const auto opened = table.Open(file);
  const auto last = shard_of(largest_key);
  for (auto i = shard_of(smallest_key); i <= last && i < embedded_journal_shards_max; ++i) {
    const events::shard_id shard(i);
    if (!opened.ok()) {
      found.emplace(shard, unreadable("shard " + std::to_string(i) + ": frames cannot be read", opened).error());
      continue;
    }
    const shard_range range(shard);
    const std::unique_ptr<rocksdb::Iterator> row(table.NewIterator(range.options()));
    events::log_offset next;
    for (row->Seek(embedded_journal_key(shard, next)); row->Valid(); row->Next()) next = offset_of(row->key()).next();
    if (!row->status().ok())
      found.emplace(shard, unreadable(at(shard, next) + ": it cannot be read", row->status()).error());
  }
  return found;
}

}  // namespace muster::connectors
