#pragma once

#include "projections/memory_projection.hpp"
#include "projections/projection_store.hpp"
#include "tests/support/history_builder.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <span>

namespace muster::tests {

inline const events::shard_id shard;

struct memory_store {
  std::unique_ptr<engine::projection_store> store = projections::make_memory_projection_store();
};

struct disk_store {
  temporary_directory directory;
  std::unique_ptr<engine::projection_store> store =
      std::move(projections::make_projection_store({.directory = directory.path()}).value());
};

/// Frames in which much happens to few devices of two scopes, so that rows are made, changed and dropped.
inline history_builder make_eventful_history(unsigned seed, std::size_t frames) {
  std::mt19937 dice(seed);
  const auto roll = [&](unsigned sides) { return static_cast<unsigned>(dice() % sides); };
  history_builder history;
  std::map<std::string, bool> enrolled_now;
  std::map<std::string, bool> made_now;
  history.add(service_created_in(scope_a)).add(service_created_in(scope_b, "other"));
  history.add(group_created(scope_a, "g0")).add(group_created(scope_a, "g1")).commit();
  constexpr std::string_view hubs[] = {"hub1", "hub2", "hub3"};
  constexpr std::string_view groups[] = {"", "g0", "g1"};
  for (std::size_t frame = 0; frame < frames; ++frame) {
    for (unsigned i = roll(8); i-- > 0;) {
      const auto& scope = roll(3) == 0 ? scope_b : scope_a;
      const auto id = "dev-" + std::to_string(roll(40));
      const way_in way{.hub = hubs[roll(3)], .group = groups[roll(3)]};
      const auto command = roll(3) == 0 ? "command-" + std::to_string(roll(60)) : std::string();
      auto& enrolled_here = enrolled_now[scope.text() + id];
      auto& made_here = made_now[scope.text() + std::string(way.hub) + id];
      switch (roll(8)) {
      case 0:
        history.add(std::exchange(enrolled_here, !enrolled_here) ? unenrolled(scope, id) : enrolled(scope, id),
                    command);
        break;
      case 1:
        history.add(failed_to_register(scope, id, way.group), command);
        break;
      case 2:
        history.add(refused_as_disabled(scope, id, way.group), command);
        break;
      case 3:
        history.add(registration_removed(scope, id), command);
        break;
      case 4:
        history.add(refused_as_unknown(scope, id));
        break;
      case 5:
        history.add(std::exchange(made_here, !made_here) ? hub_device_removed(scope, id, way.hub)
                                                         : hub_device_made(scope, id, way));
        break;
      default:
        history.add(registered(scope, id, way), command);
      }
    }
    history.advance(std::chrono::minutes(roll(240))).commit();
    if (roll(50) == 0) history.claim();
  }
  return history;
}

inline std::vector<engine::folded_frame> eventful_history(unsigned seed, std::size_t frames) {
  return make_eventful_history(seed, frames).take_frames();
}

inline void apply_in_calls(engine::shard_projection& view, std::span<const engine::folded_frame> frames,
                           std::size_t per_call) {
  while (!frames.empty()) {
    const auto now = frames.first(std::min(per_call, frames.size()));
    BOOST_TEST_REQUIRE(view.apply(now).has_value());
    frames = frames.subspan(now.size());
  }
}

inline bool same_rows(const engine::projection_store::fingerprint& a, const engine::projection_store::fingerprint& b) {
  return a.digest == b.digest && a.rows == b.rows && a.position == b.position;
}

}  // namespace muster::tests
