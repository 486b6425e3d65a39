#pragma once

#include "engine/ports/catalog.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace muster::actors {

/// The catalog of a node: what the shards' folds have published. Reads share a lock for a few loads; a publication
/// happens only when a service or a group changes.
class scope_catalog final : public engine::catalog {
public:
  explicit scope_catalog(std::uint32_t shards) : shards_(shards) {}

  using snapshot = std::shared_ptr<const engine::scope_snapshot>;

  engine::as_of<snapshot> find(const events::id_scope& scope) const override;
  snapshot find(const events::service_name& name) const override;
  engine::lone_service lone() const override;
  std::vector<snapshot> all() const override;
  std::shared_ptr<engine::shard_view> view(events::shard_id shard) const override;

  /// A scope is as `now` has it. Before `folded_to` of the same fold; only from the shard's thread.
  void publish(snapshot now);
  /// Every snapshot of `shard` is current as of `sequence`. Only from the shard's thread.
  void folded_to(events::shard_id shard, events::log_sequence sequence);
  /// The shard's read models are `view`; nothing while it is not open.
  void set_view(events::shard_id shard, std::shared_ptr<engine::shard_view> view);

private:
  struct shard_entry {
    std::atomic<std::uint64_t> folded_to{0};
    std::shared_ptr<engine::shard_view> view;
  };

  mutable std::shared_mutex mutex_;
  std::map<events::id_scope, snapshot> by_scope_;
  std::map<events::service_name, snapshot> by_name_;
  std::vector<shard_entry> shards_;
};

}  // namespace muster::actors
