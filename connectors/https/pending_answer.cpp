#include "connectors/https/pending_answer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace muster::connectors {

namespace {

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

}  // namespace

pending_answer::pending_answer(std::weak_ptr<answer_waiter> waiting, std::shared_ptr<boost::asio::io_context> loop)
    : waiting_(std::move(waiting)), loop_(std::move(loop)) {}

pending_answer::~pending_answer() = default;

void pending_answer::give(std::optional<http_response> response) {
  if (given_.exchange(true)) return;
  response_ = std::move(response);
  if (state_.exchange(state::given) != state::awaited) return;
  // The posted function must not own the loop that owns it.
  const auto loop = std::move(loop_);
  boost::asio::post(*loop, [self = shared_from_this()] {
    if (const auto waiting = self->waiting_.lock()) waiting->arrived(*self);
  });
}

respond answering(std::shared_ptr<pending_answer> answer) {
  const auto owner = std::make_shared<responder>(std::move(answer));
  return [owner](http_response response) { owner->answer(std::move(response)); };
}

}  // namespace muster::connectors
