#pragma once

#include "actors/dependencies.hpp"
#include "actors/scope_budget.hpp"
#include "engine/attestation/attest.hpp"
#include "engine/decision.hpp"
#include "engine/ports/command_gateway.hpp"
#include "engine/telemetry.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <memory>
#include <string>

/// Every message between actors. All stay within the process, so none needs a serial form.
namespace muster::actors {

/// Counts a command where it is, as long as it lives.
class counted_stage {
public:
  counted_stage() = default;
  ~counted_stage() { leave(); }
  counted_stage(const counted_stage&) = delete;
  counted_stage& operator=(const counted_stage&) = delete;

  /// `telemetry` outlives this.
  void enter(engine::telemetry& telemetry, engine::command_stage stage) {
    leave();
    at_ = &telemetry.commands[static_cast<std::size_t>(stage)];
    at_->fetch_add(1, std::memory_order_relaxed);
  }

private:
  void leave() {
    if (at_ != nullptr) at_->fetch_sub(1, std::memory_order_relaxed);
    at_ = nullptr;
  }

  engine::count* at_ = nullptr;
};

/// A command on its way to its answer. Whoever holds it last and has not answered lets the reply answer `unavailable`.
struct pending_command {
  engine::command what;
  engine::caller who;
  std::shared_ptr<engine::reply> to;
  events::timestamp deadline;
  int tries = 0;  ///< decisions that met a conflict
  counted_stage stage;

  /// A verdict that the scope actor reached already, and what it rested on: valid as long as the device has no
  /// enrollment.
  std::optional<engine::attestation_verdict> verdict;
  engine::as_of<std::shared_ptr<const engine::scope_snapshot>> judged_on;

  /// It arrived while another registration of the same ID was being decided: it may have the same answer.
  bool may_join = false;

  bool admitted = false;  ///< the failure budget was spent on it: not again when it is decided again

  void answer(engine::answer a) const { to->deliver(std::move(a)); }
  void reject(engine::rejection_code code, std::string message,
              std::chrono::seconds retry_after = std::chrono::seconds(0)) const {
    to->deliver(engine::rejection{code, std::move(message), retry_after});
  }
};
using command_ptr = std::shared_ptr<pending_command>;

/// A proposal of the actor's came back from its shard.
struct proposal_settled {
  engine::settlement what;
};
/// Scope to device: it has been idle; may it go?
struct may_you_go {};
/// Device to scope: it may, if it has had every command that was sent to it.
struct ready_to_go {
  std::uint64_t received = 0;
  caf::actor_id from = 0;  ///< who says so: asked twice, an actor answers twice, and may have a successor by then
};
/// Scope to device: go. Nothing is in flight to it.
struct go {};
/// Scope to itself, every few seconds: look for idle devices and for suppressed attempts to sum up.
struct sweep {};
/// Scope to itself: its summary of suppressed attempts came back from the shard.
struct summary_settled {
  bool recorded = false;
};
/// Runtime to scope, when the node stops: sum up what was suppressed until now. `done` goes when that is on the log, or
/// cannot be.
struct sum_up {
  std::shared_ptr<void> done;
};
/// To the directory, at start and by itself after a pause: complete what a crash left open.
struct resume_placements {};

/// Decides the commands of one ID scope that belong to no device, and takes those that do to their device's actor.
using scope_actor =
    caf::typed_actor<caf::reacts_to<command_ptr>, caf::reacts_to<proposal_settled>, caf::reacts_to<ready_to_go>,
                     caf::reacts_to<sweep>, caf::reacts_to<summary_settled>, caf::reacts_to<sum_up>>;
/// Decides the commands of one registration ID, one at a time.
using device_actor = caf::typed_actor<caf::reacts_to<command_ptr>, caf::reacts_to<proposal_settled>,
                                      caf::reacts_to<may_you_go>, caf::reacts_to<go>>;
/// Creates services.
using directory_actor =
    caf::typed_actor<caf::reacts_to<command_ptr>, caf::reacts_to<proposal_settled>, caf::reacts_to<resume_placements>>;

}  // namespace muster::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::command_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::proposal_settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::may_you_go)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::ready_to_go)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::go)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::sweep)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::summary_settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::sum_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(muster::actors::resume_placements)
