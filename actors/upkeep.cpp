#include "actors/upkeep.hpp"

namespace muster::actors {

using engine::errc;
using engine::fail;

engine::result<std::string> upkeep::rebuild() {
  std::uint64_t events = 0;
  std::uint32_t rebuilt = 0;
  std::string stopped;
  for (std::uint32_t i = 0; i < shards_; ++i) {
    const events::shard_id shard(i);
    if (host_.stopped(shard) && !host_.projections_at_fault(shard)) {
      stopped.append(stopped.empty() ? "" : ",").append(std::to_string(i));
      continue;
    }
    const auto folded = host_.rebuild(shard, stop_.get_token());
    if (!folded) return std::unexpected(folded.error());
    events += *folded;
    ++rebuilt;
  }
  if (rebuilt == 0) {
    return fail(errc::unavailable, "every shard has stopped, and not because of its projections: the log says why");
  }
  return "{\"shards\":" + std::to_string(rebuilt) + ",\"events\":" + std::to_string(events) + ",\"stopped\":[" +
         stopped + "]}";
}

engine::result<std::string> upkeep::verify() {
  std::vector<engine::shard_verification> reports;
  for (std::uint32_t i = 0; i < shards_; ++i) {
    auto report = host_.verify(events::shard_id(i), stop_.get_token());
    if (!report) return std::unexpected(report.error());
    reports.push_back(std::move(*report));
  }
  for (const auto& report : reports) {
    if (!report.wrong.empty())
      return fail(errc::corrupt, "shard " + std::to_string(report.shard.value()) + ": " + report.wrong);
  }
  return engine::to_json(reports);
}

engine::result<std::string> upkeep::recount(events::shard_id shard, const events::id_scope& scope) {
  const auto report = host_.recount(shard, scope, stop_.get_token());
  if (!report) return std::unexpected(report.error());
  return engine::to_json(*report);
}

}  // namespace muster::actors
