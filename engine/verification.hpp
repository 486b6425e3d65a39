#pragma once

#include "engine/ports/journal.hpp"
#include "engine/ports/shard_view.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace muster::engine {

/// What a check of one shard found.
struct shard_verification {
  events::shard_id shard;
  std::uint64_t frames = 0;  ///< accepted
  std::uint64_t void_frames = 0;
  std::uint64_t events = 0;
  std::uint64_t rows = 0;    ///< of the projections
  std::uint64_t behind = 0;  ///< events on the log that the projections have not folded yet; nothing wrong in itself
  std::string wrong;         ///< empty: chain, checksums, events and every row are as they should be
};

/// Checks a shard from the first frame to the end of its log: every checksum and the whole chain, that each event can
/// be read, and that `serving`, if there is one, holds exactly the rows that the log leads to, by folding it anew into
/// another generation, which is thrown away. Reads everything once; the shard may serve meanwhile. Errors other than
/// what is wrong with the data (`unavailable`, `cancelled` if `stop` was requested, ...) come as errors.
result<shard_verification> verify_shard(journal& log, projection_store& store, events::shard_id shard,
                                        shard_projection* serving, const std::stop_token& stop);

/// Checks every shard of a journal that no node serves. Where there are no projections it makes none, and checks the
/// log alone. A projection that cannot be opened is wrong, and ends nothing.
result<std::vector<shard_verification>> verify_all(journal& log, projection_store& store);

/// The reports as one JSON document: `{"ok": bool, "shards": [...], "events": n}`.
std::string to_json(const std::vector<shard_verification>& reports);

}  // namespace muster::engine
