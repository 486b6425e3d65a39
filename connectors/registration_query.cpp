#include "connectors/registration_query.hpp"

#include "connectors/registration_json.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"
#include "events/describe.hpp"

namespace muster::connectors {

namespace {

constexpr std::size_t page_default = 100;  // DPS's own
constexpr std::size_t page_max = 1000;
constexpr std::size_t mac_bytes = 16;

// `mac (16) | place`. The key is made from the service's data key: it is the same after a restart, and another for each
// tenant.
std::string mac_of(const engine::scope_snapshot& service, const engine::registration_filter& filter,
                   std::string_view place) {
  const auto key = engine::hmac_sha256(service.data_key.key.bytes(), "muster registration query continuation");
  std::string text = service.service.scope.text();
  text.append("\n").append(filter.status ? events::name_of(*filter.status) : "");
  text.append("\n").append(filter.group ? filter.group->key() : "");
  text.append("\n").append(filter.hub ? filter.hub->key() : "");
  text.append("\n").append(place);
  return engine::hmac_sha256(key, text).substr(0, mac_bytes);
}

void count(http_exchange& exchange, engine::shard_view& view, const service_call& call,
           const engine::registration_filter& filter) {
  const auto number = view.count_registrations(call.scope(), filter);
  if (!number) return exchange.fail(number.error());
  json_writer out;
  out.begin_object();
  out.number("count", static_cast<std::int64_t>(*number));
  out.end_object();
  exchange.finish(json_response(200, out.take()));
}

void list(http_exchange& exchange, engine::shard_view& view, const service_call& call,
          const engine::registration_filter& filter) {
  const auto& request = exchange.request();
  const auto limit = page_size(request.header("x-ms-max-item-count"), page_default, page_max);
  if (!limit)
    return exchange.fail(dps_code::argument_invalid,
                         "x-ms-max-item-count: expected a number of 1 to " + std::to_string(page_max) + ".");
  engine::page_request wanted{{}, *limit};
  if (const auto token = request.header("x-ms-continuation"); !token.empty()) {
    const auto place = continuation_place(*call.service, filter, token);
    if (!place) {
      return exchange.fail(dps_code::argument_invalid,
                           "x-ms-continuation: expected what the page before gave, with the same filter.");
    }
    wanted.after = *place;
  }
  const auto page = view.registrations(call.scope(), filter, wanted);
  if (!page) return exchange.fail(page.error());
  json_writer out;
  out.begin_array();
  for (const auto& record : page->items) write_registration(out, record, record_reader::registration_query);
  out.end_array();
  auto response = json_response(200, out.take());
  response.headers.emplace_back("x-ms-item-type", "DeviceRegistration");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (!page->next.empty()) {
    response.headers.emplace_back("x-ms-continuation", continuation_token(*call.service, filter, page->next));
  }
  exchange.finish(std::move(response));
}

}  // namespace

void on_query_registrations(const exchange_ptr& exchange) {
  const auto call = admit(*exchange, {events::access_right::registration_status_read}, api_version::optional);
  if (!call) return;
  const auto body = exchange->json_body(true);
  if (!body) return;
  json_members in(*body);
  const auto filter = read_filter(in);
  const bool only_count = in.boolean("count").value_or(false);
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  const auto view = open_view(*exchange, *call->service);
  if (!view) return;
  if (only_count)
    count(*exchange, *view, *call, filter);
  else
    list(*exchange, *view, *call, filter);
}

engine::registration_filter read_filter(json_members& in) {
  engine::registration_filter filter;
  if (const auto text = in.string("status")) {
    filter.status = events::value_named<events::registration_status>(*text);
    if (!filter.status) in.expected("status", "'assigned', 'failed' or 'disabled', not '" + text->substr(0, 60) + "'");
  }
  filter.group = in.named<events::group_id>("enrollmentGroupId");
  filter.hub = in.named<events::hub_name>("assignedHub");
  return filter;
}

std::string continuation_token(const engine::scope_snapshot& service, const engine::registration_filter& filter,
                               std::string_view after) {
  return events::to_base64(mac_of(service, filter, after) + std::string(after));
}

std::optional<std::string> continuation_place(const engine::scope_snapshot& service,
                                              const engine::registration_filter& filter, std::string_view token) {
  const auto bytes = events::from_base64(token);
  if (!bytes || bytes->size() <= mac_bytes) return std::nullopt;
  auto place = bytes->substr(mac_bytes);
  if (!engine::equal_secrets(mac_of(service, filter, place), std::string_view(*bytes).substr(0, mac_bytes)))
    return std::nullopt;
  return place;
}

}  // namespace muster::connectors
