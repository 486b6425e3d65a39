#include "connectors/api/device_api.hpp"

#include "connectors/api/registration_json.hpp"
#include "connectors/json/json_members.hpp"
#include "events/bytes.hpp"
#include "events/describe.hpp"

namespace muster::connectors {

namespace {

constexpr std::string_view poll_after_seconds = "1";  // the shortest that SDKs take; the answer is ready by then

/// A device's request, its path and header read.
struct device_call {
  events::id_scope scope;
  engine::evidence evidence;
};

std::optional<device_call> read_call(http_exchange& exchange) {
  const auto& request = exchange.request();
  exchange.about("Registration", exchange.variable(1));
  const auto version = request.parameter("api-version");
  if (!is_api_version(version)) {
    exchange.fail(dps_code::argument_invalid, version.empty()
                                                  ? "api-version: it is missing; add ?api-version=2021-06-01."
                                                  : "api-version: expected a date such as 2021-06-01.");
    return std::nullopt;
  }
  const auto scope = events::id_scope::parse(exchange.variable(0));
  if (!scope) {
    exchange.fail(dps_code::not_found, "ID scope not found.");
    return std::nullopt;
  }
  const auto id = events::registration_id::parse(exchange.variable(1));
  if (!id) {
    exchange.fail(dps_code::argument_invalid,
                  "registrationId: expected " + std::string(events::registration_id::rule()) + ".");
    return std::nullopt;
  }
  device_call call{*scope, {*id, std::nullopt, "https", std::string(version), request.source_address}};
  if (const auto token = request.header("authorization"); !token.empty()) call.evidence.token = std::string(token);
  return call;
}

/// DeviceRegistration. Nothing if it was refused.
struct device_body {
  std::optional<events::json_text> payload;
};

std::optional<device_body> read_body(http_exchange& exchange, const events::registration_id& id) {
  const auto body = exchange.json_body(true);
  if (!body) return std::nullopt;
  json_members in(*body);
  const auto named = in.named<events::registration_id>("registrationId");
  if (named && *named != id) {
    in.wrong("registrationId",
             "it is '" + named->text() + "', but the path names '" + id.text() + "'; they must be the same");
  }
  for (const auto csr : {"csr", "clientCertificateCsr"}) {
    if (in.value(csr) != nullptr) in.wrong(csr, "issuing certificates is not available in this version; leave it out");
  }
  if (!in.ok()) {
    exchange.fail(dps_code::argument_invalid, in.error());
    return std::nullopt;
  }
  device_body read;
  if (const auto* payload = in.value("payload"); payload != nullptr)
    read.payload = events::json_text{payload->to_text()};
  return read;
}

engine::caller device_caller(const http_exchange& exchange) {
  return {"device", exchange.request().correlation_id, {}, {}};
}

http_response assigning(const http_exchange& exchange, const engine::registration_answer& answer) {
  json_writer out;
  out.begin_object();
  out.string("operationId", answer.operation_id);
  out.string("status", "assigning");
  out.begin_object("registrationState");
  out.string("registrationId", answer.record.id.text());
  out.string("status", "assigning");
  out.end_object();
  out.end_object();
  auto response = json_response(202, out.take());
  response.headers.emplace_back("Retry-After", poll_after_seconds);
  response.headers.emplace_back("Location", "https://" + std::string(exchange.request().header("host")) + "/" +
                                                exchange.variable(0) + "/registrations/" + answer.record.id.text() +
                                                "/register");
  return response;
}

http_response finished(const engine::registration_answer& answer) {
  const bool disabled = answer.record.status == events::registration_status::disabled;
  json_writer out;
  out.begin_object();
  out.string("operationId", disabled ? std::string_view() : answer.operation_id);
  out.string("status", events::name_of(answer.record.status));
  out.key("registrationState");
  write_registration(out, answer.record, record_reader::device);
  out.end_object();
  return json_response(200, out.take());
}

http_response render_registration(http_exchange& exchange, const engine::answer& a) {
  static const auto render = rendering<engine::registration_answer>(
      entry_kind::registration, [](http_exchange& self, const engine::registration_answer& answer) {
        return answer.assigning ? assigning(self, answer) : finished(answer);
      });
  return render(exchange, a);
}

// A 429 for too many polls or a full queue came before any judgement: it is no attempt.
std::optional<engine::attempt_result> attempt_result_of(const engine::answer& a) {
  using engine::attempt_result;
  if (const auto* rejected = std::get_if<engine::rejection>(&a)) {
    switch (rejected->code) {
    case engine::rejection_code::too_many_attempts:
      return attempt_result::suppressed;
    case engine::rejection_code::too_many_requests:
      return std::nullopt;
    case engine::rejection_code::unavailable:
      return attempt_result::unavailable;
    default:
      return attempt_result::refused;
    }
  }
  const auto* answer = std::get_if<engine::registration_answer>(&a);
  if (answer == nullptr) return attempt_result::unavailable;
  switch (answer->record.status) {
  case events::registration_status::failed:
    return attempt_result::failed;
  case events::registration_status::disabled:
    return attempt_result::disabled;
  case events::registration_status::assigned:
    break;
  }
  return attempt_result::assigned;
}

http_response count_and_render(http_exchange& exchange, const engine::answer& a) {
  auto& telemetry = exchange.parts().telemetry;
  if (const auto result = attempt_result_of(a)) {
    telemetry.registration_attempts[static_cast<std::size_t>(*result)].fetch_add(1, std::memory_order_relaxed);
    telemetry.registration_latency.observe(exchange.parts().clock.now() - exchange.arrived());
  } else {
    telemetry.requests_throttled.fetch_add(1, std::memory_order_relaxed);
  }
  return render_registration(exchange, a);
}

void submit(const exchange_ptr& exchange, engine::command command, http_reply::renderer render) {
  exchange->parts().gateway.submit(std::move(command), device_caller(*exchange),
                                   std::make_shared<http_reply>(exchange, std::move(render)));
}

}  // namespace

bool is_api_version(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-dd";
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != '-') return false;
  }
  return text.size() == shape.size() || events::to_lower(text.substr(shape.size())) == "-preview";
}

void on_register(const exchange_ptr& exchange) {
  auto call = read_call(*exchange);
  if (!call) return;
  auto body = read_body(*exchange, call->evidence.presented);
  if (!body) return;
  submit(exchange, engine::register_device{call->scope, std::move(call->evidence), std::move(body->payload)},
         count_and_render);
}

void on_operation_status(const exchange_ptr& exchange) {
  auto call = read_call(*exchange);
  if (!call) return;
  submit(exchange, engine::poll_operation{call->scope, std::move(call->evidence), exchange->variable(2)},
         render_registration);
}

void on_registration_lookup(const exchange_ptr& exchange) {
  auto call = read_call(*exchange);
  if (!call || !read_body(*exchange, call->evidence.presented)) return;
  submit(exchange, engine::look_up_registration{call->scope, std::move(call->evidence)},
         rendering<engine::lookup_answer>(entry_kind::registration,
                                          [](http_exchange&, const engine::lookup_answer& answer) {
                                            json_writer out;
                                            write_registration(out, answer.record, record_reader::device);
                                            return json_response(200, out.take());
                                          }));
}

}  // namespace muster::connectors
