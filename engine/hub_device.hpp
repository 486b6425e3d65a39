#pragma once

#include "events/event.hpp"

namespace muster::engine {

/// An identity and its twin in the built-in hub. A deleted one keeps its version.
struct hub_device_state {
  events::stream_version version;
  std::optional<events::hub_identity> identity;  ///< absent: deleted, or never there
  events::device_twin twin;
  events::timestamp created;
  events::timestamp updated;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("version", self.version);
    visit("identity", self.identity);
    visit("twin", self.twin);
    visit("created", self.created);
    visit("updated", self.updated);
  }
};

/// Applies an event of a stream `{scope}/hubs/{hub}/{device}`.
void evolve(hub_device_state& state, const events::recorded_event& e);

}  // namespace muster::engine
