#include "connectors/api/operator_call.hpp"

#include "connectors/webhook/webhook_api.hpp"
#include "events/bytes.hpp"
#include "events/describe.hpp"

namespace muster::connectors {

namespace {

constexpr std::string_view service_placeholder = "{service}";

constexpr std::string_view owner_policy =
    "provisioningserviceowner";  // DPS: the policy that every instance begins with

std::shared_ptr<const engine::scope_snapshot> find_service(const engine::catalog& services, std::string_view name) {
  if (const auto scope = events::id_scope::parse(name)) {
    if (auto found = services.find(*scope).value) return found;
  }
  const auto parsed = events::service_name::parse(name);
  return parsed ? services.find(*parsed) : nullptr;
}

std::string service_endpoint(const http_parts& parts, const engine::scope_snapshot& service) {
  auto text = parts.endpoints().service;
  if (const auto at = text.find(service_placeholder); at != std::string::npos)
    text.replace(at, service_placeholder.size(), service.service.name.key());
  return text;
}

// What was enough for one service does not tell two apart.
void write_host_note(json_writer& out, const http_parts& parts, const std::string& endpoint) {
  const auto services = parts.services.lone().services;
  if (services < 2 || parts.endpoints().service.find(service_placeholder) != std::string::npos) return;
  out.string("note", "The host " + endpoint + " does not say which of " + std::to_string(services) +
                         " services is meant, so this connection string is refused. Set https.names to a DNS name "
                         "below which each service's name leads to this node, or add ?service=NAME to requests.");
}

}  // namespace

std::optional<principal> admit_operator(http_exchange& exchange) {
  auto who = authorize_operator(exchange.request(), exchange.parts().operators);
  if (who) return std::move(*who);
  exchange.fail(who.error());
  return std::nullopt;
}

std::optional<service_call> admit_operator_of_service(http_exchange& exchange) {
  auto who = admit_operator(exchange);
  if (!who) return std::nullopt;
  exchange.about("Service", exchange.variable(0));
  auto service = find_service(exchange.parts().services, exchange.variable(0));
  if (service) return service_call{std::move(service), std::move(*who)};
  if (fail_if_not_ready(exchange)) return std::nullopt;
  exchange.fail(dps_code::not_found, "There is no service '" + exchange.variable(0).substr(0, 80) + "'.");
  return std::nullopt;
}

std::optional<engine::page_request> wanted_page(http_exchange& exchange) {
  const auto limit = wanted_limit(exchange);
  if (!limit) return std::nullopt;
  return engine::page_request{std::string(exchange.request().parameter("after")), *limit};
}

void write_hubs(json_writer& out, const engine::scope_snapshot& service) {
  out.begin_array("hubs");
  for (const auto& hub : service.service.hubs) {
    out.begin_object();
    out.string("name", hub.name.text());
    out.number("weight", hub.weight);
    out.boolean("applyAllocationPolicy", hub.apply_allocation_policy);
    out.end_object();
  }
  out.end_array();
}

void write_service(json_writer& out, const http_parts& parts, const engine::scope_snapshot& service, bool keys,
                   const std::optional<engine::partial_count>& registrations) {
  const auto& state = service.service;
  const auto endpoint = service_endpoint(parts, service);
  out.begin_object();
  out.string("name", state.name.text());
  out.string("idScope", state.scope.text());
  out.string("serviceEndpoint", endpoint);
  out.string("deviceEndpoint", parts.endpoints().device);
  out.string("ca", parts.endpoints().ca);
  const auto owner = service.policy_keys.find(std::string(owner_policy));
  if (keys && owner != service.policy_keys.end()) {
    out.string("connectionString", "HostName=" + endpoint + ";SharedAccessKeyName=" + std::string(owner_policy) +
                                       ";SharedAccessKey=" + events::to_base64(owner->second.primary));
    write_host_note(out, parts, endpoint);
  }
  write_hubs(out, service);
  out.begin_object("settings");
  out.string("allocationPolicy", events::name_of(state.settings.allocation));
  out.boolean("assigningFirst", state.settings.assigning_first);
  out.number("symmetricKeyGroupsMax", state.settings.symmetric_key_groups_max);
  out.end_object();
  if (state.webhook) write_webhook(out, parts, service, false, "webhook");
  out.begin_object("counts");
  out.number("enrollmentGroups", static_cast<std::int64_t>(service.groups.size()));
  if (registrations)
    out.number("registrations", static_cast<std::int64_t>(registrations->number));
  else
    out.raw("registrations", "null");
  if (registrations && !registrations->next.empty()) out.boolean("moreRegistrations", true);
  out.end_object();
  out.number("shard", static_cast<std::int64_t>(service.shard.value()));
  out.string("state", parts.services.view(service.shard) ? "open" : state_of_closed_service);
  out.string("createdDateTimeUtc", events::to_iso8601(state.created));
  out.string("lastUpdatedDateTimeUtc", events::to_iso8601(state.updated));
  out.end_object();
}

}  // namespace muster::connectors
