#pragma once

#include "engine/ports/shard_view.hpp"
#include "projections/row_store.hpp"

#include <unordered_map>

namespace muster::projections {

/// Folds idempotency keys: the first event of a command id makes its record, which a later frame drops once
/// `limits::command_id_kept` of log time have passed. What is dropped depends on the frames alone, never on how many of
/// them are written together, so that a rebuild gives the same rows. Used by one thread.
class command_rows {
public:
  explicit command_rows(row_store& store) : store_(store) {}

  /// True if a frame of time `now` would drop records that are not written yet: then what is pending must be written
  /// first.
  bool needs_what_is_pending(events::timestamp now) const;

  /// Drops at most 256 records whose time is over at `now`, the oldest first. Once per frame, before its events.
  engine::result<void> expire(events::timestamp now, row_batch& batch);

  /// Takes an event that has a command id.
  engine::result<void> record(const events::envelope& meta, row_batch& batch);

  /// The batch was written, or (`lost`) given up.
  void written();
  void lost();

private:
  engine::result<std::optional<engine::command_record>> find(const std::string& key) const;

  row_store& store_;
  std::unordered_map<std::string, engine::command_record> pending_;  ///< by key, not written yet
  std::optional<events::timestamp> first_pending_;
  events::timestamp nothing_due_before_ = events::timestamp::min();
  std::string
      dropped_to_;  ///< expiries below this key are gone: a scan from the start would walk over their tombstones
};

}  // namespace muster::projections
