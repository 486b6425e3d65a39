#pragma once

#include "engine/error.hpp"
#include "events/ids.hpp"

#include <string>

namespace muster::engine {

/// Long work on a running node, for operators. Each call blocks until it is done, and answers with a JSON object that
/// sums it up. Not on the command path; one call at a time.
class maintenance {
public:
  virtual ~maintenance() = default;

  /// Folds the journal of every shard that is open, or has stopped because of its projections, into a new generation
  /// of these, and switches. `"stopped"` in the answer lists the shards that were left out: they have stopped because
  /// of their log.
  virtual result<std::string> rebuild() = 0;

  /// Checks chains, checksums, and projections against a fold. `corrupt` says what is wrong and where.
  virtual result<std::string> verify() = 0;

  /// Counts what `scope` used anew from its shard's log, and compares (engine/recount.hpp).
  virtual result<std::string> recount(events::shard_id shard, const events::id_scope& scope) = 0;
};

}  // namespace muster::engine
