#pragma once

#include "engine/error.hpp"
#include "engine/ports/entropy.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace rocksdb {
class DB;
class Status;
struct Options;
}  // namespace rocksdb

/// A directory that is one RocksDB of a known kind and belongs to one process at a time: what journal and keyring have
/// in common.
namespace muster::connectors {

/// What a store is, written when it is made, in one row under `identity_key`: a line `name=value` each. Every store has
/// the names `store` and `format`. **These names are the storage format.**
using store_identity = std::map<std::string, std::string, std::less<>>;

/// Sorts behind every other key.
inline constexpr std::string_view identity_key = "\xff\xff\xff\xffidentity";

struct store_kind {
  std::string name;  ///< "journal"
  int format = 1;    ///< the newest this version reads
};

struct opened_store {
  std::unique_ptr<rocksdb::DB> db;
  store_identity identity;
};

/// What journal and keyring want of RocksDB alike: nothing that was synced is dropped silently.
rocksdb::Options store_options();

/// True if `directory` is a store of any kind; `invalid` if something else is there. A missing or empty directory is no
/// store.
engine::result<bool> holds_store(const std::filesystem::path& directory, const store_kind& kind);

/// Makes a store in `directory`, which is missing or empty, and closes it again: whole and durable, or not at all.
engine::result<void> make_store(const std::filesystem::path& directory, const store_kind& kind, store_identity identity,
                                rocksdb::Options options, engine::entropy& entropy);

/// Opens the store in `directory`. `unavailable` if another process has it; `invalid` if it is of another kind or of a
/// format this version does not know; `corrupt` if it is damaged. All texts say what to do.
engine::result<opened_store> open_store(const std::filesystem::path& directory, const store_kind& kind,
                                        rocksdb::Options options);

/// What went wrong, with RocksDB's own words behind `doing`.
std::unexpected<engine::error> failed(std::string_view doing, const rocksdb::Status& status);

}  // namespace muster::connectors
