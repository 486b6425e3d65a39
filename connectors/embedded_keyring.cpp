#include "connectors/embedded_keyring.hpp"

#include "connectors/key_wrap.hpp"
#include "connectors/master_key.hpp"
#include "connectors/store_directory.hpp"

#include <openssl/crypto.h>
#include <rocksdb/db.h>

#include <algorithm>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

const store_kind keyring_kind{"keyring", 1};
constexpr std::string_view fingerprint_name = "masterKeyFingerprint";
constexpr std::size_t compactions_max = 16;  ///< of single keys; for more, one of the whole keyring costs less

rocksdb::Options keyring_rocksdb_options() {
  auto options = store_options();
  options.write_buffer_size = 4 << 20;
  options.target_file_size_base = 4 << 20;  // destroying a key rewrites the files it is in
  options.compression = rocksdb::kNoCompression;  // keys are random
  return options;
}

class embedded_keyring final : public engine::keyring {
 public:
  embedded_keyring(const embedded_keyring_options& options, std::unique_ptr<rocksdb::DB> db)
      : directory_(options.directory.string()),
        master_(options.master_key),
        entropy_(*options.entropy),
        fingerprint_(fingerprint_of(master_)),
        db_(std::move(db)) {}

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
    if (!status.ok()) return failed("reading data key " + events::to_hex(id.view()) + " of the keyring in " + directory_, status);
    return unwrap_key(master_, id, wrapped);
  }

  // A crash may come between deletion and compaction; so keys that are deleted already are compacted away all the same.
  result<void> destroy(std::span<const events::data_key_id> ids) override {
    if (ids.empty()) return {};
    rocksdb::WriteBatch batch;
    for (const auto& id : ids) batch.Delete(id.view());
    if (auto written = write(batch); !written) return written;
    // The flush starts a new write-ahead log, which leaves the old one without use.
    if (const auto status = db_->Flush({}); !status.ok()) return failed("destroying keys of the keyring in " + directory_, status);
    if (const auto status = compact(ids); !status.ok()) return failed("destroying keys of the keyring in " + directory_, status);
    if (const auto status = delete_unused_files(); !status.ok()) {
      return failed("destroying keys of the keyring in " + directory_, status);
    }
    return {};
  }

 private:
  result<void> write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (const auto status = db_->Write(synced, &batch); !status.ok()) return failed("writing the keyring in " + directory_, status);
    return {};
  }

  rocksdb::Status compact(std::span<const events::data_key_id> ids) {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    if (ids.size() > compactions_max) return db_->CompactRange(options, nullptr, nullptr);
    for (const auto& id : ids) {
      const rocksdb::Slice key(id.view());
      if (auto status = db_->CompactRange(options, &key, &key); !status.ok()) return status;
    }
    return rocksdb::Status::OK();
  }

  /// The files that flush and compactions left without use are deleted by background jobs, maybe after what they did was
  /// reported as done: pausing waits for those, and the toggle makes RocksDB look for files they missed.
  rocksdb::Status delete_unused_files() {
    auto status = db_->PauseBackgroundWork();
    if (status.ok()) status = db_->ContinueBackgroundWork();
    if (status.ok()) status = db_->DisableFileDeletions();
    if (status.ok()) status = db_->EnableFileDeletions(/*force=*/true);
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
    auto made = make_store(options.directory, keyring_kind, {{std::string(fingerprint_name), given}}, keyring_rocksdb_options(),
                           *options.entropy);
    if (!made) return std::unexpected(made.error());
  }
  auto store = open_store(options.directory, keyring_kind, keyring_rocksdb_options());
  if (!store) return std::unexpected(store.error());
  const auto needed = store->identity.find(fingerprint_name);
  if (needed == store->identity.end() || needed->second != given) {
    return fail(errc::denied, "the keyring in " + options.directory.string() + " was made with the master key of fingerprint " +
                                  (needed == store->identity.end() ? "unknown" : needed->second) + ", and the one given has " + given +
                                  ": give the master key that belongs to this keyring");
  }
  return std::make_unique<embedded_keyring>(options, std::move(store->db));
}

}  // namespace muster::connectors
