#include "connectors/api/history_api.hpp"

#include "connectors/api/event_selection.hpp"
#include "connectors/api/feed_streams.hpp"
#include "connectors/api/service_call.hpp"
#include "events/bytes.hpp"
#include "events/cloud_event.hpp"

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

// How many events a page shall have, or behind how many a stream ends: 0, which is never, unless it is said. If it is
// no such number, the exchange is finished with 400.
std::optional<std::size_t> wanted_events(http_exchange& exchange) {
  if (!wants_stream(exchange.request())) return wanted_limit(exchange);
  const auto text = exchange.request().parameter("limit");
  if (text.empty()) return 0;
  const auto limit = page_size(text);
  if (!limit) {
    exchange.fail(dps_code::argument_invalid,
                  "limit: expected a number from 1, not '" + std::string(text.substr(0, 40)) + "'.");
  }
  return limit;
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

void answer_page(const exchange_ptr& exchange, const feed_subscription& who) {
  http_exchange::read_later(exchange, who.shard, [exchange, who, limit = who.limit] {
    auto& past = exchange->parts().past;
    // A stream has an index of its own, which need not pass over the events of others.
    const bool by_stream = !who.filter.subject.empty() && who.filter.types.empty();
    const auto stream = events::stream_name::parse(who.scope.text() + "/" + who.filter.subject);
    const auto page = by_stream ? past.of_stream(*stream, who.after.sequence, limit, who.personal)
                                : past.of_service(who.scope, who.after, limit, who.personal, who.filter);
    if (page)
      exchange->finish(ndjson(*page, who.scope, who.shard));
    else
      exchange->fail(page.error());
  });
}

void answer_subscription(const exchange_ptr& exchange, const feed_subscription& who) {
  if (wants_stream(exchange->request()))
    answer_stream(exchange, who);
  else
    answer_page(exchange, who);
}

// False also while it is not known, the shard not being open here.
bool lies_behind_the_end(const http_parts& parts, events::shard_id shard, const engine::feed_place& place) {
  const auto view = parts.services.view(shard);
  return view && place.sequence > view->position().sequence;
}

// Who read another log, or this one before an older copy was restored, must not wait here until it has grown as far.
void refuse_place(const exchange_ptr& exchange, const feed_subscription& who) {
  const auto view = exchange->parts().services.view(who.shard);
  const auto end = view ? place_text(who.shard, view->position().sequence) : std::string("before");
  exchange->fail(dps_code::argument_invalid,
                 "after: " + place_text(who.shard, who.after) + " lies behind the log's end, which is at " + end +
                     ": it is a place in another log, or in this one before an older copy was restored. Read again "
                     "from the last place that both have.");
}

// Another node may have written, and somebody heard of it, what this one has not read yet.
void if_nobody_wrote_it_elsewhere(const exchange_ptr& exchange, events::shard_id shard, std::function<void()> go) {
  auto* const barrier = exchange->parts().reads;
  if (barrier == nullptr) return go();
  barrier->pass(shard, engine::read_kind::exact, [exchange, go = std::move(go)](const engine::read_permit& permit) {
    if (permit.granted) return go();
    exchange->fail(dps_code::unavailable, "after: the log did not confirm in time that it ends before; try again.");
  });
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
  const auto limit = wanted_events(*exchange);
  if (!limit) return;
  const bool personal = request.parameter("personal") != "false";
  auto filter = read_filter(scope, request.parameter("types"), subject);
  if (!filter) return exchange->fail(dps_code::argument_invalid, filter.error());
  filter->usage = request.parameter("usage") != "false";
  const feed_subscription wanted{scope, shard, *after, *filter, personal, *limit, std::move(still_admitted)};
  if (!lies_behind_the_end(exchange->parts(), shard, *after)) return answer_subscription(exchange, wanted);
  if_nobody_wrote_it_elsewhere(exchange, shard, [exchange, wanted] {
    if (lies_behind_the_end(exchange->parts(), wanted.shard, wanted.after)) return refuse_place(exchange, wanted);
    answer_subscription(exchange, wanted);
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
