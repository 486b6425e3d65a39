#include "connectors/https_connection.hpp"

#include "connectors/http_reader.hpp"
#include "connectors/http_writer.hpp"
#include "connectors/tls_session.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include <atomic>
#include <exception>
#include <optional>

namespace muster::connectors {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::steady_clock;

// With g++ 12 no aggregate temporary and no capturing lambda may stand inside a co_await expression: it destroys them
// twice.

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t lingering_bytes_max = 1024 * 1024;
constexpr unsigned requests_in_a_row_max = 32;
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

class connection;

/// The answer to one request on its way from the handler, on any thread, to the connection, on its own. It may outlive
/// the connection and the server; nobody waits for it then.
class pending_answer : public std::enable_shared_from_this<pending_answer> {
public:
  pending_answer(std::weak_ptr<connection> waiting, std::shared_ptr<asio::io_context> loop)
      : waiting_(std::move(waiting)), loop_(std::move(loop)) {}

  /// The first one counts. Nothing: there is no answer and there will be none.
  void give(std::optional<http_response> response);

  /// True if the answer is here; otherwise the connection is told when it comes.
  bool arrived_or_wait() { return state_.exchange(state::awaited) == state::given; }
  /// Once, after it has arrived.
  std::optional<http_response> take() { return std::move(response_); }

private:
  enum class state { open, awaited, given };
  std::atomic<bool> given_ = false;
  std::atomic<state> state_ = state::open;
  std::optional<http_response> response_;
  const std::weak_ptr<connection> waiting_;
  std::shared_ptr<asio::io_context> loop_;
};

/// The handler's end of a pending answer: all copies of the function it lives in share it, and the last one to go
/// answers if none was called.
class responder {
public:
  explicit responder(std::shared_ptr<pending_answer> answer) : answer_(std::move(answer)) {}
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;
  ~responder() { answer_->give(std::nullopt); }
  void answer(http_response response) { answer_->give(std::move(response)); }

private:
  const std::shared_ptr<pending_answer> answer_;
};

enum class phase { handshake, idle, receiving, answering, writing, lingering };

class connection final : public https_connection, public std::enable_shared_from_this<connection> {
public:
  connection(https_peer peer, https_thread& thread, https_connection_list& list)
      : thread_(thread), list_(list), peer_(std::move(peer)), socket_(*thread.loop),
        tls_(thread.parts.tls.current(), peer_.socket), reader_({.header_bytes_max = thread.options.header_bytes_max,
                                                                 .body_bytes_max = thread.options.body_bytes_max}) {
    const bool is_v6 = peer_.address.find(':') != std::string::npos;
    socket_.assign(is_v6 ? tcp::v6() : tcp::v4(), peer_.socket);
    list_.began(*this);
    ++thread_.parts.telemetry.connections_accepted;
    ++thread_.parts.telemetry.connections_open;
    enter(phase::handshake, thread.options.handshake_timeout);
  }
  ~connection() override {
    --thread_.parts.telemetry.connections_open;
    list_.ended(*this, peer_.source_key);
  }

  asio::awaitable<void> serve(std::shared_ptr<connection> self);

  void check_deadline(time_point now) override {
    if (now >= deadline_) expire();
  }
  void drain() override {
    draining_ = true;
    if (phase_ == phase::handshake || phase_ == phase::idle) expire();
  }
  void cut() override {
    cut_ = true;
    expire();
  }

  /// The handler has answered.
  void arrived(const pending_answer& answer) {
    if (answer_.get() == &answer) resume();
  }

private:
  void enter(phase next, std::chrono::milliseconds timeout) {
    phase_ = next;
    deadline_ = steady_clock::now() + timeout;
  }

  void expire() {
    if (expired_ && !cut_) return;
    expired_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    // Posted, because whoever calls this is walking the list that the connection would leave.
    if (waiter_) asio::post(*thread_.loop, [self = shared_from_this()] { self->resume(); });
  }

  void resume() {
    if (!waiter_) return;
    auto handler = std::move(*waiter_);
    waiter_.reset();
    std::move(handler)();
  }

  /// Suspends until `resume`.
  asio::awaitable<void> suspended() {
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto&& handler) { waiter_.emplace(std::move(handler)); }, asio::use_awaitable);
  }

  asio::awaitable<bool> ready(tcp::socket::wait_type what);
  asio::awaitable<bool> shake_hands();
  asio::awaitable<bool> receive();
  asio::awaitable<bool> write(std::string_view bytes);
  asio::awaitable<http_response> ask_handler();
  asio::awaitable<bool> answer_request();
  asio::awaitable<void> linger();

  void feed(std::string_view bytes);
  bool admit();
  void call_handler(http_request request, respond answer);
  http_response render(int status, std::string_view message) {
    return thread_.parts.render_error(status, message, correlation_id_);
  }

  https_thread& thread_;
  https_connection_list& list_;
  const https_peer peer_;
  tcp::socket socket_;
  tls_session tls_;
  http_reader reader_;
  std::string unread_;  ///< of the request that is coming, or the next one
  std::string correlation_id_;
  std::optional<http_problem> problem_;  ///< found here, not by the reader
  admission::ticket ticket_;
  std::chrono::seconds retry_after_{0};  ///< the request was not admitted
  bool header_seen_ = false;
  std::shared_ptr<pending_answer> answer_;
  std::optional<asio::any_completion_handler<void()>> waiter_;  ///< optional, because Boost 1.81 cannot assign it
  phase phase_ = phase::handshake;
  time_point deadline_;
  time_point received_at_;
  unsigned requests_in_a_row_ = 0;
  bool expired_ = false;
  bool draining_ = false;
  bool cut_ = false;
};

void pending_answer::give(std::optional<http_response> response) {
  if (given_.exchange(true)) return;
  response_ = std::move(response);
  if (state_.exchange(state::given) != state::awaited) return;
  // The posted function must not own the loop that owns it.
  const auto loop = std::move(loop_);
  asio::post(*loop, [self = shared_from_this()] {
    if (const auto waiting = self->waiting_.lock()) waiting->arrived(*self);
  });
}

asio::awaitable<void> connection::serve(std::shared_ptr<connection>) {
  if (!co_await shake_hands()) co_return;
  bool goes_on = true;
  while (goes_on && !draining_ && !cut_) {
    if (!co_await receive()) break;
    goes_on = co_await answer_request();
  }
  tls_.close();
}

/// Waits for the socket. False if the time is up or the connection is gone.
asio::awaitable<bool> connection::ready(tcp::socket::wait_type what) {
  if (expired_) co_return false;
  requests_in_a_row_ = 0;
  const auto [error] = co_await socket_.async_wait(what, as_result);
  co_return !error && !expired_;
}

asio::awaitable<bool> connection::shake_hands() {
  for (;;) {
    const auto status = tls_.handshake();
    if (status == tls_status::done) co_return true;
    const bool waits = status == tls_status::wants_read || status == tls_status::wants_write;
    if (!waits) {
      ++thread_.parts.telemetry.handshakes_failed;
      co_return false;
    }
    if (!co_await ready(status == tls_status::wants_read ? tcp::socket::wait_read : tcp::socket::wait_write)) {
      if (expired_ && !draining_) ++thread_.parts.telemetry.connections_cut;
      co_return false;
    }
  }
}

/// Gives bytes to the reader and keeps what it leaves.
void connection::feed(std::string_view bytes) {
  if (phase_ == phase::idle) enter(phase::receiving, thread_.options.header_timeout);
  if (unread_.empty()) {
    unread_ = bytes.substr(reader_.put(bytes));
    return;
  }
  unread_.append(bytes);
  unread_.erase(0, reader_.put(unread_));
}

/// Takes a ticket for the request whose header is complete. False if there is none: the body is then dropped as it
/// comes.
bool connection::admit() {
  auto ticket = thread_.door.admit(peer_.source_key, reader_.bytes_max(), steady_clock::now());
  if (ticket) {
    ticket_ = std::move(*ticket);
    return true;
  }
  retry_after_ = ticket.error();
  reader_.discard_body();
  return false;
}

/// Receives a request, or what is wrong with it. False if the connection is to be closed without a word.
asio::awaitable<bool> connection::receive() {
  header_seen_ = false;
  enter(phase::idle, thread_.options.idle_timeout);
  if (!unread_.empty()) feed({});
  // After an answer there is rarely anything to read yet, and asking costs a system call.
  bool waits = unread_.empty() && !tls_.has_pending();
  for (;;) {
    if (reader_.header_complete() && !header_seen_ && !reader_.problem()) {
      header_seen_ = true;
      enter(phase::receiving, thread_.options.request_timeout);
      const bool admitted = admit();
      if (reader_.expects_continue() && !reader_.complete() && unread_.empty()) {
        if (!admitted) co_return true;  // the client holds the body back until it is told
        if (!co_await write(go_on)) co_return false;
        enter(phase::receiving, thread_.options.request_timeout);
      }
    }
    if (reader_.problem() || reader_.complete()) co_return true;

    if (waits) {
      if (unread_.empty()) unread_.shrink_to_fit();
      if (!co_await ready(tcp::socket::wait_read)) {
        if (!expired_ || draining_ || cut_) co_return false;
        ++thread_.parts.telemetry.connections_cut;
        if (phase_ == phase::idle) co_return false;
        problem_ = http_problem{408, "The request did not arrive in time."};
        co_return true;
      }
    }
    std::size_t size = 0;
    const auto status = tls_.read(thread_.scratch, size);
    if (status == tls_status::done) {
      feed({thread_.scratch.data(), size});
    } else if (status == tls_status::wants_write) {
      if (!co_await ready(tcp::socket::wait_write)) co_return false;
    } else if (status != tls_status::wants_read) {
      co_return false;
    }
    waits = status == tls_status::wants_read;
  }
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
  auto request = reader_.take();
  request.source_address = peer_.address;
  request.correlation_id = correlation_id_;
  answer_ = std::make_shared<pending_answer>(weak_from_this(), thread_.loop);
  phase_ = phase::answering;
  {
    const auto owner = std::make_shared<responder>(answer_);
    call_handler(std::move(request), [owner](http_response response) { owner->answer(std::move(response)); });
  }
  bool arrived = answer_->arrived_or_wait();
  if (!arrived) {
    requests_in_a_row_ = 0;
    co_await suspended();
    arrived = !expired_;
  }
  auto response = arrived ? answer_->take() : std::nullopt;
  answer_.reset();
  if (expired_) {
    ++thread_.parts.telemetry.connections_cut;
    co_return render(503, "The server could not answer in time.");
  }
  if (!response) co_return render(503, "The server could not answer. Try again later.");
  co_return std::move(*response);
}

/// Answers what was received. False if the connection ends with it.
asio::awaitable<bool> connection::answer_request() {
  auto& telemetry = thread_.parts.telemetry;
  received_at_ = steady_clock::now();
  ++telemetry.requests;
  correlation_id_ = thread_.ids.draw_uuid();
  if (!problem_) problem_ = reader_.problem();
  const bool refused = problem_.has_value();
  const bool is_head = !refused && reader_.is_head();
  const bool client_stays = !refused && reader_.keep_alive() && reader_.complete();

  http_response response;
  if (refused) {
    if (problem_->status != 408) ++telemetry.connections_cut;
    response = render(problem_->status, problem_->message);
  } else if (retry_after_.count() > 0) {
    ++telemetry.requests_throttled;
    reader_.reset();
    response = render(429, "Too many requests. Try again later.");
    std::erase_if(response.headers, [](const auto& each) { return each.first == "Retry-After"; });
    response.headers.emplace_back("Retry-After",
                                  std::to_string(std::exchange(retry_after_, std::chrono::seconds(0)).count()));
  } else {
    response = co_await ask_handler();
  }
  const bool stays = client_stays && !expired_ && !draining_;
  expired_ = cut_;  // the answer that says so has its own time

  auto output = std::move(thread_.output);
  output.clear();
  const http_response_context context{
      .date = thread_.date(), .correlation_id = correlation_id_, .keep_alive = stays, .is_head = is_head};
  append_response(output, response, context);
  const auto status_class = static_cast<std::size_t>(response.status / 100 - 1);
  if (status_class < telemetry.responses.size()) ++telemetry.responses[status_class];
  const bool written = co_await write(output);
  if (output.capacity() <= 64 * 1024) thread_.output = std::move(output);
  ticket_.leave();
  telemetry.request_latency.observe(steady_clock::now() - received_at_);
  if (!written) co_return false;
  if (refused) co_await linger();
  // A client with many requests in the pipe takes turns with the others.
  if (stays && ++requests_in_a_row_ >= requests_in_a_row_max) {
    requests_in_a_row_ = 0;
    co_await asio::post(*thread_.loop, asio::use_awaitable);
  }
  co_return stays;
}

asio::awaitable<bool> connection::write(std::string_view bytes) {
  enter(phase::writing, thread_.options.write_timeout);
  for (;;) {
    const auto status = tls_.write(bytes);
    if (status == tls_status::done) co_return true;
    if (status != tls_status::wants_write && status != tls_status::wants_read) co_return false;
    if (!co_await ready(status == tls_status::wants_write ? tcp::socket::wait_write : tcp::socket::wait_read)) {
      if (expired_ && !cut_) ++thread_.parts.telemetry.connections_cut;
      co_return false;
    }
  }
}

/// Ends our half and reads on for a while: closing with unread bytes would reset the connection, and the client might
/// never see the answer.
asio::awaitable<void> connection::linger() {
  enter(phase::lingering, thread_.options.linger_timeout);
  tls_.close();
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  std::size_t dropped = 0;
  while (dropped < lingering_bytes_max) {
    const auto size = ::recv(peer_.socket, thread_.scratch.data(), thread_.scratch.size(), MSG_DONTWAIT);
    if (size == 0) break;
    if (size > 0)
      dropped += static_cast<std::size_t>(size);
    else if (!co_await ready(tcp::socket::wait_read))
      break;
  }
}

}  // namespace

std::string bulk_entropy::draw(std::size_t size) {
  constexpr std::size_t drawn_at_once = 4096;
  if (size > drawn_at_once) return source_.draw(size);
  if (drawn_.size() < size) drawn_ = source_.draw(drawn_at_once);
  auto bytes = drawn_.substr(drawn_.size() - size);
  drawn_.resize(drawn_.size() - size);
  return bytes;
}

https_thread::https_thread(std::shared_ptr<asio::io_context> the_loop, const https_options& the_options,
                           const https_parts& the_parts, admission& the_admission)
    : loop(std::move(the_loop)), options(the_options), parts(the_parts), door(the_admission), ids(the_parts.entropy),
      scratch(std::size_t{16} * 1024) {}

std::string_view https_thread::date() {
  const auto second = std::chrono::floor<std::chrono::seconds>(parts.clock.now().time_since_epoch()).count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = to_http_date(second);
  }
  return date_;
}

void serve_connection(https_peer peer, https_thread& thread, https_connection_list& list) {
  auto served = std::make_shared<connection>(std::move(peer), thread, list);
  auto& log = thread.parts.log;
  auto* const serving = served.get();
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
