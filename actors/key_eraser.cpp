#include "actors/key_eraser.hpp"

namespace muster::actors {

void key_eraser::start() {
  thread_ = std::thread([this] { run(); });
}

void key_eraser::post(std::shared_ptr<report_box> sender, std::vector<events::data_key_id> keys) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(sender), std::move(keys)});
  }
  changed_.notify_one();
}

void key_eraser::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void key_eraser::run() {
  while (true) {
    std::vector<job> jobs;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      jobs.swap(jobs_);
    }
    erase(std::move(jobs));
  }
}

void key_eraser::erase(std::vector<job> jobs) {
  std::vector<events::data_key_id> all;
  for (const auto& each : jobs) all.insert(all.end(), each.keys.begin(), each.keys.end());
  const auto gone = keyring_.destroy(all);
  for (auto& each : jobs) {
    shard_report report;
    report.what = shard_report::about::keys;
    if (gone)
      report.destroyed = std::move(each.keys);
    else
      report.why = gone.error().text;
    each.sender->put(std::move(report));
  }
}

}  // namespace muster::actors
