#include "connectors/api/http_exchange.hpp"

#include "connectors/json/json_writer.hpp"
#include "engine/limits.hpp"
#include "events/bytes.hpp"

#include <algorithm>
#include <cstdio>

namespace muster::connectors {

namespace {

std::string host_of(std::string_view header) {
  const auto port = header.rfind(':');
  const bool has_port =
      port != std::string_view::npos && (header.empty() || header.front() != '[' || port > header.find(']'));
  return events::to_lower(has_port ? header.substr(0, port) : header);
}

// DPS masks the last octet; of an IPv6 address all but the first three groups stay away.
std::string masked(std::string_view address) {
  if (const auto dot = address.rfind('.'); dot != std::string_view::npos)
    return std::string(address.substr(0, dot)) + ".XXX";
  std::size_t end = 0;
  for (int groups = 0; groups < 3 && end != std::string_view::npos; ++groups)
    end = address.find(':', groups == 0 ? 0 : end + 1);
  return end == std::string_view::npos ? "XXX" : std::string(address.substr(0, end)) + ":XXX";
}

bool is_json(std::string_view content_type) {
  const auto type = events::to_lower(content_type.substr(0, content_type.find(';')));
  return type.find("json") != std::string::npos;
}

}  // namespace

http_exchange::http_exchange(std::shared_ptr<const http_parts> parts, http_request request, respond answer)
    : parts_(std::move(parts)), request_(std::move(request)), answer_(std::move(answer)), arrived_(parts_->clock.now()),
      host_(host_of(request_.header("host"))) {}

http_exchange::~http_exchange() {
  if (!finished_) fail(dps_code::unavailable, "The request was given up; try again.");
}

void http_exchange::enter(std::string_view operation, std::string_view category, std::vector<std::string> variables) {
  operation_ = operation;
  category_ = category;
  variables_ = std::move(variables);
}

void http_exchange::about(std::string_view type, std::string_view id) {
  subject_type_ = type;
  subject_id_ = printable(id.substr(0, 140));
}

void http_exchange::finish(http_response response) {
  if (finished_.exchange(true)) return;
  if (!read_age_.empty()) response.headers.emplace_back("x-muster-read-age", read_age_);
  write_log(response);
  auto answer = std::move(answer_);
  if (answer) answer(std::move(response));
}

// Names of DPS's resource logs: control-and-hub 6.2 of the vendor's monitoring reference.
void http_exchange::write_log(const http_response& response) const {
  const auto took = std::chrono::duration<double, std::milli>(parts_->clock.now() - arrived_);
  const auto result = response.status < 400 ? "Success" : response.status < 500 ? "ClientError" : "Failure";
  const auto code = std::ranges::find(response.headers, "x-ms-error-code", &std::pair<std::string, std::string>::first);
  const auto level = category_ == "Monitoring" ? engine::log_level::debug : engine::log_level::info;
  char duration[32];
  std::snprintf(duration, sizeof duration, "%.3f", took.count());
  parts_->log.write(level, "request answered",
                    {{"OperationName", operation_},
                     {"Category", category_},
                     {"OperationVersion", printable(request_.parameter("api-version").substr(0, 40))},
                     {"CallerIpAddress", masked(request_.source_address)},
                     {"CorrelationId", request_.correlation_id},
                     {"DurationMs", duration},
                     {"ResultType", result},
                     {"ResultSignature", std::to_string(response.status)},
                     {"ErrorCode", code == response.headers.end() ? std::string() : code->second},
                     {"Type", subject_type_},
                     {"Id", subject_id_},
                     {"Protocol", "Http"}});
}

void http_exchange::look_up(const std::shared_ptr<http_exchange>& exchange, std::optional<events::shard_id> shard,
                            std::function<void()> job) {
  pass_barrier(exchange, shard, [exchange, job = std::move(job)]() mutable {
    if (exchange->parts().look_up(std::move(job))) return;
    exchange->fail(dps_code::throttled, "Too many requests wait for what is stored; try again.");
  });
}

void http_exchange::read_later(const std::shared_ptr<http_exchange>& exchange, std::optional<events::shard_id> shard,
                               std::function<void()> job) {
  pass_barrier(exchange, shard, [exchange, job = std::move(job)]() mutable {
    if (exchange->parts().read_later(std::move(job))) return;
    exchange->fail(dps_code::throttled, "Too many requests for lists and history wait already; try again.");
  });
}

void http_exchange::pass_barrier(const std::shared_ptr<http_exchange>& exchange, std::optional<events::shard_id> shard,
                                 std::function<void()> go) {
  const auto wanted = exchange->request().header("x-muster-read");
  if (!wanted.empty() && wanted != "recent" && wanted != "exact") {
    return exchange->fail(dps_code::argument_invalid, "x-muster-read: expected 'recent' or 'exact', not '" +
                                                          std::string(wanted.substr(0, 40)) + "'.");
  }
  auto* const barrier = exchange->parts().reads;
  if (barrier == nullptr || !shard) return go();
  const auto kind = wanted == "exact" ? engine::read_kind::exact : engine::read_kind::recent;
  barrier->pass(*shard, kind, [exchange, go = std::move(go)](const engine::read_permit& permit) {
    if (!permit.granted) {
      return exchange->fail(dps_code::unavailable,
                            "The log did not confirm in time that this node has the service's shard; try again.");
    }
    if (permit.age) exchange->read_age_ = std::to_string(std::chrono::ceil<std::chrono::seconds>(*permit.age).count());
    go();
  });
}

std::optional<json_value> http_exchange::json_body(bool may_be_empty) {
  const auto& body = request_.body;
  const auto content_type = request_.header("content-type");
  if (may_be_empty && body.find_first_not_of(" \t\r\n") == std::string::npos)
    return json_value{json_value::kind::object, {}, {}, {}};
  if (!content_type.empty() && !is_json(content_type)) {
    fail(dps_code::media_type,
         "Content-Type: expected application/json, not '" + std::string(content_type.substr(0, 100)) + "'.");
    return std::nullopt;
  }
  auto read = read_json_object(body);
  if (read) return std::move(*read);
  const bool too_large = body.size() > engine::limits::request_body_bytes_max;
  fail(too_large ? dps_code::body_too_large : dps_code::malformed_body, read.error());
  return std::nullopt;
}

http_reply::~http_reply() {
  if (delivered_) return;
  exchange_->parts().telemetry.reply_dropped.fetch_add(1, std::memory_order_relaxed);
  deliver(
      engine::rejection{engine::rejection_code::unavailable, "The service is not available right now; try again.", {}});
}

void http_reply::deliver(engine::answer a) {
  if (delivered_.exchange(true)) return;
  exchange_->finish(render_(*exchange_, a));
}

std::optional<http_response> rejection_response(const http_exchange& exchange, const engine::answer& a,
                                                entry_kind entry) {
  const auto* rejected = std::get_if<engine::rejection>(&a);
  if (rejected == nullptr) return std::nullopt;
  return error_response(*rejected, entry, exchange.context());
}

http_reply::renderer rendering_no_content(entry_kind entry) {
  return [entry](http_exchange& exchange, const engine::answer& a) {
    return rejection_response(exchange, a, entry).value_or(http_response{204, {}, {}});
  };
}

}  // namespace muster::connectors
