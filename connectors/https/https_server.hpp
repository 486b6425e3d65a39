#pragma once

#include "connectors/https/admission.hpp"
#include "connectors/https/http_message.hpp"
#include "connectors/https/tls_context.hpp"
#include "engine/error.hpp"
#include "engine/limits.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/log.hpp"
#include "engine/telemetry.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace muster::connectors {

/// Makes the answer to a request that never reaches the handler: malformed, too large, too slow, throttled, or left
/// unanswered. Any thread; must not throw. The correlation id is the response's x-ms-request-id, and so the trackingId
/// of DPS's error form.
using error_renderer =
    std::function<http_response(int status, std::string_view message, std::string_view correlation_id)>;

struct https_options {
  std::string address = "127.0.0.1:8443";  ///< `ADDR:PORT`, an IPv6 address in brackets; port 0 picks a free one
  unsigned threads = 2;                    ///< each with its own event loop
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = engine::limits::request_body_bytes_max;
  std::size_t connections_max = 10'000;
  std::size_t connections_per_address_max = 1'000;  ///< an IPv6 network of 64 bits is one address; 0 is no limit
  admission_options admission = {};
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds header_timeout{10'000};   ///< from a request's first byte to the end of its header
  std::chrono::milliseconds request_timeout{30'000};  ///< from the end of the header to the handler's answer
  std::chrono::milliseconds write_timeout{30'000};    ///< for one response
  std::chrono::milliseconds idle_timeout{120'000};    ///< between two requests
  std::chrono::milliseconds linger_timeout{2'000};    ///< for a refused client to read why
  std::chrono::milliseconds drain_time{10'000};       ///< for requests in flight when the server stops

  engine::result<void> validate() const;
};

/// What the server uses. All of it outlives the server.
struct https_parts {
  const tls_context& tls;
  http_handler& handler;
  error_renderer render_error;
  const engine::clock& clock;
  engine::entropy& entropy;
  engine::log& log;
  engine::telemetry& telemetry;
};

/// The HTTPS listener. Each connection is served by one coroutine on one thread, its requests one after the other; no
/// thread ever waits for a client or for the handler. Memory per connection is bounded: at most a header, a body and a
/// response, some 17 KiB while idle, most of it OpenSSL's. Every wait has a deadline, checked a few times within the
/// shortest timeout and at least once a second.
class https_server {
public:
  /// Listens and serves. `invalid` for an address that cannot be read, `unavailable` for one that cannot be had.
  static engine::result<std::unique_ptr<https_server>> start(https_options options, https_parts parts);

  /// Stops and joins.
  ~https_server();
  https_server(const https_server&) = delete;
  https_server& operator=(const https_server&) = delete;

  std::uint16_t port() const;
  /// `ADDR:PORT` with the port that was picked.
  std::string address() const;

  /// Accepts nothing more, closes idle connections, lets requests in flight end, and after the drain time cuts off the
  /// rest. Returns at once. Any thread, any number of times.
  void stop();

  /// Waits until the last connection is gone. The handler is not called any more; answers given later are dropped.
  void join();

private:
  class impl;
  explicit https_server(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

}  // namespace muster::connectors
