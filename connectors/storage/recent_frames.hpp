#pragma once

#include "engine/ports/journal.hpp"

#include <deque>
#include <mutex>
#include <optional>

namespace muster::connectors {

/// The newest frames of one shard, so that whoever follows the log closely never reads storage. Any thread.
class recent_frames {
public:
  /// Follows a log that ends at `end` now. Keeps about `bytes_max` bytes.
  recent_frames(events::log_offset end, std::size_t bytes_max) : first_(end), bytes_max_(bytes_max) {}

  /// The next frame of the log.
  void push(std::string_view frame);

  /// As `journal::read`; nothing if the frames from `from` on are no longer kept.
  std::optional<std::vector<engine::log_record>> read(events::log_offset from, std::size_t bytes_max) const;

  /// Behind the last frame of the log.
  events::log_offset end() const;

private:
  events::log_offset end_locked() const { return events::log_offset(first_.value() + frames_.size()); }

  mutable std::mutex mutex_;
  std::deque<std::string> frames_;
  events::log_offset first_;  ///< of the first in `frames_`
  std::size_t bytes_ = 0;     ///< of all in `frames_`
  const std::size_t bytes_max_;
};

}  // namespace muster::connectors
