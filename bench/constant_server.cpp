#include "connectors/https/https_server.hpp"
#include "connectors/node/json_log.hpp"
#include "connectors/node/system_clock.hpp"
#include "connectors/node/system_entropy.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <unistd.h>

/// The floor of a registration: Muster's own HTTPS listener with a handler that answers a constant.
///
///     constant_server DIRECTORY BODY_BYTES
///
/// Prints `ready https=ADDRESS:PORT` and serves until SIGTERM.
namespace {

using namespace muster;

class constant_handler final : public connectors::http_handler {
public:
  explicit constant_handler(std::size_t bytes) : body_(bytes, 'x') {}
  void handle(connectors::http_request request, connectors::respond answer) override {
    answer({200,
            {{"Content-Type", "application/json; charset=utf-8"}, {"x-ms-request-id", request.correlation_id}},
            body_});
  }

private:
  const std::string body_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: constant_server DIRECTORY BODY_BYTES\n");
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const connectors::system_clock clock;
  connectors::system_entropy entropy;
  const auto log = connectors::json_log::on(STDERR_FILENO, engine::log_level::warning, clock);
  engine::telemetry telemetry;
  constant_handler handler(std::strtoull(argv[2], nullptr, 10));
  connectors::tls_options tls_options;
  tls_options.directory = argv[1];
  const auto tls = connectors::tls_context::open(tls_options, clock, entropy);
  if (!tls) {
    std::fprintf(stderr, "constant_server: %s\n", tls.error().text.c_str());
    return 1;
  }
  connectors::https_options options;
  options.address = "127.0.0.1:0";
  options.admission = {.all = {}, .per_address = {}, .addresses_max = 1'000};
  const auto render_error = [](int status, std::string_view message, std::string_view) {
    return connectors::http_response{status, {}, std::string(message)};
  };
  const auto server =
      connectors::https_server::start(options, {**tls, handler, render_error, clock, entropy, *log, telemetry});
  if (!server) {
    std::fprintf(stderr, "constant_server: %s\n", server.error().text.c_str());
    return 1;
  }
  std::printf("ready https=%s\n", (*server)->address().c_str());
  std::fflush(stdout);
  int caught = 0;
  sigwait(&signals, &caught);
  (*server)->stop();
  (*server)->join();
}
