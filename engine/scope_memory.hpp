#pragma once

#include "engine/ports/shard_view.hpp"

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace muster::engine {

/// The services of one shard and their groups, kept in memory beside the projections: evolved with every fold, and made
/// into the snapshots that decisions rest on. Only from the shard's thread.
class scope_memory {
public:
  scope_memory(events::shard_id shard, keyring& keys) : shard_(shard), keys_(keys) {}

  /// Forgets everything, and reads what the projections hold. Every service counts as changed afterwards.
  result<void> load(shard_view& view);

  /// Takes the events of one more frame.
  void fold(const folded_frame& frame);

  /// A new snapshot of every service that changed since the last call, with its keys opened. A group whose key is gone
  /// has none: either its deletion stands later in the log, or the keyring is newer than the journal. `corrupt` if a
  /// service's own key cannot be had.
  result<std::vector<std::shared_ptr<const scope_snapshot>>> take_changed();

private:
  struct scope_entry {
    service_state service;
    std::map<std::string, group_state> groups;  ///< living ones, by id key
    std::map<std::string, std::shared_ptr<const opened_group>> opened;
  };

  result<std::shared_ptr<const scope_snapshot>> snapshot_of(scope_entry& entry) const;
  result<void> open_groups(scope_entry& entry) const;

  events::shard_id shard_;
  keyring& keys_;
  std::map<std::string, scope_entry, std::less<>> scopes_;  ///< by ID scope
  std::set<std::string, std::less<>> changed_;
};

}  // namespace muster::engine
