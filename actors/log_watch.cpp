#include "actors/log_watch.hpp"

#include "engine/replay.hpp"

namespace muster::actors {

void log_watch::start() {
  thread_ = std::thread([this] { run(); });
}

void log_watch::post(std::shared_ptr<report_box> sender, events::shard_id shard, engine::log_position position) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(sender), shard, std::move(position)});
  }
  changed_.notify_one();
}

void log_watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void log_watch::run() {
  while (true) {
    job next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      next = std::move(jobs_.front());
      jobs_.erase(jobs_.begin());
    }
    shard_report report;
    report.what = shard_report::about::log;
    report.compared = engine::check_continues(journal_, next.shard, next.position);
    next.sender->put(std::move(report));
  }
}

}  // namespace muster::actors
