#include "connectors/https/request_intake.hpp"

#include "connectors/https/https_thread.hpp"

#include <boost/asio/awaitable.hpp>

namespace muster::connectors {

namespace asio = boost::asio;

namespace {

constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

request_intake::request_intake(https_thread& thread, https_channel& channel, connection_ledger::place& place,
                               const std::string& source_key)
    : thread_(thread), channel_(channel), place_(place), source_key_(source_key),
      reader_({.header_bytes_max = thread.options.header_bytes_max, .body_bytes_max = thread.options.body_bytes_max}) {}

void request_intake::drain() {
  draining_ = true;
  if (idle_) channel_.expire();
}

void request_intake::drop() {
  retry_after_ = std::chrono::seconds(0);
  reader_.reset();
}

/// Gives bytes to the reader and keeps what it leaves.
void request_intake::feed(std::string_view bytes) {
  if (idle_) {
    idle_ = false;
    place_.busy();
    channel_.expect_within(thread_.options.header_timeout);
  }
  if (unread_.empty()) {
    unread_ = bytes.substr(reader_.put(bytes));
    return;
  }
  unread_.append(bytes);
  unread_.erase(0, reader_.put(unread_));
}

/// Asks whether the request may enter, as soon as its size is known; if not, its body is dropped as it comes.
void request_intake::admit() {
  auto ticket = thread_.door.admit(source_key_, reader_.bytes_max(), std::chrono::steady_clock::now());
  if (ticket) {
    ticket_ = std::move(*ticket);
    return;
  }
  retry_after_ = ticket.error();
  reader_.discard_body();
}

/// False if the client is gone.
asio::awaitable<bool> request_intake::on_header() {
  header_seen_ = true;
  channel_.expect_within(thread_.options.request_timeout);
  admit();
  const bool asks = reader_.expects_continue() && !reader_.complete() && unread_.empty();
  held_back_ = asks && retry_after_.count() > 0;
  if (!asks || held_back_) co_return true;
  channel_.expect_within(thread_.options.write_timeout);
  if (!co_await channel_.write(go_on)) co_return false;
  channel_.expect_within(thread_.options.request_timeout);
  co_return true;
}

asio::awaitable<bool> request_intake::receive() {
  header_seen_ = false;
  held_back_ = false;
  idle_ = true;
  channel_.expect_within(thread_.options.idle_timeout);
  if (!unread_.empty()) feed({});
  // After an answer there is rarely anything to read yet, and asking costs a system call.
  bool waits = unread_.empty() && !channel_.has_pending();
  for (;;) {
    if (reader_.header_complete() && !header_seen_ && !problem() && !co_await on_header()) co_return false;
    if (problem() || reader_.complete() || held_back_) co_return true;
    if (waits && unread_.empty()) unread_.shrink_to_fit();
    if (waits && idle_) place_.idle();
    if (waits && !co_await channel_.readable()) {
      if (!channel_.expired() || draining_ || channel_.is_cut()) co_return false;
      ++thread_.parts.telemetry.connections_cut;
      if (idle_) co_return false;
      problem_ = http_problem{408, "The request did not arrive in time."};
      co_return true;
    }
    std::size_t size = 0;
    const auto status = channel_.read(thread_.scratch, size);
    if (status == tls_status::done)
      feed({thread_.scratch.data(), size});
    else if (status == tls_status::wants_write && !co_await channel_.writable())
      co_return false;
    else if (status != tls_status::wants_read && status != tls_status::wants_write)
      co_return false;
    waits = status == tls_status::wants_read;
  }
}

}  // namespace muster::connectors
