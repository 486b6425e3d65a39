#include "projections/rocksdb_projection.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <atomic>

namespace muster::projections {

class rocksdb_memory {
public:
  rocksdb_memory(std::size_t cache_bytes, std::size_t write_buffer_bytes)
      : cache(rocksdb::NewLRUCache(cache_bytes, cache_shard_bits, false, high_priority_share)),
        write_buffers(std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes, cache)) {}

  static constexpr int cache_shard_bits = 4;
  static constexpr double high_priority_share = 0.5;

  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

std::shared_ptr<rocksdb_memory> make_rocksdb_memory(std::size_t cache_bytes, std::size_t write_buffer_bytes) {
  return std::make_shared<rocksdb_memory>(cache_bytes, write_buffer_bytes);
}

namespace {

rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view view_of(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

// The one place where RocksDB's word becomes ours.
engine::result<void> to_result(const rocksdb::Status& status, const std::filesystem::path& directory) {
  if (status.ok()) return {};
  return engine::fail(status.IsCorruption() ? engine::errc::corrupt : engine::errc::internal,
                      "projections in " + directory.string() + ": " + status.ToString());
}

rocksdb::Options options_for(const rocksdb_memory& memory) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory.cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Index and filters are in the cache too, so that memory stays bounded however many rows there are; in small parts,
  // because a whole file's filter, read again for one row, costs many times what the row does.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4096;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_top_level_index_and_filter = true;
  table.format_version = 5;

  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_manager = memory.write_buffers;
  options.write_buffer_size = 16U << 20U;
  options.max_write_buffer_number = 2;
  options.arena_block_size = 256U << 10U;  // sixteen shards with a few rows each must stay small
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  // The fold asks for the row of every stream that begins, and there is none: 13 bits a row say so.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.01;
  options.allow_concurrent_memtable_write = false;  // one writer per shard: plain inserts are cheaper
  options.compression = rocksdb::kNoCompression;    // of what a memtable is written to: compaction soon makes it anew
  options.compression_per_level.assign(static_cast<std::size_t>(options.num_levels), rocksdb::kLZ4Compression);
  options.compression_per_level.front() = rocksdb::kNoCompression;
  // Rows are rewritten half as often as with level compaction: on two cores a rebuild waits for that, not for the fold.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.level0_file_num_compaction_trigger = 8;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.bytes_per_sync = 1U << 20U;
  options.stats_dump_period_sec = 0;  // either would cost each shard a thread
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1U << 20U;
  return options;
}

engine::result<std::optional<std::string>> get_row(rocksdb::DB& db, const rocksdb::ReadOptions& options,
                                                   std::string_view key, const std::filesystem::path& directory) {
  std::string value;
  const auto status = db.Get(options, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (auto read = to_result(status, directory); !read) return std::unexpected(read.error());
  return value;
}

engine::result<std::vector<std::optional<std::string>>>
get_rows(rocksdb::DB& db, std::span<const std::string_view> keys, const std::filesystem::path& directory) {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const auto key : keys) slices.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db.MultiGet({}, db.DefaultColumnFamily(), keys.size(), slices.data(), found.data(), statuses.data(), true);
  std::vector<std::optional<std::string>> values(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (auto read = to_result(statuses[i], directory); !read) return std::unexpected(read.error());
    values[i].emplace(view_of(found[i]));
  }
  return values;
}

// There is no prefix extractor, and an upper bound on every scan: a scan can never run into another scope's rows.
engine::result<void> scan_rows(rocksdb::DB& db, rocksdb::ReadOptions options, std::string_view from,
                               std::string_view to, const row_source::visitor& visit,
                               const std::filesystem::path& directory) {
  const auto upper = slice(to);
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator(options));
  for (rows->Seek(slice(from)); rows->Valid(); rows->Next()) {
    if (!visit(view_of(rows->key()), view_of(rows->value()))) return {};
  }
  return to_result(rows->status(), directory);
}

// Keeps changes until they are written, to write them in key order: then each row goes into the memtable near the one
// before it, which costs half of what scattered rows cost.
class rocksdb_batch final : public row_batch {
public:
  void put(std::string_view key, std::string_view value) override { add(key, value, false); }
  void erase(std::string_view key) override { add(key, {}, true); }

  rocksdb::WriteBatch in_key_order() {
    const auto key_of = [&](const change& c) { return std::string_view(bytes_).substr(c.at, c.key_size); };
    std::ranges::stable_sort(changes_, {}, key_of);
    rocksdb::WriteBatch batch(bytes_.size() + changes_.size() * 16);
    for (const auto& each : changes_) {
      // A batch in memory cannot fail: it has no size limit and no column family to miss.
      if (each.erased)
        batch.Delete(slice(key_of(each))).PermitUncheckedError();
      else
        batch.Put(slice(key_of(each)), {bytes_.data() + each.at + each.key_size, each.value_size})
            .PermitUncheckedError();
    }
    return batch;
  }

private:
  struct change {
    std::size_t at;  ///< of the key in `bytes_`, and the value behind it
    std::uint32_t key_size;
    std::uint32_t value_size;
    bool erased;
  };

  void add(std::string_view key, std::string_view value, bool erased) {
    changes_.push_back(
        {bytes_.size(), static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size()), erased});
    bytes_.append(key).append(value);
  }

  std::string bytes_;
  std::vector<change> changes_;
};

class rocksdb_snapshot final : public row_source {
public:
  rocksdb_snapshot(rocksdb::DB& db, const std::filesystem::path& directory)
      : db_(db), directory_(directory), snapshot_(db.GetSnapshot()) {
    options_.snapshot = snapshot_;
  }
  ~rocksdb_snapshot() override { db_.ReleaseSnapshot(snapshot_); }
  rocksdb_snapshot(const rocksdb_snapshot&) = delete;
  rocksdb_snapshot& operator=(const rocksdb_snapshot&) = delete;

  engine::result<std::optional<std::string>> get(std::string_view key) const override {
    return get_row(db_, options_, key, directory_);
  }
  engine::result<void> scan(std::string_view from, std::string_view to, const visitor& visit) const override {
    return scan_rows(db_, options_, from, to, visit, directory_);
  }

private:
  rocksdb::DB& db_;
  const std::filesystem::path& directory_;
  const rocksdb::Snapshot* snapshot_;
  rocksdb::ReadOptions options_;
};

class rocksdb_row_store final : public rocksdb_rows {
public:
  rocksdb_row_store(std::filesystem::path directory, std::shared_ptr<rocksdb_memory> memory,
                    std::unique_ptr<rocksdb::DB> db, durability writes)
      : directory_(std::move(directory)), memory_(std::move(memory)), db_(std::move(db)),
        logged_(writes == durability::logged), discarded_(writes == durability::none) {}

  ~rocksdb_row_store() override {
    db_.reset();
    std::error_code left_over;  // the next start removes what this could not
    if (discarded_) std::filesystem::remove_all(directory_, left_over);
  }
  rocksdb_row_store(const rocksdb_row_store&) = delete;
  rocksdb_row_store& operator=(const rocksdb_row_store&) = delete;

  engine::result<std::optional<std::string>> get(std::string_view key) const override {
    return get_row(*db_, {}, key, directory_);
  }
  engine::result<std::vector<std::optional<std::string>>>
  get_all(std::span<const std::string_view> keys) const override {
    return get_rows(*db_, keys, directory_);
  }
  engine::result<void> scan(std::string_view from, std::string_view to, const visitor& visit) const override {
    return scan_rows(*db_, {}, from, to, visit, directory_);
  }
  std::unique_ptr<row_batch> make_batch() override { return std::make_unique<rocksdb_batch>(); }
  engine::result<void> write(row_batch& batch) override {
    rocksdb::WriteOptions options;
    options.disableWAL = !logged_;
    auto changes = static_cast<rocksdb_batch&>(batch).in_key_order();
    return to_result(db_->Write(options, &changes), directory_);
  }
  std::unique_ptr<row_source> snapshot() const override { return std::make_unique<rocksdb_snapshot>(*db_, directory_); }

  engine::result<void> keep() override {
    logged_ = true;
    if (auto flushed = to_result(db_->Flush({}), directory_); !flushed) return flushed;
    discarded_ = false;
    return to_result(db_->SyncWAL(), directory_);
  }
  void discard() override { discarded_ = true; }

private:
  std::filesystem::path directory_;
  std::shared_ptr<rocksdb_memory> memory_;
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> logged_;
  std::atomic<bool> discarded_;
};

}  // namespace

engine::result<std::shared_ptr<rocksdb_rows>>
open_rocksdb_rows(const std::filesystem::path& directory, std::shared_ptr<rocksdb_memory> memory, durability writes) {
  rocksdb::DB* opened = nullptr;
  auto options = options_for(*memory);
  options.create_if_missing = writes != durability::read_only;
  const auto status = writes == durability::read_only
                          ? rocksdb::DB::OpenForReadOnly(options, directory.string(), &opened)
                          : rocksdb::DB::Open(options, directory.string(), &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (auto done = to_result(status, directory); !done) return std::unexpected(done.error());
  return std::make_shared<rocksdb_row_store>(directory, std::move(memory), std::move(db), writes);
}

}  // namespace muster::projections
