#pragma once

#include "engine/ports/read_barrier.hpp"
#include "engine/shard.hpp"

#include <memory>
#include <vector>

namespace muster::engine {

/// Whether a node whose last accepted frame was sent at `confirmed` may answer recent reads at `now` without asking the
/// log.
bool is_recent(std::optional<events::timestamp> confirmed, events::timestamp now, std::chrono::microseconds recent_max);

/// Decides when reads of one shard may be answered from its fold. Where others can write the log, this node may have
/// lost the shard without noticing: a `recent` read is let through if the node's last accepted frame was sent less than
/// `recent_max` ago, and else waits, as every `exact` one does, until an empty batch that was sent after it arrived has
/// been read back. It never joins a batch that was on its way when it arrived: that one says nothing of what was
/// answered elsewhere meanwhile. Single-threaded, as the shard is.
class read_gate {
public:
  explicit read_gate(std::chrono::microseconds recent_max) : recent_max_(recent_max) {}

  /// Asks for a read that arrives now. `go` is called once: at once, or in a later `round`.
  void ask(read_kind kind, std::function<void(const read_permit&)> go, shard& writer, events::timestamp now);

  /// Lets the reads through whose batch was read back, and gives the others what they get when their time is over. To
  /// be called after the settlements of `writer` have been passed on.
  void round(const shard& writer, events::timestamp now);

  /// No read will ever be let through any more.
  void close();

  bool idle() const { return waiting_.empty(); }

private:
  enum class fate : std::uint8_t { open, confirmed, failed };
  struct waiting {
    read_kind kind;
    std::function<void(const read_permit&)> go;
    events::timestamp until;
    std::shared_ptr<fate> batch;  ///< what became of the empty batch; shared with its proposal
  };

  static read_permit permit_without_batch(read_kind kind, const shard& writer, events::timestamp now);

  std::chrono::microseconds recent_max_;
  std::vector<waiting> waiting_;  ///< in the order of their arrival
};

}  // namespace muster::engine
