#pragma once

#include "actors/device.hpp"
#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <list>
#include <set>
#include <unordered_map>

namespace muster::actors {

struct scope_options {
  std::size_t device_actors_max = 100'000;  ///< of the whole node
  std::chrono::seconds idle_after{60};
  std::chrono::seconds sweep_interval{5};
  spending_options spending;
};

/// The state of a scope actor: its devices' actors, and its own commands, one at a time.
class scope {
public:
  static inline const char* name = "scope";

  void init(actor_dependencies* dependencies, scope_options options, events::id_scope id, scope_actor::pointer self);

  void take(command_ptr c);
  void settle(const engine::settlement& what);
  void let_go(const ready_to_go& device);
  void look_around();
  void sum_up_all(std::shared_ptr<void> done);
  void summed_up(bool recorded);
  void device_down(const caf::actor_addr& who, bool failed);
  void stop();

private:
  struct child {
    device_actor actor;
    std::uint64_t sent = 0;
    events::timestamp used;
    std::list<const std::string*>::iterator recent;  ///< its place in `by_use_`
  };

  void take_device_command(const command_ptr& c, const events::registration_id& id);
  child& child_of(const events::registration_id& id);
  void send_to(child& to, command_ptr c);
  void forget(const std::string* registration);
  void make_room();
  void ask_to_go(const std::string* registration);
  bool judge_stranger(const command_ptr& c, const engine::evidence& shown);
  void refuse_stranger(const command_ptr& c, const engine::evidence& shown, const engine::attestation_verdict& verdict);
  void sum_up_suppressed(events::timestamp until, std::shared_ptr<void> done);
  engine::decision summary_of(const engine::scope_snapshot& snapshot) const;

  void start_own(command_ptr c);
  void decide_own();
  void propose_own();
  engine::decision decide(const engine::put_group& c, engine::decision_context context);
  engine::decision decide(const engine::delete_group& c, engine::decision_context context);
  engine::decision decide(const engine::delete_hub_device& c, engine::decision_context context);
  template <class Command>
  engine::decision decide(const Command& c, engine::decision_context context);
  engine::result<engine::group_state> group_of(const events::group_id& id) const;
  engine::answer own_answer(const engine::settlement& what);
  void finish_own(engine::answer a);

  actor_dependencies* d_ = nullptr;
  scope_options options_;
  events::id_scope id_;
  scope_actor::pointer self_ = nullptr;
  std::shared_ptr<device_ties> ties_;

  std::unordered_map<std::string, child> children_;                 ///< by the registration id's key
  std::unordered_map<caf::actor_id, const std::string*> by_actor_;  ///< the keys of `children_`
  std::list<const std::string*> by_use_;                            ///< likewise, least recently used first
  std::set<std::string> failed_;                                    ///< ids whose actor died of an exception; rare

  engine::failure_budget::summary unsent_;  ///< suppressed attempts that are not on the log yet
  bool summing_up_ = false;                 ///< a summary of them is on its way
  std::shared_ptr<void> asked_meanwhile_;   ///< `done` of a `sum_up` that came during that

  command_ptr current_;
  std::deque<command_ptr> queue_;
  engine::as_of<std::shared_ptr<const engine::scope_snapshot>> snapshot_;
  events::log_sequence command_seen_;
  engine::decision decision_;
  std::size_t proposed_bytes_ = 0;
  engine::group_state group_;  ///< that a PUT was decided on
};

/// The actor of ID scope `id`.
scope_actor::behavior_type run_scope(scope_actor::stateful_pointer<scope> self, actor_dependencies* dependencies,
                                     scope_options options, events::id_scope id);

}  // namespace muster::actors
