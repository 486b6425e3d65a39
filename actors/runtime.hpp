#pragma once

#include "engine/history.hpp"
#include "engine/ports/catalog.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/command_gateway.hpp"
#include "engine/ports/log.hpp"
#include "engine/ports/proposal_sink.hpp"
#include "engine/telemetry.hpp"

#include <chrono>
#include <memory>

namespace muster::actors {

struct runtime_options {
  std::size_t workers = 2;                  ///< threads that run actors
  std::size_t device_actors_max = 100'000;  ///< live at once, on this node
  std::chrono::seconds idle_after{60};      ///< a device actor without a command for so long may go
  std::uint32_t refusals_per_minute_scope = 600;
  std::uint32_t refusals_per_minute_address = 60;
};

/// What the actors work with. All of it outlives the runtime.
struct runtime_dependencies {
  engine::catalog& catalog;
  engine::proposal_sink& shards;
  engine::keyring& keyring;
  engine::history& history;
  engine::clock& clock;
  engine::entropy& entropy;
  engine::telemetry& telemetry;
  engine::log& log;
  std::uint32_t shard_count = 1;
};

/// The actors of a node: the way in for commands. One scope actor per ID scope with its device actors below it, and one
/// directory actor.
class actor_runtime final : public engine::command_gateway {
public:
  actor_runtime(runtime_options options, runtime_dependencies dependencies);
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
