#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace muster::actors {

/// A thread of its own that does jobs in the order in which they were posted, several at once if several wait.
template <class Job>
class job_thread {
public:
  using work = std::function<void(std::vector<Job>)>;
  enum class at_end : std::uint8_t { does_the_rest, leaves_the_rest };

  /// Gives `does` up to `at_once` jobs at a time, never none. Nothing runs before `start`.
  job_thread(std::size_t at_once, at_end end, work does) : at_once_(at_once), end_(end), work_(std::move(does)) {}
  ~job_thread() { stop(); }
  job_thread(const job_thread&) = delete;
  job_thread& operator=(const job_thread&) = delete;

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  /// Any thread; does not wait for the job.
  void post(Job job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

  /// How many wait; those that it does now do not. Any thread.
  std::size_t queued() const {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
  }

  /// Ends the thread: after the jobs that it does now, or after all that were posted.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (end_ == at_end::leaves_the_rest) jobs_.clear();
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

private:
  void run() {
    for (auto jobs = take(); !jobs.empty(); jobs = take()) work_(std::move(jobs));
  }

  /// None: it is the end.
  std::vector<Job> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    const auto end = jobs_.begin() + static_cast<std::ptrdiff_t>(std::min(at_once_, jobs_.size()));
    std::vector<Job> taken(std::make_move_iterator(jobs_.begin()), std::make_move_iterator(end));
    jobs_.erase(jobs_.begin(), end);
    return taken;
  }

  const std::size_t at_once_;
  const at_end end_;
  const work work_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace muster::actors
