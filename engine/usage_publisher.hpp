#pragma once

#include "engine/ports/catalog.hpp"
#include "engine/usage_feed.hpp"

#include <functional>
#include <vector>

namespace muster::engine {

/// Hands the hourly usage of the shards that are open here on to somebody outside: in order, at least once. How far it
/// has come is kept with the projections. Used by one thread.
class usage_publisher {
public:
  /// True once the report has been taken for good; false to be asked again later.
  using take = std::function<bool(events::shard_id, const shard_usage&)>;

  /// `name` tells this reaction from others (`shard_view::reaction`).
  usage_publisher(const catalog& services, std::uint32_t shards, std::string name, take taken)
      : services_(services), places_(shards), name_(std::move(name)), take_(std::move(taken)) {}

  /// Hands on what is due. An error is of a shard's read models; the other shards were served.
  result<void> step();

private:
  result<void> step(events::shard_id shard);

  const catalog& services_;
  std::vector<std::optional<feed_place>> places_;  ///< of each shard; nothing: as kept with its projections
  const std::string name_;
  const take take_;
};

}  // namespace muster::engine
