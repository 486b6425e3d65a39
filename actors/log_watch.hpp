#pragma once

#include "actors/shard_reports.hpp"
#include "engine/log_rule.hpp"

#include <thread>

namespace muster::actors {

/// A thread of its own for comparing the log with what was folded (`engine::check_continues`): where others can write,
/// each claim waits for that, and a log that is away answers late. Never used with a journal that is exclusive.
class log_watch {
public:
  explicit log_watch(engine::journal& journal) : journal_(journal) {}
  ~log_watch() { stop(); }
  log_watch(const log_watch&) = delete;
  log_watch& operator=(const log_watch&) = delete;

  void start();
  /// Compares the log of `shard`, as it is now, with `position`; puts what it found into `sender`. Any thread.
  void post(std::shared_ptr<report_box> sender, events::shard_id shard, engine::log_position position);
  /// Ends the thread after the comparison that goes on.
  void stop();

private:
  struct job {
    std::shared_ptr<report_box> sender;
    events::shard_id shard;
    engine::log_position position;
  };

  void run();

  engine::journal& journal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace muster::actors
