#pragma once

#include "connectors/https/http_message.hpp"

#include <string>
#include <string_view>

namespace muster::connectors {

/// What a response's bytes depend on besides the response.
struct http_response_context {
  std::string_view date;  ///< `Sat, 21 Nov 2026 06:54:03 GMT`
  std::string_view correlation_id = {};
  bool keep_alive = true;
  bool is_head = false;  ///< the answer to a HEAD: no body, but its length
};

/// Appends the response's bytes (RFC 9112) to `out`. Adds Date, Content-Length, Connection, Strict-Transport-Security
/// and, if the response has none, x-ms-request-id. A header that would break the framing (a line end in it) is left
/// out.
void append_response(std::string& out, const http_response& response, const http_response_context& context);

/// A time of day as HTTP writes it (RFC 9110 section 5.6.7), from seconds since the Unix epoch.
std::string to_http_date(long long seconds);

}  // namespace muster::connectors
