#pragma once

#include "engine/ports/journal.hpp"

#include <map>
#include <string>
#include <string_view>

namespace rocksdb {
class DB;
struct Options;
}  // namespace rocksdb

/// The rows of the embedded journal: how frames lie in RocksDB, and how they are read back without skipping any.
namespace muster::connectors {

constexpr std::uint32_t embedded_journal_shards_max = 4096;

/// The key of a frame's row: shard u32 | offset u64, big-endian. **This is the storage format.**
std::string embedded_journal_key(events::shard_id shard, events::log_offset offset);

/// For rows that are written once, in key order within each shard, and read in that order.
rocksdb::Options journal_rocksdb_options();

/// Behind the last frame of `shard`. Looks at the last two rows only: `read_rows` finds what is missing farther back.
engine::result<events::log_offset> find_end(rocksdb::DB& db, events::shard_id shard);

/// The frames of `shard` from `from` on and before `end`, about `bytes_max` bytes. Each must be there and right; what
/// was read before the first fault is returned, and the fault next time.
engine::result<std::vector<engine::log_record>> read_rows(rocksdb::DB& db, const events::journal_id& journal,
                                                          events::shard_id shard, events::log_offset from,
                                                          events::log_offset end, std::size_t bytes_max);

/// The shards of which the table `file`, whose keys lie between the two, does not give every row: with the first fault
/// of each. Reads the whole file.
std::map<events::shard_id, engine::error> damage_in_table(const std::string& file, std::string_view smallest_key,
                                                          std::string_view largest_key);

}  // namespace muster::connectors
