#include "connectors/api/service_call.hpp"

#include "connectors/api/device_api.hpp"
#include "engine/limits.hpp"
#include "events/bytes.hpp"

#include <algorithm>
#include <charconv>

namespace muster::connectors {

namespace {

using snapshot = std::shared_ptr<const engine::scope_snapshot>;

bool is_address(std::string_view host) {
  return host.empty() || host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::expected<snapshot, no_service> only_service(const http_exchange& exchange) {
  const auto only = exchange.parts().services.lone();
  if (only.service) return only.service;
  if (only.services == 0)
    return std::unexpected(no_service{"There is no service yet. Create one: muster service create NAME.", false});
  return std::unexpected(no_service{
      "The host '" + exchange.host() + "' does not say which of " + std::to_string(only.services) +
          " services is meant. Use a host name whose first label is the service's name, or add ?service=NAME.",
      false});
}

std::unexpected<no_service> unknown(std::string_view name, std::string_view hint) {
  return std::unexpected(
      no_service{"There is no service '" + std::string(name.substr(0, 80)) + "'." + std::string(hint), true});
}

}  // namespace

std::expected<snapshot, no_service> choose_service(const http_exchange& exchange) {
  const auto& services = exchange.parts().services;
  const auto named = exchange.request().parameter("service");
  if (named.empty() && (is_address(exchange.host()) || exchange.host() == "localhost")) return only_service(exchange);
  if (const auto scope = events::id_scope::parse(named)) {
    if (auto found = services.find(*scope).value) return found;
    return unknown(named, {});
  }
  const auto label = named.empty() ? std::string_view(exchange.host()).substr(0, exchange.host().find('.')) : named;
  if (const auto name = events::service_name::parse(label)) {
    if (auto found = services.find(*name)) return found;
  }
  return unknown(label, named.empty() ? " It is the first label of the host name." : "");
}

std::optional<service_call> admit(http_exchange& exchange, std::initializer_list<events::access_right> rights,
                                  api_version version) {
  auto service = choose_service(exchange);
  if (!service && fail_if_not_ready(exchange)) return std::nullopt;
  if (!service && !service.error().named) {
    exchange.fail(dps_code::not_found, service.error().why);
    return std::nullopt;
  }
  const auto& request = exchange.request();
  auto who = authorize(request, exchange.host(), service ? service->get() : nullptr, exchange.parts().operators,
                       exchange.arrived());
  if (!who) {
    exchange.fail(who.error());
    return std::nullopt;
  }
  if (!service) {
    exchange.fail(dps_code::not_found, service.error().why);
    return std::nullopt;
  }
  if (const auto refusal = lacking(*who, rights)) {
    exchange.fail(*refusal);
    return std::nullopt;
  }
  if (version == api_version::required && !is_api_version(request.parameter("api-version"))) {
    exchange.fail(dps_code::argument_invalid, request.parameter("api-version").empty()
                                                  ? "api-version: it is missing; add ?api-version=2021-10-01."
                                                  : "api-version: expected a date such as 2021-10-01.");
    return std::nullopt;
  }
  return service_call{std::move(*service), std::move(*who)};
}

bool fail_if_not_ready(http_exchange& exchange) {
  const auto closed = exchange.parts().not_ready(false);
  if (closed)
    exchange.fail(dps_code::unavailable, "It is not known here now, but not every shard is open: " + *closed + ".");
  return closed.has_value();
}

std::shared_ptr<engine::shard_view> open_view(http_exchange& exchange, const engine::scope_snapshot& service) {
  auto view = exchange.parts().services.view(service.shard);
  if (!view) {
    exchange.fail(dps_code::unavailable, "The shard of this service is not open on this node yet; try again.");
  }
  return view;
}

std::optional<engine::caller> caller_of(http_exchange& exchange, const principal& who) {
  const auto& request = exchange.request();
  engine::caller caller{who.by, request.correlation_id, std::string(request.header("idempotency-key")), {}};
  if (caller.command_id.empty()) return caller;
  const bool visible = std::ranges::all_of(caller.command_id, [](char c) { return c > ' ' && c <= '~'; });
  if (!visible || caller.command_id.size() > engine::limits::command_id_bytes_max) {
    exchange.fail(dps_code::argument_invalid, "Idempotency-Key: expected 1 to " +
                                                  std::to_string(engine::limits::command_id_bytes_max) +
                                                  " visible ASCII characters.");
    return std::nullopt;
  }
  std::string asked = request.method + "|";
  for (const auto& segment : request.path) asked.append("/").append(segment);
  caller.request = events::sha256(asked + "|", request.body);
  return caller;
}

engine::precondition if_match_of(const http_request& request) {
  auto text = request.header("if-match");
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.empty()) return {};
  if (text == "*") return {engine::precondition::kind::any, {}};
  return {engine::precondition::kind::etag, std::string(text)};
}

void submit(const exchange_ptr& exchange, const principal& who, engine::command command, http_reply::renderer render) {
  auto caller = caller_of(*exchange, who);
  if (!caller) return;
  exchange->parts().gateway.submit(std::move(command), std::move(*caller),
                                   std::make_shared<http_reply>(exchange, std::move(render)));
}

std::optional<std::size_t> page_size(std::string_view text) {
  if (text.empty()) return page_items_default;
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc{} || end != text.data() + text.size() || size == 0) return std::nullopt;
  return size;
}

std::optional<std::size_t> wanted_limit(http_exchange& exchange) {
  const auto text = exchange.request().parameter("limit");
  const auto limit = page_size(text);
  if (limit && *limit <= page_items_max) return limit;
  exchange.fail(dps_code::argument_invalid, "limit: expected a number of 1 to " + std::to_string(page_items_max) +
                                                ", not '" + std::string(text.substr(0, 40)) + "'.");
  return std::nullopt;
}

}  // namespace muster::connectors
