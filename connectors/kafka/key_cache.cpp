#include "connectors/kafka/key_cache.hpp"

#include "connectors/storage/store_directory.hpp"
#include "events/bytes.hpp"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <charconv>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

// Rows: `w` + the key's ID = wrapped key, or `wmoving` = the mark of a migration; `position`; `keyring` = whose copy
// this is; `format` = what rows there are. A change of rows raises the format, and every node then makes its copy anew.
constexpr std::string_view format = "2";
constexpr std::string_view format_row = "format";
constexpr std::string_view key_prefix = "w";
constexpr std::string_view keys_end = "x";
constexpr std::string_view position_row = "position";
constexpr std::string_view keyring_row = "keyring";

rocksdb::Options cache_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;  // keys are random
  options.max_open_files = 128;
  options.keep_log_file_num = 2;
  options.write_buffer_size = 8 << 20;
  // A compaction in the background may move a table from under an erasure, which then leaves it as it is. The follower
  // erases soon after each start and after deletions: that is compaction enough.
  options.disable_auto_compactions = true;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::string row_of(std::string_view id) {
  return std::string(key_prefix).append(id);
}

class rocksdb_key_cache final : public key_cache {
public:
  rocksdb_key_cache(std::string directory, std::unique_ptr<rocksdb::DB> db)
      : directory_(std::move(directory)), db_(std::move(db)) {}

  result<place> position() const override {
    std::string row;
    const auto status = db_->Get({}, std::string(position_row), &row);
    if (status.IsNotFound()) return place{};
    if (!status.ok()) return failed("reading " + directory_, status);
    place at;
    const auto* const end = row.data() + row.size();
    const auto first = std::from_chars(row.data(), end, at.next_offset);
    if (first.ec != std::errc() || first.ptr == end ||
        std::from_chars(first.ptr + 1, end, at.followed_at).ec != std::errc())
      return place{};
    return at;
  }

  result<void> apply(const std::vector<change>& changes, const place& behind) override {
    auto batch = batch_of(changes);
    batch.Put(std::string(position_row), std::to_string(behind.next_offset) + " " + std::to_string(behind.followed_at));
    return write(batch);
  }

  result<void> keep(const std::vector<change>& stored) override {
    auto batch = batch_of(stored);
    return write(batch);
  }

  result<std::string> find(std::string_view id) const override {
    rocksdb::ReadOptions checked;
    checked.verify_checksums = true;
    std::string wrapped;
    const auto status = db_->Get(checked, row_of(id), &wrapped);
    if (status.IsNotFound()) return fail(errc::not_found, "there is no data key " + events::to_hex(id));
    if (!status.ok()) return failed("reading " + directory_, status);
    return wrapped;
  }

  result<void>
  each(const std::function<result<void>(std::string_view id, std::string_view wrapped)>& take) const override {
    rocksdb::ReadOptions checked;
    checked.verify_checksums = true;
    const std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(checked));
    for (row->Seek(std::string(key_prefix)); row->Valid() && row->key().starts_with(std::string(key_prefix));
         row->Next()) {
      auto taken = take(row->key().ToStringView().substr(key_prefix.size()), row->value().ToStringView());
      if (!taken) return taken;
    }
    if (!row->status().ok()) return failed("reading " + directory_, row->status());
    return {};
  }

  // The flush starts a new write-ahead log; a forced compaction drops what was deleted; the pause waits for background
  // jobs that still hold old files, which are then looked for and removed.
  result<void> erase_deleted() override {
    rocksdb::CompactRangeOptions everything;
    everything.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    auto status = db_->Flush({});
    if (status.ok()) status = db_->CompactRange(everything, nullptr, nullptr);
    if (status.ok()) status = db_->PauseBackgroundWork();
    if (status.ok()) status = db_->ContinueBackgroundWork();
    if (status.ok()) status = db_->DisableFileDeletions();
    if (status.ok()) status = db_->EnableFileDeletions();
    if (!status.ok()) return failed("erasing keys from " + directory_, status);
    return {};
  }

  result<void> clear() override {
    rocksdb::WriteBatch batch;
    batch.DeleteRange(std::string(key_prefix), std::string(keys_end));
    batch.Delete(std::string(position_row));
    if (auto written = write(batch); !written) return written;
    return erase_deleted();
  }

  /// Whether this is a copy of `keyring` in the format that is known here.
  bool is_copy_of(const std::string& keyring) const {
    std::string row;
    if (!db_->Get({}, std::string(format_row), &row).ok() || row != format) return false;
    return db_->Get({}, std::string(keyring_row), &row).ok() && row == keyring;
  }
  result<void> begin(const std::string& keyring) {
    rocksdb::WriteBatch batch;
    batch.Put(std::string(format_row), std::string(format));
    batch.Put(std::string(keyring_row), keyring);
    return write(batch);
  }

private:
  static rocksdb::WriteBatch batch_of(const std::vector<change>& changes) {
    rocksdb::WriteBatch batch;
    for (const auto& each : changes) {
      if (each.wrapped)
        batch.Put(row_of(each.id), *each.wrapped);
      else
        batch.Delete(row_of(each.id));
    }
    return batch;
  }
  result<void> write(rocksdb::WriteBatch& batch) {
    if (const auto status = db_->Write({}, &batch); !status.ok()) return failed("writing " + directory_, status);
    return {};
  }

  const std::string directory_;
  const std::unique_ptr<rocksdb::DB> db_;
};

/// `corrupt`: what is there is no database as we make it, and another must be made. `unavailable`: it cannot be opened
/// now.
result<std::unique_ptr<rocksdb_key_cache>> open_database(const std::filesystem::path& directory) {
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(cache_options(), directory.string(), &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) {
    const bool other = status.IsCorruption() || status.IsInvalidArgument() || status.IsNotSupported();
    return fail(other ? errc::corrupt : errc::unavailable,
                "the copy of the keyring in " + directory.string() + " cannot be opened: " + status.ToString());
  }
  return std::make_unique<rocksdb_key_cache>(directory.string(), std::move(db));
}

}  // namespace

result<std::unique_ptr<key_cache>> key_cache::open(const std::filesystem::path& directory, const std::string& keyring) {
  std::error_code problem;
  const bool fresh = !std::filesystem::exists(directory / "CURRENT", problem);
  auto cache = open_database(directory);
  if (cache && !fresh && (*cache)->is_copy_of(keyring)) return std::move(*cache);
  if (!cache && cache.error().code != errc::corrupt) return std::unexpected(cache.error());
  if (!fresh) {  // nothing of another keyring or another format is read, nor is it left in the files
    if (cache) cache->reset();
    rocksdb::DestroyDB(directory.string(), cache_options());
    cache = open_database(directory);
    if (!cache) return std::unexpected(cache.error());
  }
  if (auto begun = (*cache)->begin(keyring); !begun) return std::unexpected(begun.error());
  return std::move(*cache);
}

}  // namespace muster::connectors
