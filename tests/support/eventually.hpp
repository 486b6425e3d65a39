#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace muster::tests {

/// Asks again and again until `done` says so; false after `limit`.
template <class Done>
bool eventually(Done done, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (!done()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    never.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace muster::tests
