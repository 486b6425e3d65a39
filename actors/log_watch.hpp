#pragma once

#include "actors/job_thread.hpp"
#include "actors/shard_reports.hpp"
#include "engine/log_rule.hpp"

namespace muster::actors {

/// A thread of its own for comparing the log with what was folded (`engine::check_continues`): where others can write,
/// each claim waits for that, and a log that is away answers late. Never used with a journal that is exclusive.
class log_watch {
public:
  explicit log_watch(engine::journal& journal)
      : journal_(journal),
        thread_(1, job_thread<job>::at_end::leaves_the_rest, [this](auto jobs) { compare(jobs.front()); }) {}

  void start() { thread_.start(); }
  /// Compares the log of `shard`, as it is now, with `position`; puts what it found into `sender`. Any thread.
  void post(std::shared_ptr<report_box> sender, events::shard_id shard, engine::log_position position);
  /// Ends the thread after the comparison that goes on.
  void stop() { thread_.stop(); }

private:
  struct job {
    std::shared_ptr<report_box> sender;
    events::shard_id shard;
    engine::log_position position;
  };

  void compare(const job& what);

  engine::journal& journal_;
  job_thread<job> thread_;
};

}  // namespace muster::actors
