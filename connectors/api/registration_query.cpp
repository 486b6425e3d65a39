#include "connectors/api/registration_query.hpp"

#include "connectors/api/registration_json.hpp"
#include "engine/limits.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"
#include "events/describe.hpp"

namespace muster::connectors {

namespace {

constexpr std::size_t mac_bytes = 16;
constexpr char count_mark = '#';  // begins a place of a count, and no place of a list

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

struct registration_query {
  service_call call;
  engine::registration_filter filter;
  bool only_count = false;
  engine::page_request wanted;
};

void add_continuation(http_response& response, const registration_query& query, std::string_view next) {
  if (next.empty()) return;
  const auto place = (query.only_count ? std::string(1, count_mark) : std::string()).append(next);
  response.headers.emplace_back("x-ms-continuation", continuation_token(*query.call.service, query.filter, place));
}

void count(http_exchange& exchange, engine::shard_view& view, const registration_query& query) {
  const auto counted =
      view.count_registrations(query.call.scope(), query.filter, query.wanted.after, engine::limits::rows_counted_max);
  if (!counted) return exchange.fail(counted.error());
  json_writer out;
  out.begin_object();
  out.number("count", static_cast<std::int64_t>(counted->number));
  if (!counted->next.empty()) out.boolean("more", true);
  out.end_object();
  auto response = json_response(200, out.take());
  add_continuation(response, query, counted->next);
  exchange.finish(std::move(response));
}

void list(http_exchange& exchange, engine::shard_view& view, const registration_query& query) {
  const auto page = view.registrations(query.call.scope(), query.filter, query.wanted);
  if (!page) return exchange.fail(page.error());
  json_writer out;
  out.begin_array();
  for (const auto& record : page->items) write_registration(out, record, record_reader::registration_query);
  out.end_array();
  auto response = json_response(200, out.take());
  response.headers.emplace_back("x-ms-item-type", "DeviceRegistration");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  add_continuation(response, query, page->next);
  exchange.finish(std::move(response));
}

/// What the headers ask for. DPS cuts a page that is too large.
std::optional<engine::page_request> wanted_page_of(http_exchange& exchange, const registration_query& query) {
  const auto& request = exchange.request();
  const auto limit = page_size(request.header("x-ms-max-item-count"));
  if (!limit) {
    exchange.fail(dps_code::argument_invalid, "x-ms-max-item-count: expected a number of 1 or more.");
    return std::nullopt;
  }
  engine::page_request wanted{{}, std::min(*limit, page_items_max)};
  const auto token = request.header("x-ms-continuation");
  if (token.empty()) return wanted;
  const auto place = continuation_place(*query.call.service, query.filter, token);
  if (!place || (place->front() == count_mark) != query.only_count) {
    exchange.fail(dps_code::argument_invalid,
                  "x-ms-continuation: expected what the page before gave, with the same body.");
    return std::nullopt;
  }
  wanted.after = place->substr(query.only_count ? 1 : 0);
  return wanted;
}

}  // namespace

void on_query_registrations(const exchange_ptr& exchange) {
  auto call = admit(*exchange, {events::access_right::registration_status_read}, api_version::optional);
  if (!call) return;
  const auto body = exchange->json_body(true);
  if (!body) return;
  json_members in(*body);
  in.only({"status", "enrollmentGroupId", "assignedHub", "count"});
  registration_query query{std::move(*call), read_filter(in), in.boolean("count").value_or(false), {}};
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  auto wanted = wanted_page_of(*exchange, query);
  if (!wanted) return;
  query.wanted = std::move(*wanted);
  const auto view = open_view(*exchange, *query.call.service);
  if (!view) return;
  const auto shard = query.call.service->shard;
  http_exchange::read_later(exchange, shard, [exchange, view, query = std::move(query)] {
    if (query.only_count)
      count(*exchange, *view, query);
    else
      list(*exchange, *view, query);
  });
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
