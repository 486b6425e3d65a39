#pragma once

#include "actors/shard_host.hpp"
#include "engine/ports/maintenance.hpp"

namespace muster::actors {

/// Rebuilds and checks a running node, shard by shard.
class upkeep final : public engine::maintenance {
public:
  upkeep(shard_host& host, std::uint32_t shards) : host_(host), shards_(shards) {}

  engine::result<std::string> rebuild() override;
  engine::result<std::string> verify() override;
  engine::result<std::string> recount(events::shard_id shard, const events::id_scope& scope) override;
  /// Ends what is at work soon, with `cancelled`, and what comes later at once. Any thread.
  void cancel() { stop_.request_stop(); }

private:
  shard_host& host_;
  std::uint32_t shards_;
  std::stop_source stop_;
};

}  // namespace muster::actors
