#pragma once

#include "actors/dependencies.hpp"
#include "actors/scope_budget.hpp"
#include "engine/ports/command_gateway.hpp"

#include <chrono>
#include <memory>

namespace muster::actors {

struct runtime_options {
  std::size_t workers = 2;                  ///< threads that run actors
  std::size_t device_actors_max = 100'000;  ///< live at once, on this node
  std::chrono::seconds idle_after{60};      ///< a device actor without a command for so long may go
  spending_options spending;                ///< of each scope
};

/// The actors of a node: the way in for commands. One scope actor per ID scope with its device actors below it, and one
/// directory actor.
class actor_runtime final : public engine::command_gateway {
public:
  actor_runtime(runtime_options options, actor_dependencies dependencies);
  /// Stops at once if `stop` was not called.
  ~actor_runtime() override;

  void submit(engine::command c, engine::caller who, std::shared_ptr<engine::reply> to) override;

  /// Takes no further commands, waits at most `drain` for those in flight to be answered, and ends the actors.
  void stop(std::chrono::milliseconds drain);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace muster::actors
