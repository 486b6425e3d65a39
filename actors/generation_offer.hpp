#pragma once

#include "engine/ports/shard_view.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace muster::actors {

/// Hands a rebuilt generation of projections to its shard's thread, and what came of it back.
class generation_offer {
public:
  using generation = std::shared_ptr<engine::shard_projection>;

  /// Offers `made`, calls `wake`, and waits. If it is not taken within `limit`, or `stop` is requested before that, it
  /// is withdrawn: then it never will be. Once it is taken the outcome is waited for, however long that takes. From one
  /// thread at a time.
  engine::result<void> make(generation made, const std::function<void()>& wake, std::chrono::milliseconds limit,
                            const std::stop_token& stop);

  /// What is on offer, if anything: whoever takes it settles it. Only from the shard's thread.
  generation take();
  void settle(engine::result<void> outcome);

private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  generation offered_;
  bool taken_ = false;
  std::optional<engine::result<void>> outcome_;
};

}  // namespace muster::actors
