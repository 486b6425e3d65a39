#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace muster::actors {

/// Keeps what happens over and over from filling the log: lets one of it through in each interval.
class rare {
public:
  explicit rare(std::chrono::seconds interval) : interval_(interval) {}

  /// Says how many were held back since the last one that was let through; nothing if this one is held back too.
  std::optional<std::uint64_t> let_through() {
    const auto now = std::chrono::steady_clock::now();
    if (last_ && now - *last_ < interval_) {
      ++held_back_;
      return std::nullopt;
    }
    last_ = now;
    return std::exchange(held_back_, 0);
  }

private:
  std::chrono::seconds interval_;
  std::optional<std::chrono::steady_clock::time_point> last_;
  std::uint64_t held_back_ = 0;
};

}  // namespace muster::actors
