#include "connectors/api/dps_error.hpp"

#include "connectors/json/json_writer.hpp"

namespace muster::connectors {

int dps_error_code(engine::rejection_code code, entry_kind entry) {
  using enum engine::rejection_code;
  switch (code) {
  case invalid:
    return dps_code::argument_invalid;
  case not_attested:
    return dps_code::unauthorized;
  case scope_not_found:
  case service_not_found:
  case webhook_not_found:
    return dps_code::not_found;
  case enrollment_not_found:
    return 404201;
  case registration_not_found:
    return 404202;
  case operation_not_found:
    return 404203;
  case group_not_found:
    return 404204;
  case hub_not_found:
    return 404210;
  case hub_device_not_found:
    return 404001;  // IoT Hub: DeviceNotFound
  case enrollment_exists:
    return 409201;
  case group_exists:
    return 409202;
  case service_exists:
    return 409000;
  case precondition_failed:
    switch (entry) {
    case entry_kind::individual:
      return 412201;
    case entry_kind::group:
      return 412202;
    case entry_kind::registration:
      return 412203;
    case entry_kind::other:
      return 412001;
    }
    break;
  case command_id_reused:
    return 422001;  // draft-ietf-httpapi-idempotency-key-header, section 2.7
  case too_many_attempts:
  case too_many_requests:
    return dps_code::throttled;
  case limit_reached:
    return 400205;  // DPS: TooManyEnrollments
  case unavailable:
    return dps_code::unavailable;
  }
  return dps_code::internal;
}

int dps_error_code(engine::errc code) {
  using enum engine::errc;
  switch (code) {
  case not_found:
    return dps_code::not_found;
  case conflict:
    return 409000;
  case invalid:
    return dps_code::argument_invalid;
  case denied:
    return dps_code::unauthorized;
  case overloaded:
    return dps_code::throttled;
  case timeout:
  case unavailable:
  case cancelled:
    return dps_code::unavailable;
  case corrupt:
  case internal:
    break;
  }
  return dps_code::internal;
}

http_response json_response(int status, std::string body) {
  return {status, {{"Content-Type", "application/json; charset=utf-8"}}, std::move(body)};
}

http_response error_response(int code, std::string_view message, const error_context& context) {
  constexpr std::chrono::seconds usual_retry_after{2};  // what every SDK honours: Java takes 2 to 5 s only
  const int status = code / 1000;
  json_writer out;
  out.begin_object();
  out.number("errorCode", code);
  out.string("trackingId", context.tracking_id);
  out.string("message", message);
  out.string("timestampUtc", events::to_iso8601(context.now));
  out.end_object();
  auto response = json_response(status, out.take());
  response.headers.emplace_back("x-ms-error-code", std::to_string(code));
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "SharedAccessSignature");
  if (context.retry_after.count() > 0 || status == 429 || status == 503) {
    const auto seconds = context.retry_after.count() > 0 ? context.retry_after : usual_retry_after;
    response.headers.emplace_back("Retry-After", std::to_string(seconds.count()));
  }
  return response;
}

http_response error_response(const engine::rejection& rejected, entry_kind entry, error_context context) {
  context.retry_after = rejected.retry_after;
  return error_response(dps_error_code(rejected.code, entry), rejected.message, context);
}

}  // namespace muster::connectors
