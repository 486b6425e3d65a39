#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace muster::connectors {

/// One thread for work that may block: reading history, rebuilding. Bounded: what it cannot take is refused at once.
class worker {
public:
  /// At most `queued_max` jobs wait.
  explicit worker(std::size_t queued_max);
  /// Waits for the job that runs; drops those that wait.
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// Runs `job` later, in order; false if the queue is full, and then `job` is gone. Any thread.
  bool post(std::function<void()> job);

  /// How many jobs wait; the one that runs does not. Any thread.
  std::size_t queued() const;

private:
  void run();

  const std::size_t queued_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace muster::connectors
