#pragma once

#include "actors/device.hpp"
#include "actors/interfaces.hpp"
#include "engine/failure_budget.hpp"

#include <memory>

namespace muster::actors {

/// What comes to a scope in the name of IDs that have neither an enrollment nor a registration. Whom no group vouches
/// for is refused here, without an actor of its own, and leaves no trace but an event; beyond the failure budget
/// attempts are only counted, and summed up in one event now and then. Only the scope's actor uses it.
class strangers {
public:
  /// `self` is the scope's actor.
  strangers(std::shared_ptr<device_ties> ties, scope_actor::pointer self) : ties_(std::move(ties)), self_(self) {}

  /// Judges what `c` shows on the snapshot `c->judged_on`. True if a group vouches for it: `c->verdict` then says so.
  /// Otherwise `c` is refused, and will be answered.
  bool let_in(const command_ptr& c, const engine::evidence& shown);

  /// Puts on the log what was counted in the minutes that have ended.
  void sum_up();
  /// The same for the minute at hand too: nothing will come any more. `done` goes when it is on the log, or cannot be.
  void sum_up_all(std::shared_ptr<void> done);
  /// The summary came back from the shard.
  void summed_up(bool recorded);

private:
  void refuse(const command_ptr& c, const engine::evidence& shown, const engine::attestation_verdict& verdict);
  void sum_up_until(events::timestamp until, std::shared_ptr<void> done);
  engine::decision summary_of(const engine::scope_snapshot& snapshot) const;
  const actor_dependencies& deps() const { return *ties_->dependencies; }

  const std::shared_ptr<device_ties> ties_;
  const scope_actor::pointer self_;
  engine::failure_budget::summary unsent_;  ///< suppressed attempts that are not on the log yet
  bool summing_up_ = false;                 ///< a summary of them is on its way
  std::shared_ptr<void> asked_meanwhile_;   ///< `done` of a `sum_up_all` that came during that
};

}  // namespace muster::actors
