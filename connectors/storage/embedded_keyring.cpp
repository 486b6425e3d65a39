#include "connectors/storage/embedded_keyring.hpp"

#include "connectors/storage/key_wrap.hpp"
#include "connectors/storage/master_key.hpp"
#include "connectors/storage/store_directory.hpp"

#include <openssl/crypto.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <string>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

const store_kind keyring_kind{"keyring", 1};
constexpr std::string_view fingerprint_name = "masterKeyFingerprint";
constexpr unsigned long fresh_tables_max = 8;  ///< not yet compacted, when the keyring is opened

rocksdb::Options keyring_rocksdb_options() {
  auto options = store_options();
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;  // keys are random
  // A compaction in the background may move a table from under the one that destroys, which then leaves it as it is.
  options.disable_auto_compactions = true;
  return options;
}

/// Rewrites every table and drops what was deleted.
rocksdb::Status compact(rocksdb::DB& db) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  return db.CompactRange(options, nullptr, nullptr);
}

class embedded_keyring final : public engine::keyring {
public:
  embedded_keyring(const embedded_keyring_options& options, std::unique_ptr<rocksdb::DB> db)
      : directory_(options.directory.string()), master_(options.master_key), entropy_(*options.entropy),
        fingerprint_(fingerprint_of(master_)), db_(std::move(db)) {}

  const events::digest& master_key_fingerprint() const override { return fingerprint_; }

  result<void> store(std::span<const engine::named_key> keys) override {
    rocksdb::WriteBatch batch;
    for (const auto& key : keys) {
      const auto there = find(key.id);
      if (there) {
        if (CRYPTO_memcmp(there->bytes().data(), key.key.bytes().data(), key.key.bytes().size()) == 0) continue;
        return fail(errc::conflict, "data key " + events::to_hex(key.id.view()) + " is there already, and another");
      }
      if (there.error().code != errc::not_found) return std::unexpected(there.error());
      batch.Put(key.id.view(), wrap_key(master_, key, entropy_));
    }
    return batch.Count() == 0 ? result<void>() : write(batch);
  }

  result<engine::data_key> find(const events::data_key_id& id) override {
    std::string wrapped;
    rocksdb::ReadOptions checked;
    checked.verify_checksums = true;
    const auto status = db_->Get(checked, id.view(), &wrapped);
    if (status.IsNotFound()) return fail(errc::not_found, "there is no data key " + events::to_hex(id.view()));
    if (!status.ok())
      return failed("reading data key " + events::to_hex(id.view()) + " of the keyring in " + directory_, status);
    return unwrap_key(master_, id, wrapped);
  }

  result<void> each(const std::function<result<void>(const engine::named_key&)>& take) override {
    rocksdb::ReadOptions checked;
    checked.verify_checksums = true;
    const std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(checked));
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
      engine::named_key key;
      if (row->key().size() != key.id.bytes.size()) continue;  // what the keyring says of itself
      std::copy_n(row->key().data(), key.id.bytes.size(), key.id.bytes.begin());
      auto opened = unwrap_key(master_, key.id, row->value().ToStringView());
      if (!opened) return std::unexpected(opened.error());
      key.key = *opened;
      if (auto taken = take(key); !taken) return taken;
    }
    if (!row->status().ok()) return failed("reading the keyring in " + directory_, row->status());
    return {};
  }

  // A crash may come between deletion and compaction; so keys that are deleted already are compacted away all the same.
  result<void> destroy(std::span<const events::data_key_id> ids) override {
    if (ids.empty()) return {};
    rocksdb::WriteBatch batch;
    for (const auto& id : ids) batch.Delete(id.view());
    if (auto written = write(batch); !written) return written;
    // The flush starts a new write-ahead log, which leaves the old one without use.
    if (const auto status = db_->Flush({}); !status.ok())
      return failed("destroying keys of the keyring in " + directory_, status);
    if (const auto status = compact(*db_); !status.ok())
      return failed("destroying keys of the keyring in " + directory_, status);
    if (const auto status = delete_unused_files(); !status.ok()) {
      return failed("destroying keys of the keyring in " + directory_, status);
    }
    return {};
  }

private:
  result<void> write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (const auto status = db_->Write(synced, &batch); !status.ok())
      return failed("writing the keyring in " + directory_, status);
    return {};
  }

  /// The files that flush and compactions left without use are deleted by background jobs, maybe after what they did
  /// was reported as done: pausing waits for those, and the toggle makes RocksDB look for files they missed.
  rocksdb::Status delete_unused_files() {
    auto status = db_->PauseBackgroundWork();
    if (status.ok()) status = db_->ContinueBackgroundWork();
    if (status.ok()) status = db_->DisableFileDeletions();
    if (status.ok()) status = db_->EnableFileDeletions();
    return status;
  }

  const std::string directory_;
  const engine::data_key master_;
  engine::entropy& entropy_;
  const events::digest fingerprint_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

result<std::unique_ptr<engine::keyring>> open_embedded_keyring(const embedded_keyring_options& options) {
  MUSTER_ASSERT(options.entropy != nullptr);
  const auto present = holds_store(options.directory, keyring_kind);
  if (!present) return std::unexpected(present.error());
  const auto given = events::to_hex(events::as_bytes(fingerprint_of(options.master_key)));
  if (!*present && options.create_if_missing) {
    auto made = make_store(options.directory, keyring_kind, {{std::string(fingerprint_name), given}},
                           keyring_rocksdb_options(), *options.entropy);
    if (!made) return std::unexpected(made.error());
  }
  auto store = open_store(options.directory, keyring_kind, keyring_rocksdb_options());
  if (!store) return std::unexpected(store.error());
  const auto needed = store->identity.find(fingerprint_name);
  if (needed == store->identity.end() || needed->second != given) {
    return fail(errc::denied,
                "the keyring in " + options.directory.string() + " was made with the master key of fingerprint " +
                    (needed == store->identity.end() ? "unknown" : needed->second) + ", and the one given has " +
                    given + ": give the master key that belongs to this keyring");
  }
  std::string fresh_tables;
  if (store->db->GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &fresh_tables) &&
      std::stoul(fresh_tables) > fresh_tables_max) {
    if (const auto status = compact(*store->db); !status.ok()) {
      return failed("compacting the keyring in " + options.directory.string(), status);
    }
  }
  return std::make_unique<embedded_keyring>(options, std::move(store->db));
}

}  // namespace muster::connectors
