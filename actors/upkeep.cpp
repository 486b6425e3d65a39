#include "actors/upkeep.hpp"

namespace muster::actors {

engine::result<std::string> upkeep::rebuild() {
  std::uint64_t events = 0;
  for (std::uint32_t i = 0; i < shards_; ++i) {
    const auto rebuilt = host_.rebuild(events::shard_id(i));
    if (!rebuilt) return std::unexpected(rebuilt.error());
    events += *rebuilt;
  }
  return "{\"shards\":" + std::to_string(shards_) + ",\"events\":" + std::to_string(events) + "}";
}

engine::result<std::string> upkeep::verify() {
  std::vector<engine::shard_verification> reports;
  for (std::uint32_t i = 0; i < shards_; ++i) {
    auto report = host_.verify(events::shard_id(i));
    if (!report) return std::unexpected(report.error());
    reports.push_back(std::move(*report));
  }
  for (const auto& report : reports) {
    if (!report.wrong.empty()) {
      return engine::fail(engine::errc::corrupt, "shard " + std::to_string(report.shard.value()) + ": " + report.wrong);
    }
  }
  return engine::to_json(reports);
}

engine::result<std::string> upkeep::recount(events::shard_id shard, const events::id_scope& scope) {
  const auto report = host_.recount(shard, scope);
  if (!report) return std::unexpected(report.error());
  return engine::to_json(*report);
}

}  // namespace muster::actors
