#pragma once

#include "events/ids.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

namespace muster::engine {

enum class read_kind : std::uint8_t {
  recent,  ///< of what the shard was at most 2 s ago (setting); older only while the log is away, and then it says so
  exact,   ///< of everything that anybody was answered before the read arrived, or not at all
};

/// Whether a read may be answered from what this node has folded.
struct read_permit {
  bool granted = false;
  /// The log did not confirm in time that nobody else has the shard: what is read was current this long ago.
  std::optional<std::chrono::microseconds> age;
};

/// What reads pass before they look at a shard's read models or at the catalog. Where nobody else can write the log it
/// costs nothing.
class read_barrier {
public:
  virtual ~read_barrier() = default;

  /// Calls `go` once it is known whether a read that arrived just now may be answered: before this returns, or later
  /// from a thread that must not be blocked. Read models are to be looked up in `go` or after it, not before. Any
  /// thread; does not block.
  virtual void pass(events::shard_id shard, read_kind kind, std::function<void(const read_permit&)> go) = 0;
};

}  // namespace muster::engine
