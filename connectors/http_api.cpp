#include "connectors/http_api.hpp"

#include "connectors/device_api.hpp"
#include "connectors/history_api.hpp"
#include "connectors/operator_api.hpp"
#include "connectors/registration_query.hpp"
#include "connectors/service_api.hpp"
#include "connectors/usage_api.hpp"
#include "connectors/webhook/webhook_api.hpp"
#include "events/bytes.hpp"
#include "events/schemas.hpp"

#include <algorithm>
#include <array>

namespace muster::connectors {

namespace {

using handler = void (*)(const exchange_ptr&);

/// `{...}` in a pattern is any one segment; other segments are compared without letter case (Node asks for
/// `/enrollmentgroups`). Names of operations and categories are those of DPS's logs where it has one.
struct route {
  std::string_view method;  ///< empty: a path that is known, with nothing to do there by any method
  std::string_view pattern;
  handler call;
  std::string_view operation;
  std::string_view category;
  bool takes_long = false;  ///< answered when it is done, however long that takes
};

void on_metrics(const exchange_ptr& exchange) {
  exchange->finish({200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, exchange->parts().metrics()});
}

void on_healthz(const exchange_ptr& exchange) {
  exchange->finish({200, {{"Content-Type", "text/plain; charset=utf-8"}}, "ok\n"});
}

void on_readyz(const exchange_ptr& exchange) {
  // The causes may hold paths and offsets: they are nobody's business but the operators'.
  const bool is_operator = authorize_operator(exchange->request(), exchange->parts().operators).has_value();
  const auto& parts = exchange->parts();
  const auto reason = parts.not_ready(is_operator);
  // Devices are served whatever becomes of the feed.
  const auto trouble = parts.trouble ? parts.trouble(is_operator) : std::nullopt;
  const auto text = reason.value_or("ready") + (trouble ? "; " + *trouble : "") + "\n";
  exchange->finish({reason ? 503 : 200, {{"Content-Type", "text/plain; charset=utf-8"}}, text});
}

// For consumers of events, who need no right for them.
void on_event_schema(const exchange_ptr& exchange) {
  static const std::string text = events::json_schema();
  exchange->finish(json_response(200, text));
}

void on_asyncapi(const exchange_ptr& exchange) {
  exchange->finish(json_response(200, std::string(events::async_api())));
}

constexpr std::string_view devices = "DeviceOperations";
constexpr std::string_view back_ends = "ServiceOperations";
constexpr std::string_view control = "OperatorOperations";
constexpr std::string_view monitoring = "Monitoring";

// Where two patterns fit, the first counts.
constexpr std::array routes = {
    route{"GET", "metrics", on_metrics, "Metrics", monitoring},
    route{"GET", "healthz", on_healthz, "Health", monitoring},
    route{"GET", "readyz", on_readyz, "Readiness", monitoring},

    route{"GET", "schemas/events.json", on_event_schema, "EventSchema", monitoring},
    route{"GET", "schemas/asyncapi.json", on_asyncapi, "AsyncApi", monitoring},

    route{"GET", "operator/version", on_version, "Version", control},
    route{"POST", "operator/rebuild", on_rebuild, "Rebuild", control, true},
    route{"POST", "operator/verify", on_verify, "Verify", control, true},
    route{"GET", "operator/services", on_list_services, "ListServices", control},
    route{"GET", "operator/services/{name}", on_get_service, "GetService", control},
    route{"PUT", "operator/services/{name}", on_create_service, "CreateService", control},
    route{"PATCH", "operator/services/{name}/settings", on_patch_settings, "ChangeSettings", control},
    route{"GET", "operator/services/{name}/hubs", on_list_hubs, "ListHubs", control},
    route{"PUT", "operator/services/{name}/hubs/{hub}", on_link_hub, "LinkHub", control},
    route{"DELETE", "operator/services/{name}/hubs/{hub}", on_unlink_hub, "UnlinkHub", control},
    route{"GET", "operator/services/{name}/hubs/{hub}/devices", on_list_hub_devices, "ListHubDevices", control},
    route{"GET", "operator/services/{name}/hubs/{hub}/devices/{id}", on_get_hub_device, "GetHubDevice", control},
    route{"DELETE", "operator/services/{name}/hubs/{hub}/devices/{id}", on_delete_hub_device, "DeleteHubDevice",
          control},
    route{"GET", "operator/services/{name}/enrollments", on_list_enrollments, "ListEnrollments", control},
    route{"GET", "operator/services/{name}/groups", on_list_groups, "ListGroups", control},
    route{"GET", "operator/services/{name}/registrations", on_list_registrations, "ListRegistrations", control},
    route{"GET", "operator/services/{name}/webhook", on_get_webhook, "GetWebhook", control},
    route{"PUT", "operator/services/{name}/webhook", on_put_webhook, "SetWebhook", control},
    route{"DELETE", "operator/services/{name}/webhook", on_delete_webhook, "DeleteWebhook", control},
    route{"POST", "operator/services/{name}/webhook/resume", on_resume_webhook, "ResumeWebhook", control},
    route{"GET", "operator/services/{name}/events", on_service_events, "Events", control},
    route{"GET", "operator/services/{name}/usage", on_service_usage, "Usage", control},
    route{"POST", "operator/services/{name}/usage/recount", on_recount_usage, "RecountUsage", control, true},

    route{"GET", "events", on_events, "Events", back_ends},
    route{"GET", "usage", on_usage, "Usage", back_ends},
    route{"", "enrollments", nullptr, "Enrollments", back_ends},
    route{"GET", "enrollments/{id}", on_get_enrollment, "Get", back_ends},
    route{"PUT", "enrollments/{id}", on_put_enrollment, "Upsert", back_ends},
    route{"DELETE", "enrollments/{id}", on_delete_enrollment, "Delete", back_ends},
    route{"", "enrollmentGroups", nullptr, "EnrollmentGroups", back_ends},
    route{"GET", "enrollmentGroups/{id}", on_get_group, "Get", back_ends},
    route{"PUT", "enrollmentGroups/{id}", on_put_group, "Upsert", back_ends},
    route{"DELETE", "enrollmentGroups/{id}", on_delete_group, "Delete", back_ends},
    route{"", "registrations", nullptr, "Registrations", back_ends},
    route{"POST", "registrations/query", on_query_registrations, "Query", back_ends},
    route{"GET", "registrations/{id}", on_get_registration, "Get", back_ends},
    route{"DELETE", "registrations/{id}", on_delete_registration, "Delete", back_ends},
    route{"GET", "registrations/{id}/history", on_registration_history, "History", back_ends},

    route{"PUT", "{scope}/registrations/{id}/register", on_register, "AttestationAttempt", devices},
    route{"GET", "{scope}/registrations/{id}/operations/{operation}", on_operation_status, "OperationStatus", devices},
    route{"POST", "{scope}/registrations/{id}", on_registration_lookup, "RegistrationStatusLookup", devices},
};

bool same_segment(std::string_view pattern, std::string_view segment) {
  return std::ranges::equal(pattern, segment, [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return lower(a) == lower(b);
  });
}

bool fits(std::string_view pattern, const std::vector<std::string>& path) {
  for (const auto& segment : path) {
    const auto wanted = pattern.substr(0, pattern.find('/'));
    if (wanted.empty() || (wanted.front() != '{' && !same_segment(wanted, segment))) return false;
    pattern.remove_prefix(std::min(pattern.size(), wanted.size() + 1));
  }
  return pattern.empty() && !path.empty();
}

std::vector<std::string> variables_of(std::string_view pattern, const std::vector<std::string>& path) {
  std::vector<std::string> variables;
  for (const auto& segment : path) {
    const auto wanted = pattern.substr(0, pattern.find('/'));
    if (wanted.front() == '{') variables.push_back(segment);
    pattern.remove_prefix(std::min(pattern.size(), wanted.size() + 1));
  }
  return variables;
}

/// The route of a request, or which methods its path has.
struct match {
  const route* found = nullptr;
  bool known_path = false;
  std::string allowed;  ///< `GET, PUT`
};

match find_route(std::string_view method, const std::vector<std::string>& path) {
  match result;
  for (const auto& each : routes) {
    if (!fits(each.pattern, path)) continue;
    result.known_path = true;
    if (each.method.empty()) continue;
    if (each.method == method) {
      result.found = &each;
      return result;
    }
    result.allowed.append(result.allowed.empty() ? "" : ", ")
        .append(each.method)
        .append(each.method == "GET" ? ", HEAD" : "");
  }
  return result;
}

std::string path_text(const http_request& request) {
  std::string text;
  for (const auto& segment : request.path) text.append("/").append(segment);
  return text.empty() ? "/" : text.substr(0, 200);
}

void refuse_method(http_exchange& exchange, const std::string& allowed) {
  const auto& request = exchange.request();
  auto response = error_response(dps_code::method_not_allowed,
                                 request.method + " cannot be used on " + path_text(request) + "; " +
                                     (allowed.empty() ? "an id must follow the path." : "use " + allowed + "."),
                                 exchange.context());
  response.headers.emplace_back("Allow", allowed);
  exchange.finish(std::move(response));
}

}  // namespace

void http_api::handle(http_request request, respond answer) {
  // A HEAD is a GET whose body the listener keeps to itself.
  const auto found =
      find_route(request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method), request.path);
  auto variables =
      found.found != nullptr ? variables_of(found.found->pattern, request.path) : std::vector<std::string>();
  const auto exchange = std::make_shared<http_exchange>(parts_, std::move(request), std::move(answer));
  if (found.found != nullptr) {
    exchange->enter(found.found->operation, found.found->category, std::move(variables));
    found.found->call(exchange);
  } else if (found.known_path) {
    refuse_method(*exchange, found.allowed);
  } else {
    exchange->fail(dps_code::not_found, "There is nothing at " + path_text(exchange->request()) + ".");
  }
}

bool http_api::takes_long(const http_request& request) const {
  const auto found = find_route(request.method, request.path).found;
  return found != nullptr && found->takes_long;
}

}  // namespace muster::connectors
