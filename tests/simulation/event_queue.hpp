#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace muster::simulation {

/// What is to happen, in order of virtual time; of two things at one time, what was planned first happens first.
class event_queue {
public:
  using action = std::function<void()>;

  /// Virtual time since the start of the run.
  std::chrono::microseconds now() const { return now_; }

  void at(std::chrono::microseconds when, action what) {
    heap_.push_back({std::max(when, now_), serial_++, std::move(what)});
    std::ranges::push_heap(heap_, later);
  }
  void after(std::chrono::microseconds delay, action what) { at(now_ + delay, std::move(what)); }

  /// Lets the next thing happen. False if there is none at or before `end`.
  bool step(std::chrono::microseconds end) {
    if (heap_.empty() || heap_.front().when > end) return false;
    std::ranges::pop_heap(heap_, later);
    const auto next = std::move(heap_.back());
    heap_.pop_back();
    now_ = next.when;
    next.what();
    return true;
  }

private:
  struct planned {
    std::chrono::microseconds when;
    std::uint64_t serial;
    action what;
  };
  static bool later(const planned& a, const planned& b) {
    return a.when != b.when ? a.when > b.when : a.serial > b.serial;
  }

  std::vector<planned> heap_;
  std::chrono::microseconds now_{0};
  std::uint64_t serial_ = 0;
};

}  // namespace muster::simulation
