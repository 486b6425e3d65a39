#include "connectors/api/http_api.hpp"

#include "connectors/api/device_api.hpp"
#include "connectors/api/history_api.hpp"
#include "connectors/api/operator_api.hpp"
#include "connectors/api/registration_query.hpp"
#include "connectors/api/service_api.hpp"
#include "connectors/api/usage_api.hpp"
#include "connectors/json/json_writer.hpp"
#include "connectors/webhook/webhook_api.hpp"
#include "events/bytes.hpp"
#include "events/schemas.hpp"

#include <algorithm>
#include <array>
#include <sstream>

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
  /// The query parameters there are besides api-version, separated by spaces; of DPS's own paths and of monitoring
  /// nothing: there every parameter is let pass.
  const char* parameters = nullptr;
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

constexpr auto no_parameters = "";
constexpr auto of_page = "after limit";
constexpr auto of_registrations = "after limit status group hub count";
constexpr auto of_history = "after limit types personal usage";
constexpr auto of_events = "after limit types personal usage stream";
constexpr auto of_usage = "from to by";
constexpr auto shows_keys = "keys";

// Where two patterns fit, the first counts.
constexpr std::array routes = {
    route{"GET", "metrics", on_metrics, "Metrics", monitoring},
    route{"GET", "healthz", on_healthz, "Health", monitoring},
    route{"GET", "readyz", on_readyz, "Readiness", monitoring},

    route{"GET", "schemas/events.json", on_event_schema, "EventSchema", monitoring},
    route{"GET", "schemas/asyncapi.json", on_asyncapi, "AsyncApi", monitoring},

    route{"GET", "operator/version", on_version, "Version", control, no_parameters},
    route{"POST", "operator/rebuild", on_rebuild, "Rebuild", control, no_parameters, true},
    route{"POST", "operator/verify", on_verify, "Verify", control, no_parameters, true},
    route{"GET", "operator/services", on_list_services, "ListServices", control, no_parameters},
    route{"GET", "operator/services/{name}", on_get_service, "GetService", control, no_parameters},
    route{"PUT", "operator/services/{name}", on_create_service, "CreateService", control, no_parameters},
    route{"PATCH", "operator/services/{name}/settings", on_patch_settings, "ChangeSettings", control, no_parameters},
    route{"GET", "operator/services/{name}/hubs", on_list_hubs, "ListHubs", control, no_parameters},
    route{"PUT", "operator/services/{name}/hubs/{hub}", on_link_hub, "LinkHub", control, no_parameters},
    route{"DELETE", "operator/services/{name}/hubs/{hub}", on_unlink_hub, "UnlinkHub", control, no_parameters},
    route{"GET", "operator/services/{name}/hubs/{hub}/devices", on_list_hub_devices, "ListHubDevices", control,
          of_page},
    route{"GET", "operator/services/{name}/hubs/{hub}/devices/{id}", on_get_hub_device, "GetHubDevice", control,
          shows_keys},
    route{"DELETE", "operator/services/{name}/hubs/{hub}/devices/{id}", on_delete_hub_device, "DeleteHubDevice",
          control, no_parameters},
    route{"GET", "operator/services/{name}/enrollments", on_list_enrollments, "ListEnrollments", control, of_page},
    route{"GET", "operator/services/{name}/groups", on_list_groups, "ListGroups", control, of_page},
    route{"GET", "operator/services/{name}/registrations", on_list_registrations, "ListRegistrations", control,
          of_registrations},
    route{"GET", "operator/services/{name}/webhook", on_get_webhook, "GetWebhook", control, shows_keys},
    route{"PUT", "operator/services/{name}/webhook", on_put_webhook, "SetWebhook", control, no_parameters},
    route{"DELETE", "operator/services/{name}/webhook", on_delete_webhook, "DeleteWebhook", control, no_parameters},
    route{"POST", "operator/services/{name}/webhook/resume", on_resume_webhook, "ResumeWebhook", control,
          no_parameters},
    route{"GET", "operator/services/{name}/events", on_service_events, "Events", control, of_events},
    route{"GET", "operator/services/{name}/usage", on_service_usage, "Usage", control, of_usage},
    route{"POST", "operator/services/{name}/usage/recount", on_recount_usage, "RecountUsage", control, no_parameters,
          true},

    route{"GET", "events", on_events, "Events", back_ends, of_events},
    route{"GET", "usage", on_usage, "Usage", back_ends, of_usage},
    route{"", "enrollments", nullptr, "Enrollments", back_ends},
    route{"GET", "enrollments/{id}", on_get_enrollment, "Get", back_ends},
    route{"PUT", "enrollments/{id}", on_put_enrollment, "Upsert", back_ends},
    route{"DELETE", "enrollments/{id}", on_delete_enrollment, "Delete", back_ends},
    route{"", "enrollmentGroups", nullptr, "EnrollmentGroups", back_ends},
    route{"GET", "enrollmentGroups/{id}", on_get_group, "Get", back_ends},
    route{"PUT", "enrollmentGroups/{id}", on_put_group, "Upsert", back_ends},
    route{"DELETE", "enrollmentGroups/{id}", on_delete_group, "Delete", back_ends},
    route{"", "registrations", nullptr, "Registrations", back_ends},
    route{"POST", "registrations/query", on_query_registrations, "Query", back_ends, no_parameters},
    route{"GET", "registrations/{id}", on_get_registration, "Get", back_ends},
    route{"DELETE", "registrations/{id}", on_delete_registration, "Delete", back_ends},
    route{"GET", "registrations/{id}/history", on_registration_history, "History", back_ends, of_history},

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

/// The text of the refusal if the query holds a parameter that there is not.
std::optional<std::string> unknown_parameter(const route& found, const http_request& request) {
  if (found.parameters == nullptr || request.query.empty()) return std::nullopt;
  std::string known = found.category == back_ends ? "api-version service " : "api-version ";
  known += found.parameters;
  std::vector<std::string> names;
  std::istringstream words(known);
  for (std::string word; words >> word;) names.push_back(word);
  for (const auto& [name, value] : request.query) {
    const auto same = [&](const std::string& each) { return same_segment(each, name); };
    if (std::ranges::any_of(names, same)) continue;
    std::string list;
    for (const auto& each : names) list += (list.empty() ? "" : ", ") + each;
    return printable(name.substr(0, 60)) + ": there is no such query parameter here; there are: " + list + ".";
  }
  return std::nullopt;
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
    if (const auto wrong = unknown_parameter(*found.found, exchange->request()))
      exchange->fail(dps_code::argument_invalid, *wrong);
    else
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
