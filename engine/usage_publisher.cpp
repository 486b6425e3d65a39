#include "engine/usage_publisher.hpp"

#include <algorithm>

namespace muster::engine {

result<void> usage_publisher::step() {
  result<void> done;
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    if (auto stepped = step(events::shard_id(i)); !stepped) done = std::move(stepped);
  }
  return done;
}

result<void> usage_publisher::step(events::shard_id shard) {
  auto& place = places_[shard.value()];
  const auto view = services_.view(shard);
  if (!view) {
    place.reset();  // another node may have come further meanwhile
    return {};
  }
  if (!place) {
    const auto kept = view->reaction(name_);
    if (!kept) return std::unexpected(kept.error());
    place = *kept ? place_of(**kept) : feed_place();
  }
  const auto position = view->position();
  const auto due = usage_between(*view, *place, position.sequence.next());
  if (!due) return std::unexpected(due.error());
  for (std::size_t i = 0; i < due->size(); ++i) {
    const auto& each = (*due)[i];
    if (!take_(shard, each)) return {};
    const auto at = place_of(each.report);
    if (i + 1 < due->size() && place_of((*due)[i + 1].report) == at) continue;
    place = at;
    reaction_state state;
    set_place(state, at);
    if (auto kept = view->keep_reaction(name_, state); !kept) return kept;
  }
  // Hours without operations are behind us as well, and need not be looked at again.
  const feed_place ended(position.sequence, events::hour_of(position.time) - std::chrono::hours(1));
  place = std::max(*place, ended);
  return {};
}

}  // namespace muster::engine
