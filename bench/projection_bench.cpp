#include "projections/memory_projection.hpp"
#include "projections/projection_store.hpp"
#include "tests/support/history_builder.hpp"
#include "tests/support/temporary_directory.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>

/// How fast projections take events: `projection_bench [EVENTS] [memory|rocksdb|rebuild]`. New devices of one group
/// register, and every fourth event is a device that comes back. Prints a digest of all rows, which depends on the
/// number of events alone.
namespace {

using namespace muster;

constexpr std::size_t events_per_frame = 250;
constexpr std::size_t events_per_call = 1000;

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t events_total = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::string_view kind = argc > 2 ? argv[2] : "rebuild";
  const tests::temporary_directory directory;
  auto store = kind == "memory"
                   ? projections::make_memory_projection_store()
                   : std::move(projections::make_projection_store({.directory = directory.path()}).value());
  const events::shard_id shard;
  const auto projection = kind == "rebuild" ? store->begin_generation(shard).value() : store->open(shard).value();

  tests::history_builder history;
  history.add(tests::service_created_in(tests::scope_a)).add(tests::group_created(tests::scope_a, "fleet")).commit();
  if (!projection->apply(history.take_frames())) return 1;

  const tests::way_in way{.hub = "hub1.example.org", .group = "fleet"};
  double wall = 0;
  double thread = 0;
  const double process_before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double main_before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  std::size_t done = 0;
  std::size_t device = 0;
  while (done < events_total) {
    std::size_t in_call = 0;
    while (in_call < events_per_call) {
      std::size_t in_frame = 0;
      while (in_frame < events_per_frame) {
        const auto id = "device-" + std::to_string(device * 7919 % 100'000'007);
        history.add(tests::registered(tests::scope_a, id, way)).add(tests::hub_device_made(tests::scope_a, id, way));
        in_frame += 2;
        if (++device % 2 == 0) {
          const auto back = "device-" + std::to_string(device / 2 * 7919 % 100'000'007);
          history.add(tests::registered(tests::scope_a, back, way));
          ++in_frame;
        }
      }
      history.advance(std::chrono::milliseconds(10)).commit();
      in_call += in_frame;
    }
    const auto frames = history.take_frames();
    const double wall_from = cpu_seconds(CLOCK_MONOTONIC);
    const double thread_from = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (!projection->apply(frames)) return 1;
    wall += cpu_seconds(CLOCK_MONOTONIC) - wall_from;
    thread += cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - thread_from;
    done += in_call;
  }
  const double background =
      cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_before - (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - main_before);
  if (kind == "rebuild" && !store->switch_generation(shard)) return 1;
  const auto made = store->fingerprint_of(*projection);
  if (!made) return 1;
  const auto count = static_cast<double>(done);
  std::printf("%s: %zu events, %llu rows, digest %s\n", std::string(kind).c_str(), done,
              static_cast<unsigned long long>(made->rows),
              events::to_hex(events::as_bytes(made->digest)).substr(0, 16).c_str());
  std::printf("  wall %.0f events/s; CPU %.2f us/event in the shard's thread (%.0f/s) and %.2f behind it\n",
              count / wall, thread / count * 1e6, count / thread, background / count * 1e6);
  return 0;
}
