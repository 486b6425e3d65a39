#pragma once

#include "actors/device.hpp"
#include "actors/interfaces.hpp"
#include "engine/service_decisions.hpp"

#include <deque>
#include <memory>

namespace muster::actors {

/// The commands of a scope that belong to no device: groups, hubs, settings, webhooks. One at a time. Only the scope's
/// actor uses it, and an exception in one command leaves it fit for the next.
class scope_commands {
public:
  /// `self` is the scope's actor, which hands over what comes back from the shard.
  scope_commands(std::shared_ptr<device_ties> ties, scope_actor::pointer self) : ties_(std::move(ties)), self_(self) {}

  /// Starts it, or queues it while another is in flight.
  void take(command_ptr c);
  /// The proposal in flight is settled.
  void settle(const engine::settlement& what);

private:
  void start(command_ptr c);
  void decide_current();
  void propose_current();
  bool is_answered_already(engine::shard_view& view);
  engine::decision decide(const engine::put_group& c, engine::decision_context context);
  engine::decision decide(const engine::delete_group& c, engine::decision_context context);
  engine::decision decide(const engine::delete_hub_device& c, engine::decision_context context);
  template <class Command>
  engine::decision decide(const Command& c, engine::decision_context context);
  engine::result<engine::group_state> group_of(const events::group_id& id) const;
  engine::answer answer_after_commit(const engine::settlement& what);
  void finish_with(engine::answer a);
  actor_dependencies& deps() const { return *ties_->dependencies; }

  const std::shared_ptr<device_ties> ties_;
  const scope_actor::pointer self_;
  std::deque<command_ptr> queue_;
  // Of the command in flight:
  command_ptr current_;
  engine::as_of<std::shared_ptr<const engine::scope_snapshot>> snapshot_;
  events::log_sequence command_seen_;
  engine::decision decision_;
  std::size_t proposed_bytes_ = 0;
  engine::group_state group_;  ///< that a PUT was decided on
};

}  // namespace muster::actors
