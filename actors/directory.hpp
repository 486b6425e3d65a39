#pragma once

#include "actors/interfaces.hpp"
#include "engine/service_decisions.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <deque>

namespace muster::actors {

/// The state of the directory actor. A service is created in three steps, each a frame of its own: placed in the
/// directory (shard 0), created in its shard, confirmed in the directory. A crash between them leaves an open
/// placement, which the next start completes; a placement that cannot be completed is withdrawn.
class directory {
public:
  static inline const char* name = "directory";

  void init(actor_dependencies* dependencies, directory_actor::pointer self);

  void take(command_ptr c);
  void settle(const engine::settlement& what);
  /// The pause is over.
  void wake();
  /// An exception ended a step: what the log has of it is resumed after a pause.
  void give_up();

private:
  enum class step { none, placing, creating, confirming, withdrawing };

  void start(command_ptr c);
  void start_next();
  void resume();
  void place();
  void create();
  void confirm();
  void withdraw(std::string reason);
  void again_later();
  void refuse_expired();
  void propose(events::shard_id shard, const engine::decision& d, std::string command_id = {},
               events::log_sequence command_seen = {});
  void stepped(const engine::settlement& what);
  bool load();
  void finish(engine::answer a);

  actor_dependencies* d_ = nullptr;
  directory_actor::pointer self_ = nullptr;
  engine::directory_state state_;
  events::log_sequence seen_;

  command_ptr current_;  ///< absent while an open placement is resumed
  std::deque<command_ptr> queue_;
  step step_ = step::none;
  bool in_flight_ = false;  ///< a proposal of `step_` is on its way
  bool pausing_ = false;    ///< a message that ends the pause is on its way
  int tries_ = 0;
  std::optional<engine::placement> placed_;
  engine::decision decision_;
};

directory_actor::behavior_type run_directory(directory_actor::stateful_pointer<directory> self,
                                             actor_dependencies* dependencies);

}  // namespace muster::actors
