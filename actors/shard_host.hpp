#pragma once

#include "actors/scope_catalog.hpp"
#include "engine/feed.hpp"
#include "engine/limits.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/ports/log.hpp"
#include "engine/ports/proposal_sink.hpp"
#include "engine/ports/read_barrier.hpp"
#include "engine/recount.hpp"
#include "engine/telemetry.hpp"
#include "engine/verification.hpp"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace muster::actors {

struct shard_host_options {
  std::string node;         ///< this node's name, written into its frames
  std::size_t threads = 1;  ///< shard threads; each shard belongs to one of them for good
  /// Destroyed data keys are erased together, at most this often: the keyring rewrites its files each time.
  std::chrono::seconds key_erasure_interval{60};
  /// How long after its last accepted frame was sent a node answers reads without asking the log, where others can
  /// write it (engine/read_gate.hpp).
  std::chrono::microseconds read_recent_max = engine::limits::read_recent_max;
  /// How long a shard that opens asks a log that several brokers keep again and again, when it does not go on where the
  /// projections stand, before it stops.
  std::chrono::milliseconds log_doubted_max = engine::limits::log_doubted_max;
};

struct shard_host_dependencies {
  engine::journal& journal;
  engine::keyring& keyring;
  engine::projection_store& projections;
  engine::clock& clock;
  engine::entropy& entropy;
  engine::telemetry& telemetry;
  engine::log& log;
  scope_catalog& catalog;
  engine::feed* feed = nullptr;  ///< gets the frames that were folded; may be absent
};

/// Runs the shards of a node: a few plain threads fold and write, each its own shards, one journal thread stores keys
/// and appends the frames of all shards that are ready in one write, and one more erases keys. No CAF here: proposals
/// come in and settlements go out as plain calls.
///
/// Shards stand alone: one that cannot be opened, folded or written stops, with its reason in the log, and the others
/// go on. One whose projections' storage fails is tried again after a pause of 1 s to a minute.
class shard_host final : public engine::proposal_sink, public engine::read_barrier {
public:
  /// Nothing runs, and no shard is open, before `start`.
  shard_host(shard_host_options options, shard_host_dependencies dependencies);
  ~shard_host() override;

  /// Starts the threads: shards open their projections, check that they continue the journal, catch up, claim and open.
  void start();
  /// Waits until every shard is open or has stopped, or `limit` has passed. True if they are.
  bool wait_until_settled(std::chrono::milliseconds limit);

  void propose(events::shard_id shard, engine::proposal p) override;
  bool open(events::shard_id shard) const override;
  void pass(events::shard_id shard, engine::read_kind kind,
            std::function<void(const engine::read_permit&)> go) override;
  /// Why a shard has stopped, if it has: for the log and for operators, not for everybody.
  std::optional<std::string> stopped(events::shard_id shard) const;
  /// Whether it has stopped because of its projections: `rebuild` mends that.
  bool projections_at_fault(events::shard_id shard) const;

  /// Which shards the node does not serve, if any. Causes are for operators only.
  std::optional<std::string> not_ready(bool with_causes) const;

  /// How many frames wait for the journal's thread. Any thread.
  std::size_t frames_queued() const;

  /// Folds the whole journal of `shard` into a new generation of its projections beside the serving one, and switches
  /// to it between two frames; a shard that has stopped because of its projections then opens again. Gives the number
  /// of events. Blocks, and ends early if `stop` is requested; from any one thread at a time.
  engine::result<std::uint64_t> rebuild(events::shard_id shard, const std::stop_token& stop);

  /// Checks `shard` while it serves; of one that has stopped, what there is. Blocks, and ends early if `stop` is
  /// requested; from any one thread at a time.
  engine::result<engine::shard_verification> verify(events::shard_id shard, const std::stop_token& stop);

  /// Counts what `scope` used anew from the log of its shard. Blocks, and ends early if `stop` is requested; any
  /// thread.
  engine::result<engine::usage_recount> recount(events::shard_id shard, const events::id_scope& scope,
                                                const std::stop_token& stop);

  /// Lets every shard write what is queued, at most for `drain`, then ends the threads. Proposals after that are
  /// unavailable.
  void stop(std::chrono::milliseconds drain);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace muster::actors
