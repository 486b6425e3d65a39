#include "engine/telemetry.hpp"

#include <algorithm>

namespace muster::engine {

void histogram::observe(std::chrono::nanoseconds duration) {
  const auto seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = std::ranges::lower_bound(bounds, seconds) - bounds.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_nanoseconds_.fetch_add(static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds::rep>(duration.count(), 0)),
                             std::memory_order_relaxed);
}

double histogram::sum_seconds() const {
  return static_cast<double>(sum_nanoseconds_.load(std::memory_order_relaxed)) / 1e9;
}

}  // namespace muster::engine
