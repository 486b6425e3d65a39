#pragma once

#include "connectors/storage/memory_journal.hpp"
#include "engine/registration.hpp"
#include "engine/scope_memory.hpp"

#include <memory>
#include <string>
#include <vector>

/// Realistic input for the benchmarks: what a service with one symmetric-key group writes when its devices register.
namespace muster::bench {

/// A service and a group with open keys, as decisions see them.
struct fleet {
  std::shared_ptr<engine::scope_snapshot> scope;
  std::shared_ptr<engine::opened_group> group;
};
fleet make_fleet(engine::entropy& random, std::size_t hubs);

/// A token that device `id` of the fleet's group shows.
std::string token_for(const fleet& f, const events::registration_id& id, events::timestamp expiry);

/// A journal of one shard with a claim, the service, the group and `registrations` registrations of distinct devices,
/// `per_frame` to a frame: real events, decided by the engine and chained as the writer chains them.
struct recorded_fleet {
  std::unique_ptr<connectors::memory_journal> journal;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};
recorded_fleet record_fleet(const fleet& f, std::uint64_t registrations, std::size_t per_frame,
                            engine::entropy& random);

}  // namespace muster::bench
