#pragma once

#include "engine/ports/shard_view.hpp"

#include <deque>

/// The hourly usage events of the feed. They stand on no log: they follow from the fold, and so are the same for every
/// reader for ever.
namespace muster::engine {

/// A place in the feed of a service: behind the event `sequence`, and behind the usage of the hours up to `hour` that
/// ended there. The usage of an hour comes directly before the first event after the hour's end.
struct feed_place {
  events::log_sequence sequence;
  std::optional<events::log_hour> hour;
  feed_place() = default;
  feed_place(events::log_sequence s, std::optional<events::log_hour> h = {}) : sequence(s), hour(h) {}
  friend auto operator<=>(const feed_place&, const feed_place&) = default;
};

/// What an hour that has ended is reported as; nothing if it had no operation, or is open.
std::optional<events::usage_reported> report_of(const usage_hour& used);

/// Where the report of an hour stands.
feed_place place_of(const events::usage_reported& e);

/// How far a reaction has come, and what says so in its state.
feed_place place_of(const reaction_state& state);
void set_place(reaction_state& state, const feed_place& place);

/// The reports of `scope` behind `after` and before the event `before`, in order. `view` has folded every event before
/// that one. Any thread.
result<std::deque<events::usage_reported>> usage_between(shard_view& view, const events::id_scope& scope,
                                                         const feed_place& after, events::log_sequence before);

/// The report of one of a shard's services.
struct shard_usage {
  events::id_scope scope;
  events::usage_reported report;
};

/// The same of all services of the shard: in order of their places, at the same place by ID scope.
result<std::deque<shard_usage>> usage_between(shard_view& view, const feed_place& after, events::log_sequence before);

/// Whether the hour of the last folded frame has operations of any service of the shard.
result<bool> has_operations_now(shard_view& view);

}  // namespace muster::engine
