#include "connectors/https/https_server.hpp"

#include "connectors/https/connection_ledger.hpp"
#include "connectors/https/https_worker.hpp"
#include "connectors/https/listen_address.hpp"

#include <arpa/inet.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unistd.h>
#include <vector>

namespace muster::connectors {

namespace asio = boost::asio;
using asio::ip::tcp;
using engine::errc;
using engine::fail;
using engine::result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr auto accept_pause = milliseconds(100);

/// A source of connections is an address, or an IPv6 network of 64 bits: that is what one household or host is given.
https_peer peer_of(int socket, const sockaddr_storage& from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {socket, text.data(), text.data(), {}};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    ::inet_ntop(AF_INET, &v6.s6_addr[12], text.data(), text.size());
    return {socket, text.data(), text.data(), {}};
  }
  ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
  return {socket, text.data(), std::string(reinterpret_cast<const char*>(v6.s6_addr), 8), {}};
}

}  // namespace

class https_server::impl {
public:
  impl(https_options options, https_parts parts)
      : options_(std::move(options)), parts_(std::move(parts)), door_(options_.admission),
        ledger_(options_.connections_max, options_.connections_per_address_max) {
    for (unsigned i = 0; i < options_.threads; ++i) workers_.push_back(https_worker::make(options_, parts_, door_));
    acceptor_.emplace(workers_.front()->loop());
    pause_.emplace(workers_.front()->loop());
  }

  ~impl() {
    stop();
    join();
  }

  result<void> listen() {
    const auto address = parse_listen_address(options_.address);
    if (!address) return std::unexpected(address.error());
    boost::system::error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(address->ip), address->port);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(4096, error);
    if (!error) acceptor_->native_non_blocking(true, error);
    if (!error) local_ = acceptor_->local_endpoint(error);
    if (error) return fail(errc::unavailable, "cannot listen on " + options_.address + ": " + error.message());
    return {};
  }

  void start() {
    asio::co_spawn(workers_.front()->loop(), accept(), asio::detached);
    for (auto& each : workers_) each->start();
    started_ = true;
  }

  void stop() {
    if (!started_) return;
    asio::post(workers_.front()->loop(), [this] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      pause_->cancel();
      // After the last connection was handed to a worker, so that each gets it before it is told to stop.
      for (auto& each : workers_) each->stop();
    });
  }

  void join() {
    for (auto& each : workers_) each->join();
  }

  const tcp::endpoint& local() const { return local_; }

private:
  asio::awaitable<void> accept() {
    while (acceptor_->is_open()) {
      const auto [error] = co_await acceptor_->async_wait(tcp::acceptor::wait_read, as_result);
      if (error) continue;
      if (accept_waiting()) continue;
      // Out of descriptors or memory: connections that end make room.
      parts_.log.write(engine::log_level::warning, "cannot accept connections", {{"error", std::strerror(errno)}});
      pause_->expires_after(accept_pause);
      co_await pause_->async_wait(as_result);
    }
  }

  /// Accepts all that wait. False if the machine cannot give more.
  bool accept_waiting() {
    for (;;) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const int socket = ::accept4(acceptor_->native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) {
        const bool short_of = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return !short_of;
      }
      auto peer = peer_of(socket, from);
      peer.place = ledger_.enter(peer.source_key);
      if (!peer.place) {
        ++parts_.telemetry.connections_refused;
        ::close(socket);
        continue;
      }
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      workers_[next_++ % workers_.size()]->take(std::move(peer));
    }
  }

  const https_options options_;
  const https_parts parts_;
  admission door_;
  connection_ledger ledger_;
  std::vector<std::unique_ptr<https_worker>> workers_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> pause_;
  tcp::endpoint local_;
  std::size_t next_ = 0;
  bool started_ = false;
};

result<void> https_options::validate() const {
  if (threads == 0) return fail(errc::invalid, "https.threads must be at least 1");
  if (connections_max == 0) return fail(errc::invalid, "https.connections_max must be at least 1");
  if (header_bytes_max < 1024 || header_bytes_max > 1024 * 1024)
    return fail(errc::invalid, "https.header_bytes_max must be 1 KiB to 1 MiB");
  if (body_bytes_max < 1024 || body_bytes_max > engine::limits::request_body_bytes_max)
    return fail(errc::invalid, "https.body_bytes_max must be 1 KiB to " +
                                   std::to_string(engine::limits::request_body_bytes_max / 1024) + " KiB");
  const auto timeouts = {handshake_timeout, header_timeout, request_timeout,
                         write_timeout,     idle_timeout,   linger_timeout};
  if (std::ranges::any_of(timeouts, [](milliseconds each) { return each <= milliseconds(0); })) {
    return fail(errc::invalid, "every timeout of the HTTPS listener must be positive");
  }
  if (drain_time < milliseconds(0)) return fail(errc::invalid, "drain_s must not be negative");
  return {};
}

result<std::unique_ptr<https_server>> https_server::start(https_options options, https_parts parts) {
  if (auto valid = options.validate(); !valid) return std::unexpected(valid.error());
  auto made = std::make_unique<impl>(std::move(options), std::move(parts));
  if (auto listening = made->listen(); !listening) return std::unexpected(listening.error());
  made->start();
  return std::unique_ptr<https_server>(new https_server(std::move(made)));
}

https_server::https_server(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
https_server::~https_server() = default;

std::uint16_t https_server::port() const {
  return impl_->local().port();
}

std::string https_server::address() const {
  const auto ip = impl_->local().address();
  return (ip.is_v6() ? "[" + ip.to_string() + "]" : ip.to_string()) + ":" + std::to_string(port());
}

void https_server::stop() {
  impl_->stop();
}
void https_server::join() {
  impl_->join();
}

}  // namespace muster::connectors
