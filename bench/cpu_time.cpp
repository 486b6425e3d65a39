#include "bench/cpu_time.hpp"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>

namespace muster::bench {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(const char* what, std::uint64_t events, const std::function<void()>& work) {
  const auto cpu = cpu_seconds();
  const auto wall = std::chrono::steady_clock::now();
  work();
  const auto used = cpu_seconds() - cpu;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - wall;
  std::printf("%-44s %9.0f events/s of CPU  %6.2f us CPU/event  %9.0f events/s  %6.2f s wall\n", what,
              static_cast<double>(events) / used, used * 1e6 / static_cast<double>(events),
              static_cast<double>(events) / took.count(), took.count());
  std::fflush(stdout);
}

}  // namespace muster::bench
