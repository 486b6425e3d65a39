#include "connectors/node/worker.hpp"

#include <exception>

namespace muster::connectors {

worker::worker(std::size_t queued_max) : queued_max_(queued_max), thread_([this] { run(); }) {}

worker::~worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool worker::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queued_max_) return false;
    queue_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

std::size_t worker::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void worker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    try {
      job();
    } catch (const std::exception&) {
      // Out of memory, most likely. Whoever waits for the job is told as it goes: a dropped exchange answers 503.
    }
    job = nullptr;  // what it holds must not wait for the next one
    lock.lock();
  }
}

}  // namespace muster::connectors
