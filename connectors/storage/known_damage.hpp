#pragma once

#include "engine/ports/journal.hpp"

#include <map>
#include <mutex>
#include <optional>

namespace muster::connectors {

/// The damage that anybody has met in a log: of each shard the first. Who reads the shard afterwards is told, wherever
/// he reads. So the fold learns of damage far behind it, and the shard stops, whoever met it. Any thread.
class known_damage {
public:
  /// `told(shard)` is called when the first damage of `shard` is noted, by the thread that met it.
  void on_found(std::function<void(events::shard_id)> told);

  void note(events::shard_id shard, engine::error damage);
  /// What is known of `shard`; nothing if it is whole as far as anybody knows.
  std::optional<engine::error> of(events::shard_id shard) const;

  /// What a reader of `shard` gets: what `read` gives, unless there is damage.
  template <class Read>
  auto watch(events::shard_id shard, Read read) -> decltype(read()) {
    if (auto damage = of(shard)) return std::unexpected(std::move(*damage));
    auto got = read();
    if (!got && got.error().code == engine::errc::corrupt) note(shard, got.error());
    return got;
  }

private:
  mutable std::mutex mutex_;
  std::map<events::shard_id, engine::error> found_;
  std::function<void(events::shard_id)> told_;
};

}  // namespace muster::connectors
