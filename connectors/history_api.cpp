#include "connectors/history_api.hpp"

#include "connectors/event_selection.hpp"
#include "connectors/feed_streams.hpp"
#include "connectors/service_call.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"
#include "events/usage_event.hpp"

namespace muster::connectors {

namespace {

constexpr auto streams_retry = std::chrono::seconds(5);

http_response ndjson(const engine::history_page& page, const events::id_scope& scope, events::shard_id shard) {
  http_response response{200, {{"Content-Type", "application/x-ndjson; charset=utf-8"}}, {}};
  for (const auto& entry : page.entries) {
    response.body
        .append(entry.usage ? events::to_cloud_event(*entry.usage, scope, shard)
                            : events::to_cloud_event(entry.meta, entry.shard, entry.data))
        .append("\n");
  }
  response.headers.emplace_back("x-muster-next", place_text(shard, page.next));
  response.headers.emplace_back("x-muster-more", page.more ? "true" : "false");
  return response;
}

bool wants_stream(const http_request& request) {
  return events::to_lower(request.header("accept")).find("text/event-stream") != std::string::npos;
}

/// Where a stream begins: a browser that comes back says in Last-Event-ID where it was.
std::string_view begins_after(const http_request& request) {
  const auto last = request.header("last-event-id");
  return wants_stream(request) && !last.empty() ? last : request.parameter("after");
}

// Behind everything that has happened, and the usage of every hour that has ended.
engine::feed_place newest_place(engine::shard_view& view) {
  const auto position = view.position();
  return {position.sequence, events::hour_of(position.time) - std::chrono::hours(1)};
}

void answer_stream(const exchange_ptr& exchange, feed_subscription who) {
  auto* const streams = exchange->parts().streams;
  if (streams == nullptr) return exchange->fail(dps_code::unavailable, "This node has no streams of events.");
  if (exchange->request().method == "HEAD")
    return exchange->finish({200, {{"Content-Type", "text/event-stream; charset=utf-8"}}, {}});
  auto stream = streams->open(std::move(who));
  if (!stream) {
    auto context = exchange->context();
    context.retry_after = streams_retry;
    return exchange->finish(error_response(dps_code::throttled, stream.error(), context));
  }
  exchange->finish({200,
                    {{"Content-Type", "text/event-stream; charset=utf-8"}, {"Cache-Control", "no-store"}},
                    {},
                    std::move(*stream)});
}

}  // namespace

void answer_history(const exchange_ptr& exchange, const engine::scope_snapshot& service, std::string_view subject,
                    std::function<bool(const engine::scope_snapshot&)> still_admitted) {
  const auto& request = exchange->request();
  const auto shard = service.shard;
  const auto& scope = service.service.scope;
  const auto begin = begins_after(request);
  const bool from_now_on = begin == "latest" && wants_stream(request);
  const auto view = from_now_on ? open_view(*exchange, service) : nullptr;
  if (from_now_on && !view) return;
  const auto after = view ? std::optional(newest_place(*view)) : read_place(begin, shard);
  if (!after) {
    return exchange->fail(dps_code::argument_invalid,
                          "after: expected SHARD-SEQUENCE as in an event's id; this service is on shard " +
                              std::to_string(shard.value()) + ".");
  }
  const auto limit = wanted_limit(*exchange);
  if (!limit) return;
  const bool personal = request.parameter("personal") != "false";
  auto filter = read_filter(scope, request.parameter("types"), subject);
  if (!filter) return exchange->fail(dps_code::argument_invalid, filter.error());
  filter->usage = request.parameter("usage") != "false";
  if (wants_stream(request)) {
    return answer_stream(exchange, {scope, shard, *after, *filter, personal, std::move(still_admitted)});
  }
  http_exchange::read_later(exchange, shard,
                            [exchange, scope, shard, after = *after, filter = *filter, limit = *limit, personal] {
                              auto& past = exchange->parts().past;
                              // A stream has an index of its own, which need not pass over the events of others.
                              const bool by_stream = !filter.subject.empty() && filter.types.empty();
                              const auto stream = events::stream_name::parse(scope.text() + "/" + filter.subject);
                              const auto page = by_stream ? past.of_stream(*stream, after.sequence, limit, personal)
                                                          : past.of_service(scope, after, limit, personal, filter);
                              if (page)
                                exchange->finish(ndjson(*page, scope, shard));
                              else
                                exchange->fail(page.error());
                            });
}

namespace {

std::optional<service_call> admit_reader(const exchange_ptr& exchange) {
  using enum events::access_right;
  return admit(*exchange, {enrollment_read, registration_status_read}, api_version::optional);
}

void answer_reader(const exchange_ptr& exchange, const service_call& call, std::string_view subject) {
  answer_history(exchange, *call.service, subject, [exchange](const engine::scope_snapshot& service) {
    using enum events::access_right;
    const auto& parts = exchange->parts();
    const auto who = authorize(exchange->request(), exchange->host(), &service, parts.operators, parts.clock.now());
    return who && !lacking(*who, {enrollment_read, registration_status_read});
  });
}

}  // namespace

void on_events(const exchange_ptr& exchange) {
  const auto call = admit_reader(exchange);
  if (call) answer_reader(exchange, *call, exchange->request().parameter("stream"));
}

void on_registration_history(const exchange_ptr& exchange) {
  exchange->about("Registration", exchange->variable(0));
  const auto call = admit_reader(exchange);
  if (!call) return;
  const auto id = path_name<events::registration_id>(*exchange, 0);
  if (id) answer_reader(exchange, *call, "devices/" + id->key());
}

}  // namespace muster::connectors
