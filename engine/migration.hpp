#pragma once

#include "engine/log_rule.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/keyring.hpp"

#include <functional>
#include <stop_token>
#include <vector>

/// Moving a history from one journal to another, frame by frame, with its keys.
namespace muster::engine {

/// A journal and the keyring that opens what is sealed in it.
struct journal_with_keys {
  journal& log;
  keyring& keys;
};

/// What became of one shard.
struct migrated_shard {
  events::shard_id shard;
  std::uint64_t frames = 0;       ///< accepted ones in the history, all of them in both journals now
  std::uint64_t copied = 0;       ///< of these, copied by this call; the others were there from an earlier one
  std::uint64_t void_frames = 0;  ///< frames of the old journal that never counted: they stay behind
  std::uint64_t events = 0;
  log_position end;  ///< in the new journal
};

struct migration_report {
  std::vector<migrated_shard> shards;
  std::uint64_t keys = 0;  ///< data keys in both keyrings
};

/// Told now and then how far a shard is.
using migration_progress = std::function<void(const migrated_shard& so_far)>;

/// The mark that keeps everybody else from the new journal as long as it does not hold the whole history. It lies with
/// that journal, and so with whoever calls: durably there before `set` returns.
struct migration_mark_hooks {
  bool there = false;                 ///< set by an earlier call that did not come to its end
  std::function<result<void>()> set;  ///< called before anything is written, unless it is there or nothing is missing
};

/// Copies the history of `from` to `to`, which must have been made for it (same journal ID, shards and master key), and
/// its data keys. Accepted frames are copied byte for byte, so that sequence numbers, epochs and the chain stay what
/// they are; only offsets differ, and so projections must be made anew. Nobody may write to either journal meanwhile;
/// the caller removes the mark when this has succeeded.
///
/// It may be stopped at any moment and called again: it goes on where the accepted history of `to` ends. A frame whose
/// append was of unknown outcome and lands late is void there, since its successor is there already. At the end the
/// whole of `to` is read back and compared with `from`. Where nothing is missing and no mark is set, nothing is
/// written.
///
/// `conflict`: `to` was made for another journal, or its history does not begin like that of `from`, or goes on behind
/// its end; nothing was written then. `corrupt`: one of them is damaged; the text says where. `unavailable`: a frame
/// was not taken, or `stop` was requested; call it again.
result<migration_report> migrate(journal_with_keys from, journal_with_keys to, const migration_mark_hooks& mark,
                                 const migration_progress& progress, std::stop_token stop);

}  // namespace muster::engine
