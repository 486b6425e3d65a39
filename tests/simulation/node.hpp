#pragma once

#include "engine/limits.hpp"
#include "engine/read_gate.hpp"
#include "engine/shard.hpp"
#include "tests/simulation/world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace muster::simulation {

/// What a process keeps over its end: rows and position, written together.
struct disk {
  rows table;
  engine::log_position position;
};

/// Whether an operator's repair behind `offset` names the record `hash`: as engine::repairs_in finds it.
bool repaired(const simulated_log& log, events::log_offset offset, const events::digest& hash);

/// One process of a node: the shard, projections, actors and answers around it, as the real node has them. It never
/// touches another process but through the log.
class node : public std::enable_shared_from_this<node> {
public:
  using reply = std::function<void(const answer&)>;

  /// `number` is unique among processes, `name` is not: a replaced process and its replacement share it.
  node(world& w, int number, std::string name, disk start);

  /// A command arrives. `r` is called at most once: never if the process ends first.
  void submit(const command& c, reply r);
  void log_grew();
  void tick();
  void should_own(bool yes);
  void drain();

  /// Stops for a while: what happens to it meanwhile happens when it resumes.
  void pause() { paused_ = true; }
  void resume();

  int number() const { return number_; }
  const std::string& name() const { return name_; }
  bool paused() const { return paused_; }
  const disk& saved() const { return saved_; }
  const rows& table() const { return table_; }
  const engine::shard& shard() const { return shard_; }
  bool idle() const { return shard_.idle() && pending_.empty() && gate_.idle(); }
  /// What it has folded is not what the log says: the log lost it.
  bool astray() const { return astray_; }
  /// Looks whether the truncated log still has what was folded.
  void log_was_truncated();
  /// Called when the shard stops.
  std::function<void()> on_stopped;

private:
  struct decision {
    std::optional<effect> event;
    std::vector<engine::key_read> reads;
    answer otherwise;  ///< if there is no event
  };
  struct pending {
    command what;
    reply tell;
    std::uint64_t answered_before;  ///< when the command arrived
    std::size_t truncations;        ///< then
    events::timestamp deadline;
    int conflicts = 0;
    bool admitted = false;  ///< its actor is busy with it
    decision decided;
  };
  struct actor {
    device_row row;
    events::log_sequence seen;  ///< current as of
    std::size_t next_frame;     ///< the first of `frames_` it has not evolved
  };
  struct folded {
    std::vector<effect> effects;
    events::log_sequence after;
  };

  /// Does `what` now, or when the process resumes.
  void run(std::function<void()> what);
  void run_after(microseconds delay, std::function<void()> what);
  events::timestamp now() const;

  // node.cpp: the log and the writer
  void read_log();
  void fold(const engine::log_record& record);
  void check_log(const engine::log_position& position);
  void save();
  void flush();
  void send(engine::shard::frame_to_send&& next);
  void outcome_known(engine::append_outcome outcome, const engine::outgoing_frame& frame);
  void stopped_here();
  void answer_early(const engine::outgoing_frame& frame);
  void settled(int attempt, const engine::settlement& s);
  void finish(pending& p, const answer& a);
  void finish_read(pending& p, const engine::read_permit& permit);

  // node_decisions.cpp
  void read(pending&& p);
  void admit(pending&& p);
  void release(const command& c);
  void decide(int attempt, pending&& p);
  decision decide(const command& c);
  void decide_registration(const command& c, decision& d);
  void propose(int attempt);
  actor& load(int device);
  void refresh_snapshot();

  world& world_;
  int number_;
  std::string name_;
  seeded_entropy random_;
  engine::shard shard_;
  engine::read_gate gate_{engine::limits::read_recent_max};
  rows table_;
  disk saved_;
  microseconds skew_;      ///< of its clock
  microseconds distance_;  ///< to the log

  bool paused_ = false;
  std::deque<std::function<void()>> inbox_;
  bool reading_ = false;
  bool flushing_ = false;
  bool flush_planned_ = false;
  bool caught_up_ = false;
  bool astray_ = false;
  bool told_stopped_ = false;
  events::log_offset end_seen_;  ///< for the defect of an end that was asked for earlier

  std::map<int, pending> pending_;              ///< by attempt
  std::map<int, std::deque<pending>> waiting_;  ///< by actor: behind the command it is busy with
  std::map<int, actor> actors_;                 ///< by device
  std::vector<folded> frames_;                  ///< accepted since the process started
  std::array<bool, groups> snapshot_{};
  events::log_sequence snapshot_seen_;
};

}  // namespace muster::simulation
