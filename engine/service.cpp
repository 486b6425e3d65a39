#include "engine/service.hpp"

#include "engine/overload.hpp"

#include <algorithm>

namespace muster::engine {

namespace {

auto by_name(const events::hub_name& name) {
  return [&name](const events::linked_hub& hub) { return hub.name == name; };
}

[[noreturn]] void foreign_event(const events::recorded_event& e) {
  assertion_failed(e.meta.type.c_str(), e.meta.stream.text().c_str(), 0);
}

}  // namespace

void evolve(service_state& state, const events::recorded_event& e) {
  std::visit(overload{[&](const events::service_created& c) {
                        state.name = c.name;
                        state.scope = c.scope;
                        state.data_key = c.data_key;
                        state.settings = c.settings;
                        state.policies = c.policies;
                        state.hubs = c.hubs;
                        state.created = e.meta.time;
                      },
                      [&](const events::service_settings_changed& c) { state.settings = c.settings; },
                      [&](const events::hub_linked& c) {
                        const auto at = std::ranges::find_if(state.hubs, by_name(c.hub.name));
                        if (at == state.hubs.end())
                          state.hubs.push_back(c.hub);
                        else
                          *at = c.hub;
                      },
                      [&](const events::hub_unlinked& c) { std::erase_if(state.hubs, by_name(c.hub)); },
                      [&](const events::webhook_set& c) {
                        const auto since = state.webhook ? state.webhook->since : e.meta.sequence;
                        state.webhook = webhook_state{c.webhook, since, e.meta.sequence};
                      },
                      [&](const events::webhook_resumed&) {
                        if (state.webhook) state.webhook->changed = e.meta.sequence;
                      },
                      [&](const events::webhook_removed&) { state.webhook.reset(); },
                      [&](const auto&) { foreign_event(e); }},
             e.data);
  state.version = e.meta.version;
  state.updated = e.meta.time;
}

void evolve(group_state& state, const events::recorded_event& e) {
  std::visit(overload{[&](const events::enrollment_group_created& c) {
                        state.group = c.group;
                        state.created = e.meta.time;
                      },
                      [&](const events::enrollment_group_updated& c) { state.group = c.group; },
                      [&](const events::enrollment_group_deleted&) { state.group.reset(); },
                      [&](const auto&) { foreign_event(e); }},
             e.data);
  state.version = e.meta.version;
  state.updated = e.meta.time;
}

std::string group_set_key(const events::id_scope& scope) {
  return scope.text() + "/groups";
}

}  // namespace muster::engine
