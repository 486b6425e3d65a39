#pragma once

#include "connectors/storage/known_damage.hpp"

#include <deque>
#include <mutex>
#include <span>

namespace muster::connectors {

/// A journal that lives as long as the object and does, on request, what real logs do at their worst. For tests and the
/// simulator; deterministic. Besides the port's own rules: every function may be called from any thread.
class memory_journal final : public engine::journal {
public:
  /// What becomes of one call of `append`.
  enum class fate {
    durable,
    refused,          ///< nothing lands
    unknown_landed,   ///< it lands, and the caller is not told
    unknown_lost,     ///< nothing lands, and the caller is not told
    unknown_delayed,  ///< it lands when `release_delayed` is called, and the caller is not told
  };

  /// `exclusive`: what the journal says of itself.
  explicit memory_journal(engine::journal_identity identity, bool exclusive = true);

  const engine::journal_identity& identity() const override { return identity_; }
  void append(std::vector<engine::outgoing_frame> frames, engine::append_settled settled) override;
  engine::result<std::vector<engine::log_record>> read(events::shard_id shard, events::log_offset from,
                                                       std::size_t bytes_max) override;
  engine::result<events::log_offset> end(events::shard_id shard) override;
  void on_arrival(std::function<void(events::shard_id)> arrived) override;
  bool exclusive() const override { return exclusive_; }

  /// Decides the fate of an append to come. Each call adds one append to those decided; the others are durable.
  void decide_next(fate next);
  /// Lands what `unknown_delayed` held back, in the order it was sent.
  void release_delayed();
  /// Appends bytes as another writer would, whatever they are.
  void put(events::shard_id shard, std::string bytes);
  /// Forgets every frame from `end` on, as an unclean leader election does.
  void truncate(events::shard_id shard, events::log_offset end);
  /// Makes `read` report the frame at `offset` as corrupt, and never pass it.
  void damage(events::shard_id shard, events::log_offset offset);
  /// How often `append` was called.
  std::size_t appends() const;

private:
  struct lane {
    std::vector<std::string> frames;
    std::vector<events::log_offset> damaged;
  };

  void land(std::span<const engine::outgoing_frame> frames);
  engine::result<std::vector<engine::log_record>> read_frames(events::shard_id shard, events::log_offset from,
                                                              std::size_t bytes_max);
  lane& lane_of(events::shard_id shard);

  const engine::journal_identity identity_;
  const bool exclusive_;
  mutable std::mutex mutex_;
  std::vector<lane> lanes_;
  std::deque<fate> decided_;
  std::vector<engine::outgoing_frame> delayed_;
  std::size_t appends_ = 0;
  std::function<void(events::shard_id)> arrived_;
  known_damage damage_;
};

}  // namespace muster::connectors
