#include "actors/device_pool.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace muster::actors {

namespace {

constexpr std::size_t asked_to_go_max = 1024;  // in one sweep; more go with the next

}  // namespace

void device_pool::send(const events::registration_id& id, command_ptr c) {
  const auto at = children_.find(id.key());
  auto& to = at != children_.end() ? at->second : make(id);
  ++to.sent;
  to.used = deps().clock.now();
  by_use_.splice(by_use_.end(), by_use_, to.recent);
  self_->send(to.actor, std::move(c));
}

device_pool::child& device_pool::make(const events::registration_id& id) {
  if (live() >= limits_.device_actors_max) make_room();
  const auto actor = self_->spawn<caf::monitored>(run_device, device_identity{ties_, !failed_.contains(id.key())});
  auto& [key, made] = *children_.try_emplace(id.key()).first;
  by_use_.push_back(&key);
  made = {actor, 0, deps().clock.now(), std::prev(by_use_.end())};
  by_actor_[actor.id()] = &key;
  return made;
}

// For the one that comes, and for one more while there are too many; not more, because each question is two messages.
void device_pool::make_room() {
  const std::size_t asked = live() > limits_.device_actors_max ? 2 : 1;
  for (std::size_t i = 0; i < asked && !by_use_.empty(); ++i) ask_to_go(by_use_.front());
}

void device_pool::look_around() {
  const auto idle_since = deps().clock.now() - limits_.idle_after;
  const auto now = live();
  const auto too_many = now - std::min(now, limits_.device_actors_max);
  const auto most = std::min(by_use_.size(), asked_to_go_max);
  for (std::size_t asked = 0; asked < most; ++asked) {
    const auto* oldest = by_use_.front();
    if (children_.at(*oldest).used > idle_since && asked >= too_many) break;
    ask_to_go(oldest);
  }
}

// Whoever was asked counts as used: if it stays it was busy, and others are asked first.
void device_pool::ask_to_go(const std::string* registration) {
  auto& each = children_.at(*registration);
  each.used = deps().clock.now();
  by_use_.splice(by_use_.end(), by_use_, each.recent);
  self_->send(each.actor, may_you_go{});
}

void device_pool::let_go(const ready_to_go& device) {
  const auto known = by_actor_.find(device.from);
  if (known == by_actor_.end()) return;
  const auto& each = children_.at(*known->second);
  if (each.sent != device.received) return;
  self_->send(each.actor, go{});
  ++deps().telemetry.device_actors_passivated;
  forget(known->second);
}

void device_pool::down(const caf::actor_addr& who, bool failed) {
  const auto at = by_actor_.find(who.id());
  if (at == by_actor_.end()) return;
  if (failed) failed_.insert(*at->second);
  forget(at->second);
}

void device_pool::forget(const std::string* registration) {
  const auto at = children_.find(*registration);
  by_actor_.erase(at->second.actor.id());
  by_use_.erase(at->second.recent);
  children_.erase(at);
}

void device_pool::stop() {
  for (const auto& [registration, each] : children_) caf::anon_send_exit(each.actor, caf::exit_reason::user_shutdown);
}

}  // namespace muster::actors
