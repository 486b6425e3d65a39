#pragma once

#include "actors/device_keys.hpp"
#include "actors/interfaces.hpp"
#include "engine/enrollment.hpp"
#include "engine/registration.hpp"

#include <vector>

namespace muster::actors {

/// What the device actors of one scope have in common.
struct device_ties {
  actor_dependencies* dependencies;
  events::id_scope scope;
  scope_actor parent;
  scope_budget budget;

  device_ties(actor_dependencies* d, events::id_scope id, scope_actor of, const spending_options& spending)
      : dependencies(d), scope(std::move(id)), parent(std::move(of)), budget(spending) {}
};

/// What a device actor is made for. Which registration ID it is, every command says.
struct device_identity {
  std::shared_ptr<device_ties> ties;
  bool alone = true;  ///< false: an actor of this id died, and a proposal of its may still reach the log
};

/// The state of a device actor, and each step of a command as one function. The actor itself only passes messages on.
/// There are many that have nothing to do: what a command needs is there only while there is one.
class device {
public:
  static inline const char* name = "device";

  device() = default;
  device(const device&) = delete;
  ~device();

  void init(device_identity who, device_actor::pointer self);

  /// Takes a command: starts it, or queues it while another is in flight.
  void take(command_ptr c);
  /// The proposal in flight is settled.
  void settle(const engine::settlement& what);
  /// Asked whether it may go: says so to its scope if nothing is in flight or queued.
  void answer_may_you_go();

private:
  /// The registration committed last, while commands that arrived before it was decided are still queued.
  struct joinable {
    std::string operation_id;
    events::enrollment_reference enrollment;
    std::string api_version;
    std::optional<events::json_text> payload;
  };

  /// The command in flight, those behind it, and what the one in flight is decided on.
  struct work {
    command_ptr current;
    std::vector<command_ptr> queue;
    std::optional<joinable> last;

    bool loaded = false;
    bool changed = false;  ///< `row_` does not say what `state` says
    engine::device_state state;
    enrollment_secrets enrollment;

    engine::as_of<std::shared_ptr<const engine::scope_snapshot>> scope;
    std::shared_ptr<engine::shard_view> view;
    events::log_sequence seen;  ///< as of which `state` is current for the command in flight
    events::log_sequence command_seen;
    std::optional<engine::attestation_verdict> verdict;
    engine::decision decision;
    std::size_t proposed_bytes = 0;
  };

  void wake();
  void rest();
  void start(command_ptr c);
  bool load();
  void forget();
  void decide_current();
  void decide_loaded();
  void decide(const engine::register_device& c);
  void decide(const engine::poll_operation& c);
  void decide(const engine::look_up_registration& c);
  void decide(const engine::put_enrollment& c);
  void decide(const engine::delete_enrollment& c);
  void decide(const engine::delete_registration& c);
  template <class Command>
  void decide_entry(const Command& c);
  bool open_keys();
  bool let_in(const engine::evidence& shown);
  bool repeats_recorded_command();
  bool joins(const engine::register_device& c);
  void refuse(const engine::evidence& shown, bool tell_disabled);
  void propose(engine::decision d);
  void spend();
  void committed(const engine::settlement& what);
  void note_for_joins(const events::event& happened);
  engine::answer answer_after_commit() const;
  void finish();
  void finish_with(engine::answer a);
  bool registering() const;
  engine::registration_context registration_context(engine::hub_reader& hubs);
  const actor_dependencies& deps() const { return *ties_->dependencies; }
  const events::registration_id& id() const { return *engine::device_of(work_->current->what); }
  events::stream_name stream() const { return events::stream_name::device(ties_->scope, id()); }

  std::shared_ptr<device_ties> ties_;
  device_actor::pointer self_ = nullptr;
  std::uint64_t received_ = 0;
  bool alone_ = true;
  std::string row_;  ///< the state in row form, for when there is no work; empty: not loaded
  events::shard_epoch
      loaded_in_;  ///< the claim under which it was loaded: this actor writes the stream alone as long as it holds
  std::optional<engine::named_key> record_key_;
  std::unique_ptr<work> work_;
};

/// The actor of `who`.
device_actor::behavior_type run_device(device_actor::stateful_pointer<device> self, device_identity who);

}  // namespace muster::actors
