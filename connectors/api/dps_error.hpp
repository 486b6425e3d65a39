#pragma once

#include "connectors/https/http_message.hpp"
#include "engine/answer.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// The errors of the DPS data plane: numbers of six digits whose first three are the HTTP status, and the body they
/// come in.
namespace muster::connectors {

/// What a request was about, where the number of an error depends on it.
enum class entry_kind : std::uint8_t { other, individual, group, registration };

/// The error number of what the domain refuses. DPS: how-to-troubleshoot-dps and the numbers its clients know; those
/// that nobody documented are ours.
int dps_error_code(engine::rejection_code code, entry_kind entry = entry_kind::other);

/// The error number of a failure of the world: what reading a projection or the journal came to.
int dps_error_code(engine::errc code);

/// What an error response says, besides its number and message.
struct error_context {
  std::string_view tracking_id;  ///< the request's correlation id
  events::timestamp now;
  std::chrono::seconds retry_after{0};  ///< 0: as usual for the status
};

/// ProvisioningServiceErrorDetails: `{errorCode, trackingId, message, timestampUtc}`, the status being `code / 1000`. A
/// 429 and a 503 always say when to come back.
http_response error_response(int code, std::string_view message, const error_context& context);

/// The response to a rejected command.
http_response error_response(const engine::rejection& rejected, entry_kind entry, error_context context);

/// A response with a JSON body.
http_response json_response(int status, std::string body);

/// Numbers of errors that the connectors find themselves.
namespace dps_code {
inline constexpr int malformed_body = 400001;
inline constexpr int argument_invalid = 400004;
inline constexpr int no_credential = 401000;
inline constexpr int unauthorized = 401002;
inline constexpr int not_found = 404000;
inline constexpr int method_not_allowed = 405000;
inline constexpr int body_too_large = 413000;
inline constexpr int media_type = 415000;
inline constexpr int throttled = 429001;
inline constexpr int internal = 500001;
inline constexpr int unavailable = 503001;
}  // namespace dps_code

}  // namespace muster::connectors
