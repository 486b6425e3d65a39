#include "engine/hub_device.hpp"

#include "engine/error.hpp"
#include "engine/overload.hpp"

namespace muster::engine {

void evolve(hub_device_state& state, const events::recorded_event& e) {
  std::visit(overload{[&](const events::hub_device_created& c) {
                        state.identity = c.identity;
                        state.twin = c.twin;
                        state.created = e.meta.time;
                      },
                      [&](const events::hub_device_updated& c) {
                        state.identity = c.identity;
                        if (c.twin) state.twin = *c.twin;
                      },
                      [&](const events::hub_device_deleted&) {
                        state.identity.reset();
                        state.twin = {};
                      },
                      [&](const auto&) { assertion_failed(e.meta.type.c_str(), e.meta.stream.text().c_str(), 0); }},
             e.data);
  state.version = e.meta.version;
  state.updated = e.meta.time;
}

}  // namespace muster::engine
