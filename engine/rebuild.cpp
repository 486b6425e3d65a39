#include "engine/rebuild.hpp"

#include "engine/replay.hpp"
#include "events/codec.hpp"

namespace muster::engine {

namespace {

/// Gives how many events its log holds.
result<std::uint64_t> rebuild_shard(journal& log, projection_store& store, events::shard_id shard) {
  auto anew = store.begin_generation(shard);
  if (!anew) return std::unexpected(anew.error());
  const auto take = [&](std::span<const folded_frame> frames) { return (*anew)->apply(frames); };
  const auto report = replay(log, shard, {}, std::nullopt, take);
  if (!report) return std::unexpected(report.error());
  if (const auto switched = store.switch_generation(shard); !switched) return std::unexpected(switched.error());
  return report->events;
}

}  // namespace

rebuild_report rebuild_all(journal& log, projection_store& store) {
  rebuild_report report;
  for (std::uint32_t i = 0; i < log.identity().shards; ++i) {
    const events::shard_id shard(i);
    const auto events = rebuild_shard(log, store, shard);
    if (events)
      report.events += *events;
    else
      report.failed.emplace_back(shard, events.error());
    if (!events && events.error().code == errc::unavailable) break;
  }
  return report;
}

std::string to_json(const rebuild_report& report) {
  std::string out = "{\"events\":" + std::to_string(report.events) + ",\"failed\":[";
  for (const auto& [shard, error] : report.failed) {
    if (!out.ends_with('[')) out += ',';
    out += "{\"shard\":" + std::to_string(shard.value()) + ",\"error\":" + events::to_json_string(error.text) + "}";
  }
  return out + "]}";
}

}  // namespace muster::engine
