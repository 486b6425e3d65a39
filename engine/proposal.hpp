#pragma once

#include "engine/ports/keyring.hpp"
#include "events/frame.hpp"

#include <functional>
#include <vector>

namespace muster::engine {

/// That a decision rests on a key, and up to which sequence its source was current: nothing that changed the key after
/// `seen` may stand before the decision on the log.
struct key_read {
  std::uint64_t key = 0;
  events::log_sequence seen;
};

/// What became of a proposal.
enum class settlement_kind {
  committed,    ///< its events stand on the log, accepted; without events: what it read still holds
  conflict,     ///< something it read has changed: decide again on state as of `reload_at` or later
  unavailable,  ///< it is not on the log and never will be: the shard is draining, its keys could not be stored, or
                ///< time ran out. `in_doubt`: only a shard that has stopped for good gives this
  overloaded,   ///< the shard's queue is full
  too_large,    ///< it does not fit into a frame
};

struct settlement {
  settlement_kind kind = settlement_kind::unavailable;
  events::log_sequence first_sequence;  ///< committed: of its first event
  events::timestamp time;               ///< committed: of its events
  events::log_sequence reload_at;       ///< conflict only
  bool in_doubt = false;  ///< unavailable only: it may be on the log all the same, and then counts after a restart
};

/// A decision on its way to the log.
struct proposal {
  std::vector<events::event_record> events;  ///< sequence and time are the writer's to set
  std::vector<key_read> reads;
  std::vector<named_key> keys;  ///< data keys that the events use; stored before the frame is sent
  events::timestamp deadline;   ///< not sent after that
  bool framed = false;          ///< settled by a frame, if need be an empty one, even where the check alone would do
  std::function<void(const settlement&)>
      settled;  ///< called once, on the shard's thread, after projections took the events
};

}  // namespace muster::engine
