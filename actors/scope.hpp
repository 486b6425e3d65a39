#pragma once

#include "actors/device_pool.hpp"
#include "actors/scope_commands.hpp"
#include "actors/strangers.hpp"

namespace muster::actors {

struct scope_options {
  device_pool_limits devices;
  std::chrono::seconds sweep_interval{5};
  spending_options spending;
};

/// The state of a scope actor: its devices' actors, whoever knocks without being known, and the scope's own commands.
class scope {
public:
  static inline const char* name = "scope";

  void init(actor_dependencies* dependencies, const scope_options& options, events::id_scope id,
            scope_actor::pointer self);

  /// Takes a command: to its device's actor, if it belongs to one.
  void take(command_ptr c);
  /// Every few seconds.
  void look_around();

  device_pool& devices() { return *devices_; }
  strangers& unknown() { return *strangers_; }
  scope_commands& own() { return *own_; }

private:
  void take_device_command(const command_ptr& c, const events::registration_id& id);

  std::shared_ptr<device_ties> ties_;
  // Made by `init`:
  std::optional<device_pool> devices_;
  std::optional<strangers> strangers_;
  std::optional<scope_commands> own_;
};

/// The actor of ID scope `id`.
scope_actor::behavior_type run_scope(scope_actor::stateful_pointer<scope> self, actor_dependencies* dependencies,
                                     scope_options options, events::id_scope id);

}  // namespace muster::actors
