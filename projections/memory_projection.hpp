#pragma once

#include "engine/ports/shard_view.hpp"
#include "projections/row_store.hpp"

namespace muster::projections {

/// Rows in memory, gone with the object: for tests, and to measure the fold without storage.
std::shared_ptr<row_store> make_memory_rows();

/// A shard's read models in memory.
std::shared_ptr<engine::shard_projection> make_memory_projection();

/// Projections in memory, for as many shards as are asked for. A generation lives as long as somebody holds it, and the
/// current one as long as the store.
std::unique_ptr<engine::projection_store> make_memory_projection_store();

}  // namespace muster::projections
