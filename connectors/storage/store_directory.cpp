#include "connectors/storage/store_directory.hpp"

#include "connectors/storage/wal_check.hpp"
#include "events/bytes.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace muster::connectors {

namespace fs = std::filesystem;
using engine::errc;
using engine::fail;
using engine::result;

namespace {

std::string encode(const store_identity& identity) {
  std::string text;
  for (const auto& [name, value] : identity) text += name + "=" + value + "\n";
  return text;
}

store_identity decode(std::string_view text) {
  store_identity identity;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto equals = line.find('=');
    if (equals != line.npos) identity.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return identity;
}

result<void> sync_directory(const fs::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) return fail(errc::unavailable, "cannot sync the directory " + directory.string());
  return {};
}

fs::path owner_file(const fs::path& directory) {
  return directory / "owner.pid";
}

std::unexpected<engine::error> in_use(const fs::path& directory) {
  std::string owner;
  std::ifstream(owner_file(directory)) >> owner;
  const auto who = owner == std::to_string(::getpid()) ? std::string("this process already")
                   : owner.empty()                     ? std::string("another process")
                                                       : "another process (pid " + owner + ")";
  return fail(errc::unavailable, who + " uses " + directory.string() + ": stop it first, or name another directory");
}

/// Refuses a directory in use or with damage that RocksDB would overlook. Nothing in the directory changes.
result<void> check_unopened(const fs::path& directory, const store_kind& kind) {
  auto* const env = rocksdb::Env::Default();
  rocksdb::FileLock* lock = nullptr;
  if (::access(directory.c_str(), W_OK) != 0) return fail(errc::unavailable, "cannot write in " + directory.string());
  if (!env->LockFile((directory / "LOCK").string(), &lock).ok()) return in_use(directory);
  auto checked = check_wals(directory);
  env->UnlockFile(lock);
  if (checked) return {};
  return fail(checked.error().code, "the " + kind.name + " in " + directory.string() +
                                        " is damaged: " + checked.error().text +
                                        ". Nothing was changed; restore the directory from a backup");
}

result<store_identity> read_identity(rocksdb::DB& db, const fs::path& directory, const store_kind& kind) {
  std::string row;
  const auto status = db.Get({}, std::string(identity_key), &row);
  if (!status.ok() && !status.IsNotFound()) return failed("reading what " + directory.string() + " is", status);
  auto identity = decode(row);
  if (!identity.contains("store") || !identity.contains("format")) {
    return fail(errc::invalid, directory.string() + " holds a RocksDB database that is no " + kind.name +
                                   " of Muster: name the directory of a " + kind.name + ", or a new one");
  }
  if (identity["store"] != kind.name) {
    return fail(errc::invalid, directory.string() + " holds a " + identity["store"] + ", not a " + kind.name +
                                   ": name the directory of a " + kind.name + ", or a new one");
  }
  if (identity["format"] != std::to_string(kind.format)) {
    return fail(errc::invalid, "the " + kind.name + " in " + directory.string() + " has format " + identity["format"] +
                                   ", and this version reads format " + std::to_string(kind.format) +
                                   ": use the version that wrote it");
  }
  return identity;
}

result<void> write_identity(const fs::path& directory, const store_identity& identity, rocksdb::Options options) {
  options.create_if_missing = true;
  options.error_if_exists = true;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, directory.string(), &opened); !status.ok()) {
    return failed("making " + directory.string(), status);
  }
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  auto status = db->Put(synced, std::string(identity_key), encode(identity));
  if (status.ok()) status = db->Flush({});
  if (status.ok()) status = db->Close();
  if (!status.ok()) return failed("making " + directory.string(), status);
  return {};
}

}  // namespace

rocksdb::Options store_options() {
  rocksdb::Options options;
  // The default drops synced batches behind damage in the middle of the write-ahead log.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.recycle_log_file_num = 0;  // old batches in a reused log must not come back, nor destroyed keys stay
  options.write_buffer_size = 16 << 20;
  // Two, with the one flush thread that two jobs give: 7.8 has faults with parallel flushes (RocksDB HISTORY, 7.9.0
  // and 8.7.0).
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 2;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  options.bytes_per_sync = 1 << 20;
  options.manifest_preallocation_size = 64 << 10;
  options.max_open_files = 512;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 4;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

result<bool> holds_store(const fs::path& directory, const store_kind& kind) {
  std::error_code ignored;
  const auto status = fs::status(directory, ignored);
  if (!fs::exists(status)) return false;
  if (!fs::is_directory(status)) {
    return fail(errc::invalid, directory.string() + " is not a directory: name a directory for the " + kind.name);
  }
  if (fs::exists(directory / "CURRENT", ignored)) return true;
  if (fs::is_empty(directory, ignored)) return false;
  return fail(errc::invalid, directory.string() + " is not empty and holds no " + kind.name +
                                 ": name the directory of a " + kind.name + ", or a new one");
}

result<void> make_store(const fs::path& directory, const store_kind& kind, store_identity identity,
                        rocksdb::Options options, engine::entropy& entropy) {
  identity["store"] = kind.name;
  identity["format"] = std::to_string(kind.format);
  // Made beside its place and moved there when it is whole. The name is random, so that two processes do not meet.
  const auto place = fs::absolute(directory).lexically_normal();
  const auto parent = place.has_filename() ? place.parent_path() : place.parent_path().parent_path();
  auto draft = place.has_filename() ? place : place.parent_path();
  draft += ".new-" + events::to_hex(entropy.draw(8));

  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return fail(errc::unavailable, "cannot make the directory " + parent.string() + ": " + error.message());
  auto made = write_identity(draft, identity, std::move(options));
  if (made) made = sync_directory(draft);
  if (made) {
    fs::rename(draft, place, error);
    if (error)
      made = fail(errc::unavailable,
                  "cannot put the new " + kind.name + " into " + place.string() + ": " + error.message());
  }
  if (made) return sync_directory(parent);
  fs::remove_all(draft, error);
  return made;
}

result<opened_store> open_store(const fs::path& directory, const store_kind& kind, rocksdb::Options options) {
  const auto present = holds_store(directory, kind);
  if (!present) return std::unexpected(present.error());
  if (!*present) return fail(errc::not_found, "there is no " + kind.name + " in " + directory.string());
  if (const auto sound = check_unopened(directory, kind); !sound) return std::unexpected(sound.error());

  const bool compacts = !options.disable_auto_compactions;
  options.disable_auto_compactions = true;  // until it is known to be ours
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, directory.string(), &opened); !status.ok()) {
    if (status.IsInvalidArgument()) {
      return failed(directory.string() + " holds a RocksDB database that is no " + kind.name + " of Muster", status);
    }
    if (status.IsCorruption()) {
      return failed("the " + kind.name + " in " + directory.string() +
                        " is damaged; restore the directory from a backup",
                    status);
    }
    return failed("opening the " + kind.name + " in " + directory.string(), status);
  }
  opened_store store{std::unique_ptr<rocksdb::DB>(opened), {}};
  auto identity = read_identity(*store.db, directory, kind);
  if (!identity) return std::unexpected(identity.error());
  store.identity = std::move(*identity);
  if (compacts) {
    const auto status = store.db->SetOptions({{"disable_auto_compactions", "false"}});
    if (!status.ok()) return failed("opening the " + kind.name + " in " + directory.string(), status);
  }
  std::ofstream(owner_file(directory), std::ios::trunc) << ::getpid() << '\n';
  return store;
}

std::unexpected<engine::error> failed(std::string_view doing, const rocksdb::Status& status) {
  const auto code = status.IsCorruption()        ? errc::corrupt
                    : status.IsInvalidArgument() ? errc::invalid
                                                 : errc::unavailable;
  return fail(code, std::string(doing) + ": " + status.ToString());
}

}  // namespace muster::connectors
