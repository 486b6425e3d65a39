#pragma once

#include "engine/ports/shard_view.hpp"

#include <filesystem>

namespace muster::projections {

struct projection_options {
  std::filesystem::path directory;              ///< made when a shard is opened first, if it is not there
  std::size_t cache_bytes = 64U << 20U;         ///< shared by all shards; write buffers are charged to it
  std::size_t write_buffer_bytes = 32U << 20U;  ///< of all shards together
};

/// Projections on disk, one RocksDB per shard and generation:
///
///     DIRECTORY/shard-000/CURRENT       "FORMAT gen-000001\n": the row format, and the generation that `open` gives
///     DIRECTORY/shard-000/gen-000001/   a RocksDB
///
/// A generation that CURRENT does not name is a rebuild that did not end or an old one: `open` removes it unless
/// somebody holds it. Rows of another format are not read: the shard begins again with an empty generation, and so from
/// the start of its log. Any thread; the directory belongs to this process alone.
engine::result<std::unique_ptr<engine::projection_store>> make_projection_store(projection_options options);

}  // namespace muster::projections
