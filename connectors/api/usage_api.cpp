#include "connectors/api/usage_api.hpp"

#include "connectors/api/operator_call.hpp"
#include "events/bytes.hpp"

#include <array>

namespace muster::connectors {

namespace {

constexpr std::array period_names = {"hour", "day", "month"};

std::string place_text(events::shard_id shard, events::log_sequence sequence) {
  return std::to_string(shard.value()) + "-" + std::to_string(sequence.value());
}

// A query parameter that names an hour. False if it is wrong: the exchange is finished then.
bool read_bound(http_exchange& exchange, const char* name, std::optional<events::log_hour>& bound) {
  const auto text = exchange.request().parameter(name);
  if (text.empty()) return true;
  bound = engine::read_hour(text);
  if (bound) return true;
  exchange.fail(dps_code::argument_invalid,
                std::string(name) +
                    ": expected a month (2026-11), a day (2026-11-21) or a full hour (2026-11-21T06), UTC, not '" +
                    printable(text.substr(0, 60)) + "'.");
  return false;
}

std::optional<engine::usage_query> read_query(http_exchange& exchange) {
  engine::usage_query query;
  if (!read_bound(exchange, "from", query.from) || !read_bound(exchange, "to", query.to)) return std::nullopt;
  if (query.from && query.to && *query.to <= *query.from) {
    exchange.fail(dps_code::argument_invalid, "to: expected a time behind 'from'; what is asked for ends before 'to'.");
    return std::nullopt;
  }
  const auto by = exchange.request().parameter("by");
  const auto at = std::ranges::find(period_names, by);
  if (!by.empty() && at == period_names.end()) {
    exchange.fail(dps_code::argument_invalid,
                  "by: expected hour, day or month, not '" + printable(by.substr(0, 60)) + "'.");
    return std::nullopt;
  }
  if (!by.empty()) query.by = static_cast<engine::usage_period>(at - period_names.begin());
  return query;
}

void write_sum(json_writer& out, const engine::usage_sum& sum) {
  out.number("operations", static_cast<std::int64_t>(sum.operations));
  out.number("events", static_cast<std::int64_t>(sum.events));
}

void write_line(json_writer& out, const engine::usage_line& line, events::shard_id shard) {
  out.begin_object();
  out.string("from", events::to_iso8601(line.from));
  out.string("to", events::to_iso8601(line.to));
  out.boolean("open", line.open);
  write_sum(out, line.sum);
  out.begin_array("types");
  for (const auto& [type, count] : line.sum.types) {
    out.begin_object();
    out.string("type", type);
    out.number("events", static_cast<std::int64_t>(count.events));
    out.number("operations", static_cast<std::int64_t>(count.operations));
    out.end_object();
  }
  out.end_array();
  out.string("first", place_text(shard, line.first));
  out.string("last", place_text(shard, line.last));
  if (line.end) {
    out.begin_object("end");
    out.string("sequence", place_text(shard, line.end->sequence));
    out.string("head", events::to_hex(events::as_bytes(line.end->head)));
    out.end_object();
  }
  out.end_object();
}

std::string to_json(const engine::usage_report& report, events::shard_id shard) {
  json_writer out;
  out.begin_object();
  write_sum(out, report.total);
  out.begin_object("byType");
  for (const auto& [type, count] : report.total.types) {
    if (count.operations > 0) out.number(type, static_cast<std::int64_t>(count.operations));
  }
  out.end_object();
  out.string("by", period_names[static_cast<std::size_t>(report.asked.by)]);
  if (report.asked.from) out.string("from", events::to_iso8601(*report.asked.from));
  if (report.asked.to) out.string("to", events::to_iso8601(*report.asked.to));
  out.begin_array("periods");
  for (const auto& line : report.lines) write_line(out, line, shard);
  out.end_array();
  out.end_object();
  return out.take();
}

// The caller has been let in.
void answer_usage(const exchange_ptr& exchange, const engine::scope_snapshot& service) {
  const auto query = read_query(*exchange);
  if (!query) return;
  const auto view = open_view(*exchange, service);
  if (!view) return;
  http_exchange::read_later(exchange, service.shard,
                            [exchange, view, query = *query, scope = service.service.scope, shard = service.shard] {
                              const auto report = engine::report_usage(*view, scope, query);
                              if (report)
                                exchange->finish(json_response(200, to_json(*report, shard)));
                              else
                                exchange->fail(report.error());
                            });
}

}  // namespace

void on_usage(const exchange_ptr& exchange) {
  const auto call = admit(*exchange, {events::access_right::service_config}, api_version::optional);
  if (call) answer_usage(exchange, *call->service);
}

void on_service_usage(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (call) answer_usage(exchange, *call->service);
}

void on_recount_usage(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  if (exchange->parts().upkeep == nullptr) return exchange->fail(dps_code::unavailable, "This node cannot do that.");
  const bool taken = exchange->parts().maintain_later([exchange, scope = call->scope(), shard = call->service->shard] {
    auto report = exchange->parts().upkeep->recount(shard, scope);
    if (report)
      exchange->finish(json_response(200, std::move(*report)));
    else
      exchange->fail(report.error());
  });
  if (!taken)
    exchange->fail(dps_code::throttled, "A rebuild or a verification is at work already; try again when it is done.");
}

}  // namespace muster::connectors
