#pragma once

#include "engine/ports/journal.hpp"
#include "engine/wake_flag.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// How the threads of a shard host talk to each other.
namespace muster::actors {

using engine::wake_flag;

/// What a shard is told of the frame it sent, of the keys it wants erased, or of the log it wants compared.
struct shard_report {
  enum class about { appended, not_sent, keys, log };
  about what = about::appended;
  engine::append_outcome outcome = engine::append_outcome::unknown;  ///< appended only
  std::chrono::nanoseconds took{};                                   ///< appended: from the journal's call to its word
  std::vector<events::data_key_id> destroyed;                        ///< keys: those that are gone now
  std::string why;                                                   ///< not_sent, keys: what went wrong, if anything
  engine::result<void> compared;                                     ///< log: whether it still holds what was folded
};

/// Where a shard finds what was reported to it. On its own, because a journal may settle a frame after its shard's end.
/// Any thread.
class report_box {
public:
  explicit report_box(std::shared_ptr<wake_flag> reader) : reader_(std::move(reader)) {}

  void put(shard_report report) {
    {
      const std::lock_guard lock(mutex_);
      reports_.push_back(std::move(report));
    }
    reader_->raise();
  }
  std::vector<shard_report> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(reports_, {});
  }

private:
  std::shared_ptr<wake_flag> reader_;
  std::mutex mutex_;
  std::vector<shard_report> reports_;
};

}  // namespace muster::actors
