#pragma once

#include "engine/fold.hpp"
#include "engine/ports/journal.hpp"

#include <functional>
#include <stop_token>

namespace muster::engine {

struct replay_report {
  log_position end;          ///< where the replay stopped
  std::uint64_t frames = 0;  ///< accepted
  std::uint64_t void_frames = 0;
  std::uint64_t events = 0;
};

/// Takes the accepted frames of a replay, a batch at a time.
using frame_sink = std::function<result<void>(std::span<const folded_frame>)>;

/// Folds the log of a shard from `start` up to the frame before `until`, or to its end, checking every checksum and the
/// whole chain on the way. `corrupt` says where the log stops being one; `cancelled`: `stop` was requested. Reads the
/// journal from the caller's thread.
result<replay_report> replay(journal& log, events::shard_id shard, const log_position& start,
                             std::optional<events::log_offset> until, const frame_sink& take,
                             const std::stop_token& stop = {});

/// Whether the log still holds the history that led to `position`: its end is not before it, and the frames that were
/// read last and accepted last are there unchanged. The last one read does not suffice: a log that was truncated and
/// grew again goes on with frames that are void to whoever had folded what it lost. `corrupt` says what is wrong and
/// what to do.
result<void> check_continues(journal& log, events::shard_id shard, const log_position& position);

}  // namespace muster::engine
