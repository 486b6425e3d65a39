#pragma once

#include "actors/scope_catalog.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/ports/log.hpp"
#include "engine/ports/proposal_sink.hpp"
#include "engine/recount.hpp"
#include "engine/telemetry.hpp"
#include "engine/verification.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace muster::actors {

struct shard_host_options {
  std::string node;         ///< this node's name, written into its frames
  std::size_t threads = 1;  ///< shard threads; each shard belongs to one of them for good
  /// Destroyed data keys are erased together, at most this often: the keyring rewrites its files each time.
  std::chrono::seconds key_erasure_interval{60};
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
};

/// Runs the shards of a node: a few plain threads fold and write, each its own shards, and one journal thread stores
/// keys and hands the frames of all shards that are ready to the journal together. No CAF here: proposals come in and
/// settlements go out as plain calls.
class shard_host final : public engine::proposal_sink {
public:
  /// Opens the projections of every shard and checks that each continues its journal. Nothing runs before `start`.
  static engine::result<std::unique_ptr<shard_host>> make(shard_host_options options,
                                                          shard_host_dependencies dependencies);
  ~shard_host() override;

  /// Starts the threads: shards catch up, claim and open.
  void start();
  /// Waits until every shard is open or has stopped, or `limit` has passed. True if all are open.
  bool wait_until_open(std::chrono::milliseconds limit);

  void propose(events::shard_id shard, engine::proposal p) override;
  bool open(events::shard_id shard) const override;

  /// Why the node cannot serve everything, if so: for `/readyz`.
  std::optional<std::string> not_ready() const;

  /// Folds the whole journal of `shard` into a new generation of its projections beside the serving one, and switches
  /// to it between two frames. Gives the number of events. Blocks; from any one thread at a time.
  engine::result<std::uint64_t> rebuild(events::shard_id shard);

  /// Checks `shard` while it serves. Blocks; from any one thread at a time.
  engine::result<engine::shard_verification> verify(events::shard_id shard);

  /// Counts what `scope` used anew from the log of its shard. Blocks; any thread.
  engine::result<engine::usage_recount> recount(events::shard_id shard, const events::id_scope& scope);

  /// Lets every shard write what is queued, at most for `drain`, then ends the threads. Proposals after that are
  /// unavailable.
  void stop(std::chrono::milliseconds drain);

private:
  class impl;
  explicit shard_host(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace muster::actors
