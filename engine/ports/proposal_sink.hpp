#pragma once

#include "engine/proposal.hpp"

namespace muster::engine {

/// Takes proposals to the writers of the shards.
class proposal_sink {
public:
  virtual ~proposal_sink() = default;
  /// Queues `p` for the shard's writer; `p.settled` is called later, on the shard's thread, in every case. Any thread;
  /// does not block.
  virtual void propose(events::shard_id shard, proposal p) = 0;
  /// Whether this node holds the shard's claim and has folded to the end. Any thread.
  virtual bool open(events::shard_id shard) const = 0;
};

}  // namespace muster::engine
