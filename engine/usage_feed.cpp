#include "engine/usage_feed.hpp"

#include <algorithm>

namespace muster::engine {

namespace {

constexpr std::size_t hours_per_read = 100;

}  // namespace

std::optional<events::usage_reported> report_of(const usage_hour& used) {
  if (!used.end || operations_of(used.counts) == 0) return std::nullopt;
  events::usage_reported e;
  e.from = used.hour;
  e.to = used.hour + std::chrono::hours(1);
  e.operations = operations_of(used.counts);
  e.types = used.counts.types;
  e.first = used.counts.first;
  e.last = used.counts.last;
  e.sequence = used.end->sequence;
  e.head = events::to_hex(events::as_bytes(used.end->head));
  return e;
}

feed_place place_of(const events::usage_reported& e) {
  return {e.sequence, events::hour_of(e.from)};
}

feed_place place_of(const reaction_state& state) {
  return {state.done, state.hour ? std::optional(events::hour_of(*state.hour)) : std::nullopt};
}

void set_place(reaction_state& state, const feed_place& place) {
  state.done = place.sequence;
  state.hour = place.hour;
}

result<std::deque<events::usage_reported>> usage_between(shard_view& view, const events::id_scope& scope,
                                                         const feed_place& after, events::log_sequence before) {
  std::deque<events::usage_reported> found;
  const auto first = view.hour_ended_behind(after.sequence, after.hour);
  if (!first) return std::unexpected(first.error());
  if (!*first) return found;
  for (auto from = **first;;) {
    const auto hours = view.usage(scope, from, events::hours_end, hours_per_read);
    if (!hours) return std::unexpected(hours.error());
    for (const auto& each : *hours) {
      if (!each.end || each.end->sequence >= before) return found;
      if (feed_place{each.end->sequence, each.hour} <= after) continue;
      if (auto report = report_of(each)) found.push_back(std::move(*report));
    }
    if (hours->size() < hours_per_read) return found;
    from = hours->back().hour + std::chrono::hours(1);
  }
}

result<std::deque<shard_usage>> usage_between(shard_view& view, const feed_place& after, events::log_sequence before) {
  std::deque<shard_usage> found;
  const auto first = view.hour_ended_behind(after.sequence, after.hour);
  if (!first) return std::unexpected(first.error());
  if (!*first) return found;
  const auto services = view.services();
  if (!services) return std::unexpected(services.error());
  for (const auto& each : *services) {
    auto reports = usage_between(view, each.scope, after, before);
    if (!reports) return std::unexpected(reports.error());
    for (auto& report : *reports) found.push_back({each.scope, std::move(report)});
  }
  std::ranges::stable_sort(found, {}, [](const shard_usage& each) { return place_of(each.report); });
  return found;
}

result<bool> has_operations_now(shard_view& view) {
  const auto hour = events::hour_of(view.position().time);
  const auto services = view.services();
  if (!services) return std::unexpected(services.error());
  for (const auto& each : *services) {
    const auto used = view.usage(each.scope, hour, hour + std::chrono::hours(1), 1);
    if (!used) return std::unexpected(used.error());
    if (!used->empty() && operations_of(used->front().counts) > 0) return true;
  }
  return false;
}

}  // namespace muster::engine
