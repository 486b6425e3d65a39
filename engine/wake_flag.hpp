#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace muster::engine {

/// A flag that one thread waits for and others raise.
class wake_flag {
public:
  /// Any thread; does not block.
  void raise() {
    {
      const std::lock_guard lock(mutex_);
      if (raised_) return;
      raised_ = true;
    }
    condition_.notify_one();
  }
  /// Returns when the flag was raised since the last call, or after `limit`.
  void wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, limit, [&] { return raised_; });
    raised_ = false;
  }

private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool raised_ = false;
};

}  // namespace muster::engine
