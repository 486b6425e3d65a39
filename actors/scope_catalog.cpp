#include "actors/scope_catalog.hpp"

namespace muster::actors {

engine::as_of<scope_catalog::snapshot> scope_catalog::find(const events::id_scope& scope) const {
  const std::shared_lock lock(mutex_);
  const auto at = by_scope_.find(scope);
  if (at == by_scope_.end()) return {};
  // The fold publishes a snapshot before it moves `folded_to`, so that what is read first is never too new.
  const auto& entry = shards_[at->second->shard.value()];
  return {at->second, events::log_sequence(entry.folded_to.load(std::memory_order_acquire))};
}

scope_catalog::snapshot scope_catalog::find(const events::service_name& name) const {
  const std::shared_lock lock(mutex_);
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

engine::lone_service scope_catalog::lone() const {
  const std::shared_lock lock(mutex_);
  return {by_name_.size() == 1 ? by_name_.begin()->second : nullptr, by_name_.size()};
}

std::vector<scope_catalog::snapshot> scope_catalog::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<snapshot> all;
  for (const auto& [name, each] : by_name_) all.push_back(each);
  return all;
}

std::shared_ptr<engine::shard_view> scope_catalog::view(events::shard_id shard) const {
  const std::shared_lock lock(mutex_);
  return shard.value() < shards_.size() ? shards_[shard.value()].view : nullptr;
}

void scope_catalog::publish(snapshot now) {
  const std::unique_lock lock(mutex_);
  by_name_[now->service.name] = now;
  by_scope_[now->service.scope] = std::move(now);
}

void scope_catalog::folded_to(events::shard_id shard, events::log_sequence sequence) {
  shards_[shard.value()].folded_to.store(sequence.value(), std::memory_order_release);
}

void scope_catalog::set_view(events::shard_id shard, std::shared_ptr<engine::shard_view> view) {
  const std::unique_lock lock(mutex_);
  shards_[shard.value()].view = std::move(view);
}

}  // namespace muster::actors
