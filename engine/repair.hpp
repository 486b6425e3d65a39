#pragma once

#include "engine/log_rule.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/journal.hpp"

#include <optional>
#include <string>

namespace muster::engine {

/// Finds operators' repairs in the log of `shard`: reads it from the frame in question to its end. `log` must outlive
/// what is returned. A log that cannot be read then has no repair: the reader stops, and finds it after a restart.
log_rule::repair_lookup repairs_in(journal& log, events::shard_id shard);

/// A frame at which every reader of a log stops.
struct blocked_log {
  events::log_offset offset;
  events::digest hash{};
  std::string reason;  ///< why readers stop there, for people
};

/// The first frame at which whoever folds `shard` from its first frame on stops; nothing if that leads to the end. Only
/// such a fold can say: one that began later remembers fewer heads.
result<std::optional<blocked_log>> find_block(journal& log, events::shard_id shard);

/// What an operator has decided: readers of `shard` pass the frame `hash`, which never counts.
struct repair_order {
  events::shard_id shard;
  events::digest hash{};
  std::string by;      ///< the operator
  std::string reason;  ///< for those who read the log later
  std::string node;    ///< where the order was given
};

/// The frame that says so. `invalid` if it has no reason or operator, or too long ones, or if `blocked` is not the
/// frame it names: an order that names any other would do nothing, or stop the readers that counted it.
result<outgoing_frame> make_repair(const repair_order& order, const journal_identity& journal,
                                   const std::optional<blocked_log>& blocked, events::timestamp now);

/// Looks where readers of the shard stop, appends the order's frame and waits until it is durable. Gives what was
/// passed. For a process that has the journal to itself: it appends and waits. `invalid` as above; `unavailable` if the
/// journal did not take the frame.
result<blocked_log> repair(journal& log, const repair_order& order, const clock& time);

}  // namespace muster::engine
