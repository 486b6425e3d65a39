#pragma once

#include "engine/ports/clock.hpp"

#include <atomic>

namespace muster::tests {

/// A clock that stands still until a test moves it. Any thread.
class fake_clock final : public engine::clock {
public:
  /// Stands at 2026-01-01T00:00:00Z unless told otherwise.
  explicit fake_clock(events::timestamp start = std::chrono::sys_days(std::chrono::January / 1 / 2026))
      : now_us_(start.time_since_epoch().count()) {}

  events::timestamp now() const override { return events::timestamp(std::chrono::microseconds(now_us_.load())); }

  void set(events::timestamp now) { now_us_ = now.time_since_epoch().count(); }
  void advance(std::chrono::microseconds by) { now_us_ += by.count(); }

private:
  std::atomic<std::chrono::microseconds::rep> now_us_;
};

}  // namespace muster::tests
