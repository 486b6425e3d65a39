#pragma once

#include "engine/ports/journal.hpp"
#include "engine/ports/shard_view.hpp"

namespace muster::engine {

/// Makes the read models of every shard anew from the log of a journal that no node serves, and puts them in the place
/// of those that were there, shard by shard. Gives how many events the logs hold.
result<std::uint64_t> rebuild_all(journal& log, projection_store& store);

}  // namespace muster::engine
