#pragma once

#include <cstdint>
#include <functional>

/// What the benchmarks measure with.
namespace muster::bench {

/// User and system time that this process has used, in seconds, all its threads included.
double cpu_seconds();

/// Runs `work` and prints what it cost for each of `events` events.
void measure(const char* what, std::uint64_t events, const std::function<void()>& work);

}  // namespace muster::bench
