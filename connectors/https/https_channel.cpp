#include "connectors/https/https_channel.hpp"

#include "connectors/https/https_thread.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include <optional>
#include <utility>

namespace muster::connectors {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::steady_clock;

// With g++ 12 no aggregate temporary and no capturing lambda may stand inside a co_await expression: it destroys them
// twice.

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t lingering_bytes_max = 1024 * 1024;

}  // namespace

/// What the coroutine waits for, and until when.
class https_channel::waits : public std::enable_shared_from_this<waits> {
public:
  waits(https_thread& thread, int native, bool is_v6) : loop(*thread.loop), socket(loop) {
    socket.assign(is_v6 ? tcp::v6() : tcp::v4(), native);
  }

  void expire() {
    if (expired && !cut) return;
    expired = true;
    boost::system::error_code ignored;
    socket.cancel(ignored);
    // Posted, because whoever calls this is walking the list that the connection would leave.
    if (waiter) asio::post(loop, [self = shared_from_this()] { self->resume(); });
  }

  void resume() {
    if (!waiter) return;
    auto handler = std::move(*waiter);
    waiter.reset();
    std::move(handler)();
  }

  asio::awaitable<bool> ready(tcp::socket::wait_type what) {
    if (expired) co_return false;
    waited = true;
    const auto [error] = co_await socket.async_wait(what, as_result);
    co_return !error && !expired;
  }

  asio::awaitable<void> suspended() {
    waited = true;
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto&& handler) { waiter.emplace(std::move(handler)); }, asio::use_awaitable);
  }

  asio::io_context& loop;
  tcp::socket socket;
  std::optional<asio::any_completion_handler<void()>> waiter;  ///< optional, because Boost 1.81 cannot assign it
  time_point deadline;
  bool expired = false;
  bool cut = false;
  bool waited = false;
};

https_channel::https_channel(https_thread& thread, int socket, bool is_v6)
    : thread_(thread), socket_(socket), waits_(std::make_shared<waits>(thread, socket, is_v6)),
      tls_(thread.parts.tls.current(), socket) {}

https_channel::~https_channel() = default;

void https_channel::expect_within(std::chrono::milliseconds timeout) {
  waits_->deadline = steady_clock::now() + timeout;
}

void https_channel::check_deadline(time_point now) {
  if (now >= waits_->deadline) waits_->expire();
}

void https_channel::expire() {
  waits_->expire();
}

void https_channel::cut() {
  waits_->cut = true;
  waits_->expire();
}

bool https_channel::expired() const {
  return waits_->expired;
}

bool https_channel::is_cut() const {
  return waits_->cut;
}

void https_channel::forgive() {
  waits_->expired = waits_->cut;
}

asio::awaitable<bool> https_channel::readable() {
  return waits_->ready(tcp::socket::wait_read);
}

void https_channel::interrupt() {
  boost::system::error_code ignored;
  waits_->socket.cancel(ignored);
}

asio::awaitable<bool> https_channel::writable() {
  return waits_->ready(tcp::socket::wait_write);
}

asio::awaitable<bool> https_channel::shake_hands() {
  for (;;) {
    const auto status = tls_.handshake();
    if (status == tls_status::done) co_return true;
    if (status != tls_status::wants_read && status != tls_status::wants_write) co_return false;
    if (!co_await waits_->ready(status == tls_status::wants_read ? tcp::socket::wait_read : tcp::socket::wait_write)) {
      co_return false;
    }
  }
}

asio::awaitable<bool> https_channel::write(std::string_view bytes) {
  for (;;) {
    const auto status = tls_.write(bytes);
    if (status == tls_status::done) co_return true;
    if (status != tls_status::wants_write && status != tls_status::wants_read) co_return false;
    if (!co_await waits_->ready(status == tls_status::wants_write ? tcp::socket::wait_write : tcp::socket::wait_read)) {
      co_return false;
    }
  }
}

asio::awaitable<void> https_channel::linger() {
  tls_.close();
  boost::system::error_code ignored;
  waits_->socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::size_t dropped = 0;
  while (dropped < lingering_bytes_max) {
    const auto size = ::recv(socket_, thread_.scratch.data(), thread_.scratch.size(), MSG_DONTWAIT);
    if (size == 0) break;
    if (size > 0)
      dropped += static_cast<std::size_t>(size);
    else if (!co_await readable())
      break;
  }
}

asio::awaitable<void> https_channel::suspended() {
  return waits_->suspended();
}

void https_channel::resume() {
  waits_->resume();
}

asio::awaitable<void> https_channel::take_turns() {
  co_await asio::post(waits_->loop, asio::use_awaitable);
}

bool https_channel::has_waited() {
  return std::exchange(waits_->waited, false);
}

}  // namespace muster::connectors
