#pragma once

#include "connectors/https/https_server.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/tls_client.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace muster::tests {

/// Throws what a result says went wrong: a test cannot go on without it.
template <class T>
T must(engine::result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

/// Keeps the texts of what is logged.
class kept_log final : public engine::log {
public:
  void write(engine::log_level, std::string_view what, std::initializer_list<field>) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(what);
  }
  /// How many lines begin so.
  std::ptrdiff_t count(std::string_view words) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::count_if(lines_, [&](const std::string& line) { return line.starts_with(words); });
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Handles requests with a function. Those below /long take long.
class function_handler final : public connectors::http_handler {
public:
  using function = std::function<void(connectors::http_request, connectors::respond)>;
  explicit function_handler(function handle) : handle_(std::move(handle)) {}
  void handle(connectors::http_request request, connectors::respond answer) override {
    handle_(std::move(request), std::move(answer));
  }
  bool takes_long(const connectors::http_request& request) const override {
    return !request.path.empty() && request.path.front() == "long";
  }

private:
  function handle_;
};

/// Tells the request back: method, path segments in brackets, body.
inline void echo(connectors::http_request request, connectors::respond answer) {
  connectors::http_response response;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = request.method + " ";
  for (const auto& segment : request.path) response.body += "[" + segment + "]";
  response.body += " host=" + std::string(request.header("host")) + " body=" + request.body;
  answer(std::move(response));
}

/// A server on a free loopback port, with its own CA in a temporary directory.
class https_fixture {
public:
  explicit https_fixture(connectors::https_options options = {}, function_handler::function handle = echo,
                         events::timestamp starts = std::chrono::sys_days(std::chrono::January / 1 / 2026))
      : clock(starts), handler(std::move(handle)) {
    tls = must(connectors::tls_context::open(
        {.directory = directory / "tls", .names = {}, .certificate_file = {}, .key_file = {}}, clock, entropy));
    options.address = "127.0.0.1:0";
    options.threads = 1;
    const auto render = [](int status, std::string_view message, std::string_view correlation_id) {
      return connectors::http_response{status, {}, std::string(message) + "|" + std::string(correlation_id)};
    };
    server = must(connectors::https_server::start(options, {.tls = *tls,
                                                            .handler = handler,
                                                            .render_error = render,
                                                            .clock = clock,
                                                            .entropy = entropy,
                                                            .log = log,
                                                            .telemetry = telemetry}));
  }

  tls_client connect(const tls_client_options& options = {}) const { return tls_client(server->port(), options); }

  temporary_directory directory;
  fake_clock clock;
  fake_entropy entropy;
  kept_log log;
  engine::telemetry telemetry;
  function_handler handler;
  std::unique_ptr<connectors::tls_context> tls;
  std::unique_ptr<connectors::https_server> server;
};

}  // namespace muster::tests
