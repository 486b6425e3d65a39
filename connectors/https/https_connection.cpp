#include "connectors/https/https_connection.hpp"

#include "connectors/https/http_writer.hpp"
#include "connectors/https/https_thread.hpp"
#include "connectors/https/pending_answer.hpp"
#include "connectors/https/request_intake.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <exception>

namespace muster::connectors {

namespace asio = boost::asio;
using std::chrono::steady_clock;

// With g++ 12 no aggregate temporary and no capturing lambda may stand inside a co_await expression: it destroys them
// twice.

namespace {

constexpr unsigned requests_in_a_row_max = 32;
constexpr std::chrono::hours no_deadline{24 * 365};

class connection final : public https_connection,
                         public answer_waiter,
                         public std::enable_shared_from_this<connection> {
public:
  connection(https_peer peer, https_thread& thread, https_connection_list& list)
      : thread_(thread), list_(list), peer_(std::move(peer)),
        channel_(thread, peer_.socket, peer_.address.find(':') != std::string::npos),
        intake_(thread, channel_, *peer_.place, peer_.source_key) {
    list_.began(*this);
    ++thread_.parts.telemetry.connections_accepted;
    ++thread_.parts.telemetry.connections_open;
    channel_.expect_within(thread.options.handshake_timeout);
  }
  ~connection() override {
    --thread_.parts.telemetry.connections_open;
    list_.ended(*this);
  }

  asio::awaitable<void> serve(std::shared_ptr<connection> self);
  /// Lets the ledger end the connection while it is idle.
  void can_be_evicted();

  void check_deadline(time_point now) override { channel_.check_deadline(now); }
  void drain() override {
    draining_ = true;
    intake_.drain();
    if (stream_idle_) channel_.expire();
  }
  void cut() override { channel_.cut(); }
  void arrived(const pending_answer& answer) override {
    if (answer_.get() == &answer) channel_.resume();
  }

private:
  asio::awaitable<bool> shake_hands();
  asio::awaitable<http_response> ask_handler();
  asio::awaitable<http_response> make_response();
  asio::awaitable<bool> write(const http_response& response, bool is_head, bool stays);
  asio::awaitable<bool> answer_request();
  asio::awaitable<void> send_stream(std::shared_ptr<http_stream> stream);
  asio::awaitable<bool> wait_for_stream(std::shared_ptr<http_stream> stream);
  void wake_on_bytes(http_stream& stream);

  void call_handler(http_request request, respond answer);
  http_response render(int status, std::string_view message) {
    return thread_.parts.render_error(status, message, correlation_id_);
  }
  http_response refusal(const http_problem& problem);
  http_response throttled();

  https_thread& thread_;
  https_connection_list& list_;
  const https_peer peer_;
  https_channel channel_;
  request_intake intake_;
  std::string correlation_id_;
  std::shared_ptr<pending_answer> answer_;
  unsigned requests_in_a_row_ = 0;
  bool draining_ = false;
  bool stream_idle_ = false;  ///< the response stays open, and there is nothing to send
};

asio::awaitable<void> connection::serve(std::shared_ptr<connection>) {
  if (!co_await shake_hands()) co_return;
  bool goes_on = true;
  while (goes_on && !draining_ && !channel_.is_cut()) {
    if (!co_await intake_.receive()) break;
    goes_on = co_await answer_request();
  }
  channel_.close();
}

void connection::can_be_evicted() {
  peer_.place->on_eviction(
      [self = weak_from_this(), loop = thread_.loop, &evicted = thread_.parts.telemetry.connections_evicted] {
        ++evicted;
        asio::post(*loop, [self] {
          if (const auto there = self.lock()) there->drain();
        });
      });
}

asio::awaitable<bool> connection::shake_hands() {
  const bool done = co_await channel_.shake_hands();
  if (!done && !channel_.expired()) ++thread_.parts.telemetry.handshakes_failed;
  if (!done && channel_.expired() && !draining_) ++thread_.parts.telemetry.connections_cut;
  co_return done;
}

void connection::call_handler(http_request request, respond answer) {
  try {
    thread_.parts.handler.handle(std::move(request), answer);
  } catch (const std::exception& thrown) {
    thread_.parts.log.write(engine::log_level::error, "a request handler failed",
                            {{"correlationId", correlation_id_}, {"error", thrown.what()}});
    answer(render(500, "The server failed."));
  }
}

asio::awaitable<http_response> connection::ask_handler() {
  auto request = intake_.take();
  request.source_address = peer_.address;
  request.correlation_id = correlation_id_;
  answer_ = std::make_shared<pending_answer>(weak_from_this(), thread_.loop);
  if (thread_.parts.handler.takes_long(request)) channel_.expect_within(no_deadline);
  call_handler(std::move(request), answering(answer_));
  bool arrived = answer_->arrived_or_wait();
  if (!arrived) {
    co_await channel_.suspended();
    arrived = !channel_.expired();
  }
  auto response = arrived ? answer_->take() : std::nullopt;
  answer_.reset();
  if (channel_.expired()) {
    ++thread_.parts.telemetry.connections_cut;
    co_return render(503, "The server could not answer in time.");
  }
  if (!response) co_return render(503, "The server could not answer. Try again later.");
  co_return std::move(*response);
}

/// Says what is wrong with the request.
http_response connection::refusal(const http_problem& problem) {
  if (problem.status != 408) ++thread_.parts.telemetry.connections_cut;
  return render(problem.status, problem.message);
}

http_response connection::throttled() {
  ++thread_.parts.telemetry.requests_throttled;
  auto response = render(429, "Too many requests. Try again later.");
  std::erase_if(response.headers, [](const auto& each) { return each.first == "Retry-After"; });
  response.headers.emplace_back("Retry-After", std::to_string(intake_.retry_after().count()));
  intake_.drop();
  return response;
}

asio::awaitable<http_response> connection::make_response() {
  if (intake_.problem()) co_return refusal(*intake_.problem());
  if (intake_.retry_after().count() > 0) co_return throttled();
  co_return co_await ask_handler();
}

asio::awaitable<bool> connection::write(const http_response& response, bool is_head, bool stays) {
  auto& telemetry = thread_.parts.telemetry;
  auto output = std::move(thread_.output);
  output.clear();
  const http_response_context context{
      .date = thread_.date(), .correlation_id = correlation_id_, .keep_alive = stays, .is_head = is_head};
  append_response(output, response, context);
  const auto status_class = static_cast<std::size_t>(response.status / 100 - 1);
  if (status_class < telemetry.responses.size()) ++telemetry.responses[status_class];
  channel_.expect_within(thread_.options.write_timeout);
  const bool written = co_await channel_.write(output);
  if (!written && channel_.expired() && !channel_.is_cut()) ++telemetry.connections_cut;
  if (output.capacity() <= 64 * 1024) thread_.output = std::move(output);
  co_return written;
}

void connection::wake_on_bytes(http_stream& stream) {
  stream.on_bytes([weak = weak_from_this(), loop = thread_.loop] {
    asio::post(*loop, [weak] {
      const auto self = weak.lock();
      if (self && self->stream_idle_) self->channel_.interrupt();
    });
  });
}

/// Waits until there may be something to send, and sends the heartbeat if there was nothing for long. False if the
/// client is gone.
asio::awaitable<bool> connection::wait_for_stream(std::shared_ptr<http_stream> stream) {
  channel_.expect_within(stream->quiet_max());
  stream_idle_ = true;
  const bool client_speaks = co_await channel_.readable();
  stream_idle_ = false;
  if (channel_.is_cut() || draining_) co_return false;
  if (client_speaks) {  // most likely it goes; a request behind this one is never answered
    std::size_t size = 0;
    const auto status = channel_.read(thread_.scratch, size);
    co_return status == tls_status::done || status == tls_status::wants_read;
  }
  if (!channel_.expired()) co_return true;
  channel_.forgive();
  channel_.expect_within(thread_.options.write_timeout);
  co_return co_await channel_.write(stream->heartbeat());
}

/// Sends a body that stays open, until it ends, the client goes or takes nothing in time, or the server stops.
asio::awaitable<void> connection::send_stream(std::shared_ptr<http_stream> stream) {
  wake_on_bytes(*stream);
  while (!draining_ && !channel_.is_cut()) {
    const bool ends = stream->over();
    const auto bytes = stream->take();
    if (bytes.empty()) {
      if (ends) break;
      if (!co_await wait_for_stream(stream)) break;
      continue;
    }
    channel_.expect_within(thread_.options.write_timeout);
    if (co_await channel_.write(bytes)) continue;
    if (channel_.expired() && !channel_.is_cut()) ++thread_.parts.telemetry.connections_cut;
    break;
  }
}

/// Answers what was received. False if the connection ends with it.
asio::awaitable<bool> connection::answer_request() {
  const auto received_at = steady_clock::now();
  ++thread_.parts.telemetry.requests;
  correlation_id_ = thread_.ids.draw_uuid();
  const bool refused = intake_.problem().has_value();
  const bool is_head = intake_.is_head();
  const bool client_stays = intake_.keeps_alive();

  const auto response = co_await make_response();
  const bool stays = client_stays && !channel_.expired() && !draining_ && !response.stream;
  channel_.forgive();  // the answer that says so has its own time
  const bool written = co_await write(response, is_head, stays);
  intake_.answered();
  thread_.parts.telemetry.request_latency.observe(steady_clock::now() - received_at);
  if (response.stream && written && !is_head) co_await send_stream(response.stream);
  if (response.stream) response.stream->close();
  if (!written) co_return false;
  if (refused) {
    channel_.expect_within(thread_.options.linger_timeout);
    co_await channel_.linger();
  }
  // A client with many requests in the pipe takes turns with the others.
  if (channel_.has_waited()) requests_in_a_row_ = 0;
  if (stays && ++requests_in_a_row_ >= requests_in_a_row_max) {
    requests_in_a_row_ = 0;
    co_await channel_.take_turns();
  }
  co_return stays;
}

}  // namespace

void serve_connection(https_peer peer, https_thread& thread, https_connection_list& list) {
  auto served = std::make_shared<connection>(std::move(peer), thread, list);
  auto& log = thread.parts.log;
  auto* const serving = served.get();
  serving->can_be_evicted();
  asio::co_spawn(*thread.loop, serving->serve(std::move(served)), [&log](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& thrown) {
      log.write(engine::log_level::error, "a connection failed", {{"error", thrown.what()}});
    }
  });
}

}  // namespace muster::connectors
