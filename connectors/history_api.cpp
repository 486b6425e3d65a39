#include "connectors/history_api.hpp"

#include "connectors/service_call.hpp"
#include "events/codec.hpp"

#include <charconv>
#include <limits>

namespace muster::connectors {

namespace {

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string place_text(events::shard_id shard, events::log_sequence sequence) {
  return std::to_string(shard.value()) + "-" + std::to_string(sequence.value());
}

// `SHARD-SEQUENCE`, the shard being the service's own.
std::optional<events::log_sequence> read_place(std::string_view text, events::shard_id shard) {
  if (text.empty()) return events::log_sequence();
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || read_number(text.substr(0, dash)) != shard.value()) return std::nullopt;
  const auto sequence = read_number(text.substr(dash + 1));
  // Behind the last number there is none to go on with.
  constexpr auto none = std::numeric_limits<std::uint64_t>::max();
  return sequence && *sequence != none ? std::optional(events::log_sequence(*sequence)) : std::nullopt;
}

http_response ndjson(const engine::history_page& page, events::shard_id shard) {
  http_response response{200, {{"Content-Type", "application/x-ndjson; charset=utf-8"}}, {}};
  for (const auto& entry : page.entries)
    response.body.append(events::to_cloud_event(entry.meta, entry.shard, entry.data)).append("\n");
  response.headers.emplace_back("x-muster-next", place_text(shard, page.next));
  response.headers.emplace_back("x-muster-more", page.more ? "true" : "false");
  return response;
}

}  // namespace

void answer_history(const exchange_ptr& exchange, const engine::scope_snapshot& service, std::string_view subject) {
  const auto& request = exchange->request();
  const auto shard = service.shard;
  const auto& scope = service.service.scope;
  const auto after = read_place(request.parameter("after"), shard);
  if (!after) {
    return exchange->fail(dps_code::argument_invalid,
                          "after: expected SHARD-SEQUENCE as in an event's id; this service is on shard " +
                              std::to_string(shard.value()) + ".");
  }
  const auto limit = wanted_limit(*exchange);
  if (!limit) return;
  const bool personal = request.parameter("personal") != "false";
  std::optional<events::stream_name> stream;
  if (!subject.empty()) {
    stream = events::stream_name::parse(scope.text() + "/" + std::string(subject));
    if (!stream) {
      return exchange->fail(
          dps_code::argument_invalid,
          "stream: expected service, refusals, groups/GROUP, devices/REGISTRATION_ID or hubs/HUB/DEVICE.");
    }
  }
  http_exchange::read_later(exchange, [exchange, scope, shard, stream, after = *after, limit = *limit, personal] {
    auto& past = exchange->parts().past;
    const auto page =
        stream ? past.of_stream(*stream, after, limit, personal) : past.of_service(scope, after, limit, personal);
    if (page)
      exchange->finish(ndjson(*page, shard));
    else
      exchange->fail(page.error());
  });
}

void on_events(const exchange_ptr& exchange) {
  using enum events::access_right;
  const auto call = admit(*exchange, {enrollment_read, registration_status_read}, api_version::optional);
  if (call) answer_history(exchange, *call->service, {});
}

void on_registration_history(const exchange_ptr& exchange) {
  using enum events::access_right;
  exchange->about("Registration", exchange->variable(0));
  const auto call = admit(*exchange, {enrollment_read, registration_status_read}, api_version::optional);
  if (!call) return;
  const auto id = path_name<events::registration_id>(*exchange, 0);
  if (id) answer_history(exchange, *call->service, "devices/" + id->key());
}

}  // namespace muster::connectors
