#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace muster::connectors {

/// The body of a response that stays open: whoever makes it writes, the listener takes what is there and sends it. What
/// the reader has not taken yet stays here: whoever writes asks `waiting` first, and waits for `on_room`. A reader that
/// takes nothing within the listener's write timeout is cut off. Any thread.
class http_stream {
public:
  /// `heartbeat` is sent when nothing else was for `quiet_max`.
  http_stream(std::string heartbeat, std::chrono::milliseconds quiet_max)
      : heartbeat_(std::move(heartbeat)), quiet_max_(quiet_max) {}

  // Whoever makes the body
  /// False if the stream is over; then the bytes are gone.
  bool write(std::string_view bytes);
  /// How many bytes wait for the listener.
  std::size_t waiting() const;
  /// Nothing follows: the connection closes once it has sent what waits.
  void end();
  /// Ended by either side.
  bool over() const;
  /// `call` is called when the listener has taken all that was there, and when the reader is gone. Set once, before the
  /// first `write`; it must not block.
  void on_room(std::function<void()> call);

  // The listener
  /// Everything that waits.
  std::string take();
  /// The reader is gone.
  void close();
  /// `call` is called when something waits to be taken, or the stream has ended. Set once; it must not block.
  void on_bytes(std::function<void()> call);
  const std::string& heartbeat() const { return heartbeat_; }
  std::chrono::milliseconds quiet_max() const { return quiet_max_; }

private:
  const std::string heartbeat_;
  const std::chrono::milliseconds quiet_max_;
  mutable std::mutex mutex_;
  std::string bytes_;
  bool ended_ = false;
  bool closed_ = false;
  std::function<void()> room_;
  std::function<void()> arrived_;
};

}  // namespace muster::connectors
