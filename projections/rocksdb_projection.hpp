#pragma once

#include "engine/ports/shard_view.hpp"
#include "projections/row_store.hpp"

#include <filesystem>

namespace muster::projections {

/// The memory that all shards' projections share: a block cache, and the write buffers, which are charged to it.
class rocksdb_memory;
std::shared_ptr<rocksdb_memory> make_rocksdb_memory(std::size_t cache_bytes, std::size_t write_buffer_bytes);

/// How a generation's writes survive.
enum class durability {
  /// Each write is in the write-ahead log, unsynced: a killed process loses nothing, a power cut at most a tail. Rows
  /// and
  /// position are in one write, so what is left is consistent and the fold continues from there.
  logged,
  /// Nothing survives before `keep`: for a generation that is being made anew and is not the current one yet.
  none,
  /// There are none: the directory must be there and is left as it is, also if what was written last is still in the
  /// write-ahead log.
  read_only,
};

/// One generation of one shard's rows in a RocksDB of its own.
class rocksdb_rows : public row_store {
public:
  /// Syncs everything written so far; from here on writes are `durability::logged` and the directory stays. Not while
  /// another thread writes.
  virtual engine::result<void> keep() = 0;
  /// The directory goes with this object. It is so from the start with `durability::none`. Any thread.
  virtual void discard() = 0;
};

/// Opens the rows in `directory`, or makes it (not with `durability::read_only`). `corrupt` if it is damaged,
/// `internal` for anything else, with RocksDB's words.
engine::result<std::shared_ptr<rocksdb_rows>>
open_rocksdb_rows(const std::filesystem::path& directory, std::shared_ptr<rocksdb_memory> memory, durability writes);

}  // namespace muster::projections
