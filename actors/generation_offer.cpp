#include "actors/generation_offer.hpp"

#include <utility>

namespace muster::actors {

using engine::errc;
using engine::fail;

engine::result<void> generation_offer::make(generation made, const std::function<void()>& wake,
                                            std::chrono::milliseconds limit, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    offered_ = std::move(made);
    taken_ = false;
    outcome_.reset();
  }
  wake();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, limit, [this] { return taken_; });
  if (!taken_) {
    offered_.reset();
    if (stop.stop_requested()) return fail(errc::cancelled, "the node is stopping");
    return fail(errc::timeout, "the shard did not switch to the rebuilt projections in time");
  }
  changed_.wait(lock, [this] { return outcome_.has_value(); });
  return *std::exchange(outcome_, std::nullopt);
}

generation_offer::generation generation_offer::take() {
  const std::lock_guard lock(mutex_);
  if (!offered_) return nullptr;
  taken_ = true;
  changed_.notify_all();
  return std::exchange(offered_, nullptr);
}

void generation_offer::settle(engine::result<void> outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

}  // namespace muster::actors
