#include "engine/rebuild.hpp"

#include "engine/replay.hpp"

namespace muster::engine {

result<std::uint64_t> rebuild_all(journal& log, projection_store& store) {
  std::uint64_t events = 0;
  for (std::uint32_t i = 0; i < log.identity().shards; ++i) {
    const events::shard_id shard(i);
    auto anew = store.begin_generation(shard);
    if (!anew) return std::unexpected(anew.error());
    const auto take = [&](std::span<const folded_frame> frames) { return (*anew)->apply(frames); };
    const auto report = replay(log, shard, {}, std::nullopt, take);
    if (!report) return std::unexpected(report.error());
    if (const auto switched = store.switch_generation(shard); !switched) return std::unexpected(switched.error());
    events += report->events;
  }
  return events;
}

}  // namespace muster::engine
