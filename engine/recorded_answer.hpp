#pragma once

#include "engine/answer.hpp"
#include "engine/command.hpp"
#include "engine/history.hpp"
#include "engine/ports/shard_view.hpp"

namespace muster::engine {

/// What a client's command id led to before, if it did: the recorded answer, or the rejection of a command id that
/// belongs to another request. `seen` is the sequence as of which nothing else is recorded. Reads projections and, for
/// a repetition, one frame of the journal. Any thread.
struct recorded_command {
  std::optional<answer> found;
  events::log_sequence seen;
};
result<recorded_command> find_recorded(const caller& who, const events::id_scope& scope, events::shard_id shard,
                                       shard_view& view, history& past, keyring& keys);

}  // namespace muster::engine
