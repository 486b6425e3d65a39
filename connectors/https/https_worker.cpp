#include "connectors/https/https_worker.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>
#include <thread>
#include <unistd.h>
#include <unordered_set>

namespace muster::connectors {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// How often deadlines are checked: a few times within the shortest.
milliseconds sweep_interval(const https_options& options) {
  const auto shortest =
      std::min({options.handshake_timeout, options.header_timeout, options.request_timeout, options.write_timeout,
                options.idle_timeout, options.linger_timeout, options.drain_time});
  return std::clamp(shortest / 4, milliseconds(5), milliseconds(1000));
}

class event_loop final : public https_worker, public https_connection_list {
public:
  event_loop(const https_options& options, const https_parts& parts, admission& door)
      : options_(options), parts_(parts), loop_(std::make_shared<asio::io_context>(1)),
        shared_(loop_, options, parts, door), work_(loop_->get_executor()), sweep_timer_(*loop_) {}

  void start() override {
    asio::co_spawn(*loop_, sweep(), asio::detached);
    thread_ = std::thread([this] { run(); });
  }

  void take(https_peer peer) override {
    asio::post(*loop_, [this, peer = std::move(peer)]() mutable { serve(std::move(peer)); });
  }

  void stop() override {
    asio::post(*loop_, [this] {
      if (drain_end_) return;
      drain_end_ = steady_clock::now() + options_.drain_time;
      for (auto* const each : connections_) each->drain();
      work_.reset();
      sweep_timer_.cancel();
    });
  }

  void join() override {
    if (thread_.joinable()) thread_.join();
  }

  asio::io_context& loop() override { return *loop_; }

  void began(https_connection& connection) override { connections_.insert(&connection); }
  void ended(https_connection& connection) override {
    connections_.erase(&connection);
    if (drain_end_ && connections_.empty()) sweep_timer_.cancel();
  }

private:
  void run() {
    for (;;) {
      try {
        loop_->run();
        return;
      } catch (const std::exception& thrown) {
        parts_.log.write(engine::log_level::error, "the HTTPS listener failed", {{"error", thrown.what()}});
      }
    }
  }

  void serve(https_peer peer) {
    const int socket = peer.socket;
    try {
      if (!drain_end_) return serve_connection(std::move(peer), shared_, *this);
    } catch (const std::exception& thrown) {
      parts_.log.write(engine::log_level::error, "a connection cannot be served", {{"error", thrown.what()}});
    }
    ::close(socket);
  }

  /// One timer for all connections: setting one for each wait would cost more than a request does.
  asio::awaitable<void> sweep() {
    while (!drain_end_ || !connections_.empty()) {
      sweep_timer_.expires_after(sweep_interval(options_));
      co_await sweep_timer_.async_wait(as_result);
      const auto now = steady_clock::now();
      for (auto* const each : connections_) {
        if (drain_end_ && now >= *drain_end_)
          each->cut();
        else
          each->check_deadline(now);
      }
    }
  }

  const https_options& options_;
  const https_parts& parts_;
  std::shared_ptr<asio::io_context> loop_;
  https_thread shared_;
  std::unordered_set<https_connection*> connections_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweep_timer_;
  std::optional<steady_clock::time_point> drain_end_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<https_worker> https_worker::make(const https_options& options, const https_parts& parts,
                                                 admission& door) {
  return std::make_unique<event_loop>(options, parts, door);
}

}  // namespace muster::connectors
