#pragma once

#include "engine/history.hpp"
#include "engine/ports/catalog.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/log.hpp"
#include "engine/ports/proposal_sink.hpp"
#include "engine/telemetry.hpp"

namespace muster::actors {

/// What all actors work with. All of it outlives the actor system.
struct actor_dependencies {
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

}  // namespace muster::actors
