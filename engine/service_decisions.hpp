#pragma once

#include "engine/decision.hpp"
#include "engine/directory.hpp"
#include "engine/hub_device.hpp"

/// Decisions about a service and its built-in hubs: what operators ask.
namespace muster::engine {

/// Creates a placed service in its shard, with the policy `provisioningserviceowner` and all rights. Without events if
/// it exists already: a resumed placement.
decision decide_creation(const service_state& state, const placement& placed, events::log_sequence service_seen,
                         entropy& random);

decision decide(const change_service_settings& c, const decision_context& context);
decision decide(const link_hub& c, const decision_context& context);
decision decide(const unlink_hub& c, const decision_context& context);
decision decide(const set_webhook& c, const decision_context& context);
decision decide(const resume_webhook& c, const decision_context& context);
decision decide(const remove_webhook& c, const decision_context& context);

/// Removes an identity from the built-in hub. Its registration record stays; the device's next registration creates it
/// anew.
decision decide(const hub_device_state& state, const delete_hub_device& c, events::log_sequence hub_device_seen);

/// What is wrong with a service's list of hubs, if anything: too many, one twice, a weight out of range.
std::optional<std::string> check_hubs(const std::vector<events::linked_hub>& hubs);

}  // namespace muster::engine
