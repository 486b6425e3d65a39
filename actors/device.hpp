#pragma once

#include "actors/interfaces.hpp"
#include "engine/enrollment.hpp"
#include "engine/registration.hpp"

#include <deque>

namespace muster::actors {

/// What a device actor is made for.
struct device_identity {
  events::id_scope scope;
  events::registration_id id;
  events::shard_id shard;
  scope_actor parent;
  std::shared_ptr<shared_budget> budget;
  bool alone = true;  ///< false: an actor of this id died, and a proposal of its may still reach the log
};

/// The state of a device actor, and each step of a command as one function. The actor itself only passes messages on.
class device {
public:
  static inline const char* name = "device";

  device() = default;
  device(const device&) = delete;
  ~device();

  void init(actor_dependencies* dependencies, device_identity who, device_actor self);

  /// Takes a command: starts it, or queues it while another is in flight.
  void take(command_ptr c);
  /// The proposal in flight is settled.
  void settle(const engine::settlement& what);
  /// True if nothing is in flight or queued.
  bool idle() const { return !current_ && queue_.empty(); }
  std::uint64_t received() const { return received_; }
  const device_identity& identity() const { return who_; }

private:
  void start(command_ptr c);
  bool load();
  void forget();
  void decide_current();
  void decide(const engine::register_device& c);
  void decide(const engine::poll_operation& c);
  void decide(const engine::look_up_registration& c);
  void decide(const engine::put_enrollment& c) { decide_entry(c); }
  void decide(const engine::delete_enrollment& c) { decide_entry(c); }
  void decide(const engine::delete_registration& c) { decide_entry(c); }
  template <class Command>
  void decide_entry(const Command& c);
  bool keys_at_hand();
  bool let_in(const engine::evidence& shown);
  bool repeats_recorded_command();
  bool polls_too_often();
  bool joins(const engine::register_device& c);
  void refuse(const engine::evidence& shown, bool tell_disabled);
  void propose(engine::decision d);
  void committed(const engine::settlement& what);
  void note_for_joins(const events::event& happened);
  engine::answer answer_after_commit() const;
  void finish();
  void finish_with(engine::answer a);
  void unavailable(std::string message);
  bool registering() const;
  engine::registration_context registration_context(engine::hub_reader& hubs);
  const engine::opened_keys* enrollment_keys();
  const engine::named_key* enrollment_data_key();
  const engine::named_key* record_key();

  actor_dependencies* d_ = nullptr;
  device_identity who_;
  device_actor self_;
  std::uint64_t received_ = 0;

  bool loaded_ = false;
  engine::device_state state_;
  events::shard_epoch
      loaded_in_;  ///< the claim under which it was loaded: this actor writes the stream alone as long as it holds
  std::optional<engine::named_key> enrollment_data_key_;
  std::optional<engine::opened_keys> enrollment_keys_;
  std::optional<engine::named_key> record_key_;

  command_ptr current_;
  std::deque<command_ptr> queue_;
  engine::as_of<std::shared_ptr<const engine::scope_snapshot>> scope_;
  std::shared_ptr<engine::shard_view> view_;
  events::log_sequence seen_;  ///< as of which `state_` is current for the command in flight
  events::log_sequence command_seen_;
  std::optional<engine::attestation_verdict> verdict_;
  engine::decision decision_;

  /// The registration committed last, while commands that arrived before it was decided are still queued.
  struct joinable {
    std::string operation_id;
    events::enrollment_reference enrollment;
    std::string api_version;
    std::optional<events::json_text> payload;
  };
  std::optional<joinable> last_;
  std::deque<events::timestamp> polls_;
};

/// The actor of `who`.
device_actor::behavior_type run_device(device_actor::stateful_pointer<device> self, actor_dependencies* dependencies,
                                       device_identity who);

}  // namespace muster::actors
