#pragma once

#include "engine/error.hpp"
#include "engine/ports/shard_view.hpp"

namespace muster::engine {

/// Reads the events of an accepted frame. `corrupt` if one cannot be folded: its type is unknown, its data is not what
/// the type demands, or its type does not belong on its stream. Whoever gets that stops the shard: an event is never
/// skipped.
result<folded_frame> read_events(shard::accepted_frame frame);

/// The same of a batch that was accepted as `header` and has just been read from the log at `offset`: its records need
/// not be copied first.
result<folded_frame> read_events(const events::frame_header& header, events::log_offset offset, log_position after);

/// Whether events of `e`'s type may stand on `stream`.
bool belongs_on(const events::event& e, const events::stream_name& stream);

/// The data key that nothing needs any more after `e`; nullptr if there is none.
const events::data_key_id* key_to_destroy(const events::event& e);

}  // namespace muster::engine
