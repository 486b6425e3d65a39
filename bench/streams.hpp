#pragma once

#include "bench/cpu_time.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace muster::bench {

/// What the turns of one line add up to.
struct tally {
  std::vector<double> took;  ///< milliseconds of each frame
  double seconds = 0;
  double cpu = 0;

  void print(const char* what, std::size_t registrations, std::size_t shards) {
    if (took.empty()) return;
    std::ranges::sort(took);
    const auto frames = static_cast<double>(took.size());
    std::printf(
        "%-20s %4zu registrations/frame %3zu shards  %8.0f frames/s  p50 / p99 %.2f / %.2f ms  %6.0f us CPU/frame\n",
        what, registrations, shards, frames / seconds, took[took.size() / 2], took[took.size() * 99 / 100],
        cpu * 1e6 / frames);
    std::fflush(stdout);
  }
};

/// Runs streams with one operation in flight each.
class streams {
public:
  void ended(std::size_t shard) {
    const std::lock_guard lock(mutex_);  // kept while notifying: the one who waits may let this object go
    ready_.push_back(shard);
    changed_.notify_one();
  }

  /// For `seconds`: `begin(shard)` starts an operation, and what ends it calls `ended(shard)`.
  template <class Begin>
  void run(std::size_t shards, double seconds, Begin begin, tally& sum) {
    std::vector<std::chrono::steady_clock::time_point> began(shards);
    const auto cpu = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    const auto until =
        start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
    std::size_t in_flight = shards;
    for (std::size_t s = 0; s < shards; ++s) {
      began[s] = std::chrono::steady_clock::now();
      begin(s);
    }
    while (in_flight > 0) {
      std::vector<std::size_t> ready;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(30), [&] { return !ready_.empty(); })) {
          std::fprintf(stderr, "nothing came for 30 s\n");
          std::exit(1);
        }
        ready.swap(ready_);
      }
      const auto now = std::chrono::steady_clock::now();
      for (const auto s : ready) {
        sum.took.push_back(std::chrono::duration<double, std::milli>(now - began[s]).count());
        --in_flight;
        if (now >= until) continue;
        ++in_flight;
        began[s] = now;
        begin(s);
      }
    }
    sum.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    sum.cpu += cpu_seconds() - cpu;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> ready_;
};

}  // namespace muster::bench
