#include "engine/service_decisions.hpp"

#include "engine/limits.hpp"

#include <algorithm>

namespace muster::engine {

namespace {

constexpr std::uint32_t weight_max = 1000;  // ARM: allocationWeight
constexpr std::size_t policy_key_bytes = 64;
constexpr std::size_t webhook_secret_bytes = 32;

decision service_decision(const events::id_scope& scope, const decision_context& context) {
  decision d;
  d.reading(events::stream_name::service(scope).text(), context.scope_seen);
  return d;
}

void append(decision& d, const decision_context& context, events::event data) {
  const auto& service = context.scope.service;
  d.events.push_back({events::stream_name::service(service.scope), service.version.next(), std::move(data), {}});
}

// Rejects what needs a webhook where there is none.
bool without_webhook(decision& d, const decision_context& context) {
  if (context.scope.service.webhook) return false;
  d.rejected = rejection{rejection_code::webhook_not_found, "The service has no webhook.", {}};
  return true;
}

}  // namespace

std::optional<std::string> check_hubs(const std::vector<events::linked_hub>& hubs) {
  if (hubs.size() > limits::linked_hubs_max) {
    return "hubs: a service has at most " + std::to_string(limits::linked_hubs_max) + " linked hubs, not " +
           std::to_string(hubs.size()) + ".";
  }
  for (const auto& hub : hubs) {
    if (hub.weight < 1 || hub.weight > weight_max) {
      return "hubs: the weight of '" + hub.name.text() + "' must be 1 to " + std::to_string(weight_max) + ", not " +
             std::to_string(hub.weight) + ".";
    }
    if (std::ranges::count(hubs, hub.name, &events::linked_hub::name) > 1)
      return "hubs: '" + hub.name.text() + "' is named twice.";
  }
  return std::nullopt;
}

decision decide_creation(const service_state& state, const placement& placed, events::log_sequence service_seen,
                         entropy& random) {
  const auto stream = events::stream_name::service(placed.scope);
  decision d;
  d.reading(stream.text(), service_seen);
  if (state.version != events::stream_version()) return d;
  const auto key = fresh_key(random);
  d.keys.push_back(key);
  const opened_keys policy_keys(random.draw(policy_key_bytes), random.draw(policy_key_bytes));
  using enum events::access_right;
  events::service_created created{placed.name, placed.scope, key.id, placed.settings, {}, placed.hubs};
  created.policies.push_back({"provisioningserviceowner",
                              seal_keys(key, stream, policy_keys, random),
                              {service_config, enrollment_read, enrollment_write, device_connect,
                               registration_status_read, registration_status_write}});
  d.events.push_back({stream, state.version.next(), std::move(created), {}});
  return d;
}

decision decide(const change_service_settings& c, const decision_context& context) {
  auto d = service_decision(c.scope, context);
  const auto& before = context.scope.service.settings;
  const events::service_settings after{c.allocation.value_or(before.allocation),
                                       c.assigning_first.value_or(before.assigning_first),
                                       c.symmetric_key_groups_max.value_or(before.symmetric_key_groups_max)};
  if (after != before) append(d, context, events::service_settings_changed{after});
  return d;
}

decision decide(const link_hub& c, const decision_context& context) {
  auto d = service_decision(c.scope, context);
  auto hubs = context.scope.service.hubs;
  const auto at = std::ranges::find(hubs, c.hub.name, &events::linked_hub::name);
  if (at != hubs.end() && *at == c.hub) return d;
  if (at == hubs.end())
    hubs.push_back(c.hub);
  else
    *at = c.hub;
  if (const auto bad = check_hubs(hubs)) {
    d.rejected = rejection{rejection_code::invalid, *bad, {}};
    return d;
  }
  append(d, context, events::hub_linked{c.hub});
  return d;
}

decision decide(const unlink_hub& c, const decision_context& context) {
  auto d = service_decision(c.scope, context);
  if (std::ranges::find(context.scope.service.hubs, c.hub, &events::linked_hub::name) ==
      context.scope.service.hubs.end()) {
    d.rejected = rejection{rejection_code::hub_not_found, "Hub '" + c.hub.text() + "' is not linked.", {}};
    return d;
  }
  append(d, context, events::hub_unlinked{c.hub});
  return d;
}

decision decide(const set_webhook& c, const decision_context& context) {
  auto d = service_decision(c.scope, context);
  const auto& service = context.scope.service;
  const auto stream = events::stream_name::service(c.scope);
  auto secret = c.secret;
  if (secret.empty() && service.webhook) {
    const auto kept = unseal(context.scope.data_key.key, stream, "secret", service.webhook->endpoint.secret);
    if (kept) secret = *kept;
  }
  if (secret.empty()) secret = context.random.draw(webhook_secret_bytes);
  const auto sealed = [&](std::string_view field, std::string_view text) {
    return seal(context.scope.data_key, stream, field, text, context.random);
  };
  events::webhook_endpoint endpoint{c.url, {}, sealed("secret", secret), c.types, c.validate};
  if (!c.query.empty()) endpoint.query = sealed("query", c.query);
  append(d, context, events::webhook_set{std::move(endpoint)});
  return d;
}

decision decide(const resume_webhook& c, const decision_context& context) {
  auto d = service_decision(c.scope, context);
  if (without_webhook(d, context)) return d;
  append(d, context, events::webhook_resumed{context.scope.service.webhook->endpoint.url});
  return d;
}

decision decide(const remove_webhook& c, const decision_context& context) {
  auto d = service_decision(c.scope, context);
  if (without_webhook(d, context)) return d;
  append(d, context, events::webhook_removed{context.scope.service.webhook->endpoint.url});
  return d;
}

decision decide(const hub_device_state& state, const delete_hub_device& c, events::log_sequence hub_device_seen) {
  const auto stream = events::stream_name::hub_device(c.scope, c.hub, c.id);
  decision d;
  d.reading(stream.text(), hub_device_seen);
  if (!state.identity) {
    d.rejected = rejection{
        rejection_code::hub_device_not_found, "Hub '" + c.hub.text() + "' has no device '" + c.id.text() + "'.", {}};
    return d;
  }
  d.events.push_back(
      {stream, state.version.next(), events::hub_device_deleted{c.id, c.hub, state.identity->data_key}, {}});
  return d;
}

}  // namespace muster::engine
