#pragma once

#include "connectors/https/http_message.hpp"

#include <atomic>
#include <memory>
#include <optional>

namespace boost::asio {
class io_context;
}

namespace muster::connectors {

class pending_answer;

/// Who waits for an answer; used on its own loop only.
class answer_waiter {
public:
  virtual ~answer_waiter() = default;
  /// The handler has answered.
  virtual void arrived(const pending_answer& answer) = 0;
};

/// The answer to one request on its way from the handler, on any thread, to the connection, on its own. It may outlive
/// the connection and the server; nobody waits for it then.
class pending_answer : public std::enable_shared_from_this<pending_answer> {
public:
  /// `waiting` is told on `loop`.
  pending_answer(std::weak_ptr<answer_waiter> waiting, std::shared_ptr<boost::asio::io_context> loop);
  ~pending_answer();

  /// The first one counts. Nothing: there is no answer and there will be none. Any thread.
  void give(std::optional<http_response> response);

  /// True if the answer is here; otherwise the waiter is told when it comes.
  bool arrived_or_wait() { return state_.exchange(state::awaited) == state::given; }
  /// Once, after it has arrived.
  std::optional<http_response> take() { return std::move(response_); }

private:
  enum class state { open, awaited, given };
  std::atomic<bool> given_ = false;
  std::atomic<state> state_ = state::open;
  std::optional<http_response> response_;
  const std::weak_ptr<answer_waiter> waiting_;
  std::shared_ptr<boost::asio::io_context> loop_;
};

/// The handler's end of a pending answer: all copies share it, and when the last one goes unused it gives none.
respond answering(std::shared_ptr<pending_answer> answer);

}  // namespace muster::connectors
