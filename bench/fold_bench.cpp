#include "bench/cpu_time.hpp"
#include "bench/workload.hpp"
#include "connectors/node/system_entropy.hpp"
#include "engine/replay.hpp"
#include "events/bytes.hpp"
#include "projections/memory_projection.hpp"
#include "projections/projection_store.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <unordered_map>

/// How fast a log becomes state: `fold_bench [REGISTRATIONS] [PER_FRAME] [DIRECTORY]`. Prints CPU time of this process
/// per event for the bytes alone (the floor: SHA-256 over them), the rule and the events read, aggregates evolved, and
/// projections rebuilt on disk. Aggregates are evolved as projections do it, which forget the states of one read before
/// the next, and once more with all of them kept.
namespace {

using namespace muster;

void fold_into(connectors::memory_journal& journal, const engine::frame_sink& take) {
  const auto report = engine::replay(journal, events::shard_id(0), {}, std::nullopt, take);
  if (!report) {
    std::fprintf(stderr, "%s\n", report.error().text.c_str());
    std::exit(1);
  }
}

/// Aggregates by the names of their streams.
class states {
public:
  engine::result<void> take(std::span<const engine::folded_frame> frames) {
    for (const auto& frame : frames) {
      for (const auto& e : frame.events) {
        const auto subject = e.meta.stream.subject();
        if (subject.starts_with("devices/"))
          evolve(devices_[e.meta.stream.text()], e);
        else if (subject.starts_with("hubs/"))
          evolve(hub_devices_[e.meta.stream.text()], e);
      }
    }
    return {};
  }

  void forget() {
    devices_.clear();
    hub_devices_.clear();
  }

private:
  std::unordered_map<std::string, engine::device_state> devices_;
  std::unordered_map<std::string, engine::hub_device_state> hub_devices_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t registrations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000;
  const std::size_t per_frame = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  const std::filesystem::path directory =
      argc > 3 ? argv[3] : std::filesystem::temp_directory_path() / "muster-fold-bench";

  connectors::system_entropy random;
  const auto fleet = bench::make_fleet(random, 3);
  const auto recorded = bench::record_fleet(fleet, registrations, per_frame, random);
  std::printf("%llu registrations, %llu events, %.0f bytes/event, %zu registrations a frame\n",
              static_cast<unsigned long long>(registrations), static_cast<unsigned long long>(recorded.events),
              static_cast<double>(recorded.bytes) / static_cast<double>(recorded.events), per_frame);

  bench::measure("floor: SHA-256 over the frames", recorded.events, [&] {
    events::log_offset offset;
    while (true) {
      const auto records = recorded.journal->read(events::shard_id(0), offset, 4U << 20U);
      if (records->empty()) break;
      for (const auto& record : *records) events::sha256(record.bytes);
      offset = records->back().offset.next();
    }
  });
  bench::measure("rule, chain, events read", recorded.events,
                 [&] { fold_into(*recorded.journal, [](auto) { return engine::result<void>(); }); });
  {
    states some;
    bench::measure("and evolved, the states of one read at a time", recorded.events, [&] {
      fold_into(*recorded.journal, [&](std::span<const engine::folded_frame> frames) {
        some.forget();
        return some.take(frames);
      });
    });
    states all;
    bench::measure("and evolved, all states kept", recorded.events, [&] {
      fold_into(*recorded.journal, [&](std::span<const engine::folded_frame> frames) { return all.take(frames); });
    });
  }
  std::filesystem::remove_all(directory);
  {
    auto store = projections::make_projection_store({.directory = directory});
    auto rows = (*store)->begin_generation(events::shard_id(0));
    bench::measure("projections rebuilt on disk", recorded.events, [&] {
      fold_into(*recorded.journal,
                [&](std::span<const engine::folded_frame> frames) { return (*rows)->apply(frames); });
      if (!(*store)->switch_generation(events::shard_id(0))) std::abort();
    });
    const auto print = (*store)->fingerprint_of(**rows);
    std::printf("rows %llu, fingerprint %s\n", static_cast<unsigned long long>(print->rows),
                events::to_hex(events::as_bytes(print->digest)).c_str());
  }
  std::filesystem::remove_all(directory);
}
