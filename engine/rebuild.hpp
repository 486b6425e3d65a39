#pragma once

#include "engine/ports/journal.hpp"
#include "engine/ports/shard_view.hpp"

namespace muster::engine {

struct rebuild_report {
  std::uint64_t events = 0;  ///< in the logs of the shards that were rebuilt
  /// Those that were not, and why: they keep the read models they had.
  std::vector<std::pair<events::shard_id, error>> failed;
};

/// Makes the read models of every shard anew from the log of a journal that no node serves, and puts them in the place
/// of those that were there, shard by shard. A shard that cannot be rebuilt keeps no other from it, unless its log
/// cannot be reached (`unavailable`): then those behind it are not tried.
rebuild_report rebuild_all(journal& log, projection_store& store);

/// `{"events":17,"failed":[{"shard":3,"error":"..."}]}`
std::string to_json(const rebuild_report& report);

}  // namespace muster::engine
