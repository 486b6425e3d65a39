#include "connectors/storage/known_damage.hpp"

namespace muster::connectors {

void known_damage::on_found(std::function<void(events::shard_id)> told) {
  const std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

void known_damage::note(events::shard_id shard, engine::error damage) {
  std::function<void(events::shard_id)> told;
  {
    const std::lock_guard lock(mutex_);
    if (!found_.emplace(shard, std::move(damage)).second) return;
    told = told_;
  }
  if (told) told(shard);
}

std::optional<engine::error> known_damage::of(events::shard_id shard) const {
  const std::lock_guard lock(mutex_);
  const auto found = found_.find(shard);
  return found == found_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace muster::connectors
