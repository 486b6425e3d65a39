#pragma once

#include "connectors/https/tls_session.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

namespace boost::asio {
class any_io_executor;
template <class T, class Executor>
class awaitable;
}  // namespace boost::asio

namespace muster::connectors {

struct https_thread;

/// A coroutine of the listener.
template <class T>
using https_task = boost::asio::awaitable<T, boost::asio::any_io_executor>;

/// The bytes of one connection, through TLS, as its coroutine sees them. Whatever the coroutine waits for here ends at
/// the deadline set last. Owns the socket. Used by its thread only.
class https_channel {
public:
  using time_point = std::chrono::steady_clock::time_point;

  https_channel(https_thread& thread, int socket, bool is_v6);
  ~https_channel();
  https_channel(const https_channel&) = delete;
  https_channel& operator=(const https_channel&) = delete;

  /// Sets the deadline.
  void expect_within(std::chrono::milliseconds timeout);
  void check_deadline(time_point now);
  /// As if the deadline had come: the wait that goes on, and each later one, ends at once.
  void expire();
  /// The same, for good.
  void cut();
  bool expired() const;
  bool is_cut() const;
  /// What comes next has its own time, if the connection was not cut.
  void forgive();

  /// The waits give false if the time is up or the connection is gone.
  https_task<bool> shake_hands();
  https_task<bool> readable();
  /// Ends the wait that goes on, as if the connection were gone; later ones are not affected.
  void interrupt();
  https_task<bool> writable();
  https_task<bool> write(std::string_view bytes);
  /// Reads what is there into `into`; `done` and a positive `size`, or another status.
  tls_status read(std::span<char> into, std::size_t& size) { return tls_.read(into, size); }
  bool has_pending() const { return tls_.has_pending(); }

  /// Tells the client that nothing follows.
  void close() { tls_.close(); }
  /// The same, and reads on until the deadline: closing with unread bytes would reset the connection, and the client
  /// might never see the answer.
  https_task<void> linger();

  /// Waits for `resume`, or the deadline.
  https_task<void> suspended();
  void resume();
  /// Lets everything else on this thread run first.
  https_task<void> take_turns();
  /// True if there was a wait since this was asked last.
  bool has_waited();

private:
  class waits;
  https_thread& thread_;
  const int socket_;
  const std::shared_ptr<waits> waits_;
  tls_session tls_;
};

}  // namespace muster::connectors
