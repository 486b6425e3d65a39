#include "tests/simulation/simulator.hpp"

#include "tests/simulation/clients.hpp"

#include <algorithm>

namespace muster::simulation {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t calm_claims_max = 6;
constexpr auto owned_after = 8s;  // a frame of unknown outcome, a pause before the next claim, and the claim

/// One run: the nodes, their faults, and the clients.
class simulator {
public:
  simulator(std::uint64_t seed, bool with_trace, bool truncating);
  run_result run();

private:
  struct machine {
    std::string name;
    std::shared_ptr<node> process;  ///< null while it is down
    disk kept;
    bool from_the_beginning = false;  ///< the process folds the log from its first record on
  };

  void draw_plan(bool truncating);
  void start(machine& m);
  void crash(machine& m);
  void freeze_and_replace(std::size_t at);
  void restart_by_plan(machine& m);
  void pause(machine& m);
  void plan_fault();
  void plan_outage();
  void plan_truncation();
  void truncate();
  void plan_operator(std::size_t at);
  void operate(std::size_t at);
  void plan_verification(microseconds when);
  void plan_membership();
  void plan_tick(std::size_t at);
  void calm_down();

  std::shared_ptr<node> any_node();
  void check_end();
  bool calm() const { return w_.queue.now() >= calm_from_; }

  world w_;
  microseconds calm_from_{0};
  microseconds work_until_{0};
  microseconds end_{0};
  microseconds fault_gap_{0};
  microseconds pause_max_{0};
  bool busy_at_the_turn_ = false;
  std::vector<machine> machines_;
  clients clients_{w_, [this] { return any_node(); }};
  std::optional<std::size_t> owner_;  ///< the one node that should own the shard in the end
  int processes_ = 0;
  std::uint64_t claims_in_calm_ = 0;
  statistics counts_;
};

events::journal_id draw_journal(std::uint64_t seed) {
  return seeded_entropy(seed).draw_id<events::journal_id>();
}

simulator::simulator(std::uint64_t seed, bool with_trace, bool truncating)
    : w_(dice(seed).next(), with_trace, draw_journal(seed)) {
  draw_plan(truncating);
  w_.log.on_landed = [this](const engine::log_record& record) {
    const auto header = events::read_header(record.bytes);
    const bool claim = header && header->kind == events::frame_kind::claim;
    if (claim && w_.queue.now() > calm_from_) ++claims_in_calm_;  // the late ones land with the end of faults
    w_.fail_if(w_.seen.landed(record.offset.value(), record.bytes));
    w_.note([&] {
      const auto& s = w_.seen.now();
      return "offset " + std::to_string(record.offset.value()) + ": " +
             (claim    ? "claim"
              : header ? "batch"
                       : "foreign record") +
             (header ? " of epoch " + std::to_string(header->epoch.value()) + " by " + std::string(header->node) : "") +
             (s.counts ? " counts" : " is void") + "; sequence " + std::to_string(s.sequence) + ", epoch " +
             std::to_string(s.epoch);
    });
    for (const auto& m : machines_) {
      if (m.process) m.process->log_grew();
    }
  };
  const auto nodes = w_.plan.exclusive ? 1 : 2 + w_.roll.below(2);
  for (std::size_t i = 0; i < nodes; ++i) {
    machines_.push_back({"node-" + std::to_string(i), nullptr, {}, true});
    start(machines_.back());
    plan_tick(i);
  }
  plan_membership();
  plan_fault();
  plan_outage();
  plan_truncation();
  if (w_.plan.truncates) plan_verification(calm_from_ + 30s);
  clients_.plan(calm_from_, work_until_, busy_at_the_turn_);
  w_.queue.at(calm_from_, [this] { calm_down(); });
}

void simulator::draw_plan(bool truncating) {
  auto& roll = w_.roll;
  const auto rate = [&](unsigned most) { return roll.chance(400) ? 0U : static_cast<unsigned>(roll.below(most)); };
  auto& plan = w_.plan;
  plan.exclusive = roll.chance(100);
  if (roll.chance(250)) plan.frame_bytes_max = 1400;
  if (roll.chance(250)) plan.changed_keys_max = 12 + roll.below(24);
  plan.decision_max = roll.between(1ms, 400ms);
  plan.tail_delay = roll.chance(250) ? 20ms : 500us;
  plan.tail_delay_max = roll.between(20ms, 500ms);
  plan.save_per_mille = roll.chance(200) ? 1000 : 50 + static_cast<unsigned>(roll.below(400));
  plan.lag_per_mille = rate(700);
  plan.unasked_per_mille = rate(300);
  w_.log.faults = {rate(100), rate(150), rate(150), rate(200), rate(200), roll.between(100ms, 12s)};
  if (plan.exclusive) w_.log.faults = {rate(100), 0, 0, 0, 0, 0s};
  plan.truncates = !plan.exclusive && (roll.chance(120) || truncating);
  calm_from_ = w_.log.calm_from = roll.between(3s, 25s);
  work_until_ = calm_from_ + owned_after;
  end_ = calm_from_ + (plan.truncates ? 120s : 45s);
  fault_gap_ = roll.between(300ms, 8s);
  pause_max_ = roll.between(50ms, 12s);
  busy_at_the_turn_ = roll.chance(40) && !plan.truncates;
  if (busy_at_the_turn_) plan.decision_max = plan.tail_delay = plan.tail_delay_max = 1ms;
}

// ---- processes and their faults

void simulator::start(machine& m) {
  const auto at = static_cast<std::size_t>(&m - machines_.data());
  if (w_.log.away()) {  // it waits for the log
    w_.queue.after(200ms, [this, at] {
      if (!machines_[at].process) start(machines_[at]);
    });
    return;
  }
  if (!w_.log.holds(m.kept.position)) {
    w_.note([&] { return m.name + " refuses to start: the log does not hold what it has folded"; });
    if (w_.truncated_to.empty()) return w_.fail(m.name + " refuses to start without need");
    w_.alarmed = true;
    return plan_operator(at);
  }
  m.from_the_beginning = m.kept.position.next_offset == events::log_offset();
  m.process = std::make_shared<node>(w_, processes_++, m.name, m.kept);
  m.process->on_stopped = [this, at] { plan_operator(at); };
  w_.note([&] { return m.name + " starts at sequence " + std::to_string(m.kept.position.sequence.value()); });
  const bool told = owner_ ? at == *owner_ : w_.plan.exclusive || w_.roll.chance(500);
  if (told) m.process->should_own(true);
  m.process->log_grew();
}

// Somebody looks after a stopped shard, after a while.
void simulator::plan_operator(std::size_t at) {
  w_.queue.after(w_.roll.between(100ms, 2s), [this, at, was = std::weak_ptr(machines_[at].process)] {
    if (was.lock() == machines_[at].process) operate(at);
  });
}

// What the messages of a stopped shard say: fold the log anew, and only if that stops as well, repair it.
void simulator::operate(std::size_t at) {
  auto& m = machines_[at];
  if (w_.log.away()) return plan_operator(at);
  const auto stopped = m.process ? m.process->shard().stopped_at() : std::nullopt;
  const auto there = stopped ? w_.log.read(stopped->offset, 1) : std::vector<engine::log_record>();
  const bool still = !there.empty() && events::sha256(there.front().bytes) == stopped->hash;
  if (still && m.from_the_beginning && !m.process->astray()) {
    const auto* right = w_.seen.behind(stopped->offset.value());
    if (right == nullptr || !right->stops)
      return w_.fail(m.name + " stopped at a record that stops nobody: " + *m.process->shard().stopped());
    w_.note([&] { return "an operator repairs offset " + std::to_string(stopped->offset.value()); });
    ++counts_.repairs;
    events::frame f;
    f.kind = events::frame_kind::repair;
    f.journal = w_.journal;
    f.shard = events::shard_id(3);
    f.repaired = stopped->hash;
    f.by = "operator";
    f.reason = "a test";
    w_.log.land(events::encode_frame(f));
  } else {
    w_.note([&] { return "an operator rebuilds " + m.name; });
    ++counts_.rebuilds;
  }
  m.kept = {};
  m.process.reset();
  start(m);
}

// A comparison looks at the newest frames only: where others came behind the loss before it looked, and fit to what was
// lost, the node does not notice. `muster verify` does: it folds the log from its start, and compares what that gives.
void simulator::plan_verification(microseconds when) {
  w_.queue.at(when, [this] {
    for (auto& m : machines_) {
      if (!m.process || !m.process->astray() || m.process->shard().stopped()) continue;
      if (!w_.log.holds(m.process->shard().position()))
        return w_.fail(m.name + " has folded what the log does not hold, and does not compare the two");
      w_.note([&] { return "an operator verifies the log, and rebuilds " + m.name; });
      w_.alarmed = true;
      ++counts_.found_by_verification;
      ++counts_.rebuilds;
      m.kept = {};
      m.process.reset();
      start(m);
    }
  });
}

void simulator::crash(machine& m) {
  w_.note([&] { return m.name + " crashes"; });
  ++counts_.restarts;
  m.kept = m.process->saved();
  if (w_.plan.exclusive) w_.log.drop_from(m.process->number());
  m.process.reset();
  const auto at = static_cast<std::size_t>(&m - machines_.data());
  w_.queue.at(std::min(w_.queue.now() + w_.roll.between(20ms, 4s), std::max(calm_from_, w_.queue.now())), [this, at] {
    if (!machines_[at].process) start(machines_[at]);
  });
}

// Somebody thinks the process dead and starts it again elsewhere, with its name and a copy of its disk. It is not dead.
void simulator::freeze_and_replace(std::size_t at) {
  if (machines_.size() >= 4) return crash(machines_[at]);
  w_.note([&] { return machines_[at].name + " freezes, and is replaced"; });
  ++counts_.restarts;
  pause(machines_[at]);
  machines_.push_back({machines_[at].name, nullptr, machines_[at].process->saved(), false});
  start(machines_.back());
  plan_tick(machines_.size() - 1);
}

void simulator::restart_by_plan(machine& m) {
  w_.note([&] { return m.name + " drains"; });
  m.process->drain();
  const auto at = static_cast<std::size_t>(&m - machines_.data());
  w_.queue.at(std::min(w_.queue.now() + w_.roll.between(100ms, 3s), std::max(calm_from_, w_.queue.now())),
              [this, at, was = std::weak_ptr(m.process)] {
                if (const auto process = was.lock(); process && process == machines_[at].process) crash(machines_[at]);
              });
}

void simulator::pause(machine& m) {
  w_.note([&] { return m.name + " freezes"; });
  m.process->pause();
  const auto until = std::min(w_.queue.now() + w_.roll.between(10ms, pause_max_), std::max(calm_from_, w_.queue.now()));
  w_.queue.at(until, [this, weak = std::weak_ptr(m.process)] {
    if (const auto process = weak.lock()) {
      w_.note([&] { return process->name() + " goes on"; });
      process->resume();
    }
  });
}

void simulator::plan_fault() {
  w_.queue.after(w_.roll.between(10ms, fault_gap_), [this] {
    if (calm()) return;
    const auto at = static_cast<std::size_t>(w_.roll.below(machines_.size()));
    auto& m = machines_[at];
    const auto what = w_.roll.below(10);
    if (m.process && !m.process->paused()) {
      if (what < 3)
        crash(m);
      else if (what < 4 && !w_.plan.exclusive)
        freeze_and_replace(at);
      else if (what < 5)
        restart_by_plan(m);
      else if (what < 9)
        pause(m);
    }
    if (what == 9) w_.log.land("not a frame of ours");
    plan_fault();
  });
}

void simulator::plan_outage() {
  if (w_.plan.exclusive || !w_.roll.chance(300)) return;
  w_.queue.after(w_.roll.between(500ms, 15s), [this] {
    if (calm()) return;
    w_.note([] { return "the log is away"; });
    w_.log.go_away(w_.roll.between(100ms, w_.roll.chance(300) ? 20s : 3s));
    plan_outage();
  });
}

void simulator::plan_truncation() {
  if (!w_.plan.truncates) return;
  w_.queue.after(w_.roll.between(500ms, calm_from_), [this] {
    if (calm()) return;
    if (w_.roll.chance(500)) {
      const auto away = w_.roll.between(10ms, 8s);
      w_.log.go_away(away);
      w_.queue.after(away / 2, [this] { truncate(); });
    } else {
      truncate();
    }
    plan_truncation();
  });
}

void simulator::truncate() {
  const auto count = 1 + w_.roll.below(w_.roll.chance(300) ? 30 : 4);
  if (calm() || w_.log.size() == 0) return;
  w_.log.truncate(count);
  w_.seen.truncated(w_.log.size());
  const auto left = w_.seen.now().sequence;
  w_.note(
      [&] { return "the log loses " + std::to_string(count) + " records, down to sequence " + std::to_string(left); });
  w_.truncated_to.push_back(left);
  if (w_.answered > left) {
    w_.lost = true;
    w_.answered = left;
    w_.answered_when.emplace_back(w_.queue.now(), left);
  }
  for (const auto& m : machines_) {
    if (m.process) m.process->log_was_truncated();
  }
}

// What nodes are told about who should own the shard is often wrong: nobody, or several at once.
void simulator::plan_membership() {
  if (w_.plan.exclusive) return;
  w_.queue.after(w_.roll.between(100ms, 5s), [this] {
    if (calm()) return;
    const auto told = w_.roll.below(4);
    const auto one = w_.roll.below(machines_.size());
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      const bool yes = told < 2 ? i == one : told == 2 ? w_.roll.chance(500) : true;
      if (machines_[i].process) machines_[i].process->should_own(yes);
    }
    plan_membership();
  });
}

void simulator::plan_tick(std::size_t at) {
  w_.queue.after(w_.roll.between(100ms, 300ms), [this, at] {
    if (machines_[at].process) machines_[at].process->tick();
    plan_tick(at);
  });
}

void simulator::calm_down() {
  w_.note([] { return "faults end"; });
  w_.log.faults = {};
  w_.plan.unasked_per_mille = 0;
  // Drawn a little later, so that whoever is to start or to go on at this moment has done so.
  w_.queue.at(calm_from_ + owned_after, [this] {
    if (w_.plan.truncates) return;  // operators may be at work
    const auto& m = machines_[*owner_];
    if (!m.process || !m.process->shard().open()) w_.fail(m.name + " should own the shard, and cannot have it");
  });
  w_.queue.after(1us, [this] {
    owner_ = w_.roll.below(machines_.size());
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      if (machines_[i].process) machines_[i].process->should_own(i == *owner_);
    }
    w_.note([&] {
      return "from now on process " + std::to_string(*owner_) + ", " + machines_[*owner_].name + ", should own";
    });
  });
}

// Whom a client asks: any node, the owner more often; null if that one is down.
std::shared_ptr<node> simulator::any_node() {
  auto at = w_.roll.below(machines_.size());
  const auto open =
      std::ranges::find_if(machines_, [](const machine& each) { return each.process && each.process->shard().open(); });
  if (open != machines_.end() && w_.roll.chance(600)) at = static_cast<std::size_t>(open - machines_.begin());
  return machines_[at].process;
}

// ---- the end

void simulator::check_end() {
  std::size_t open = 0;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    const auto& m = machines_[i];
    const auto who = "process " + std::to_string(i) + ", " + m.name + ", ";
    if (!m.process) return w_.fail(who + "is down in the end");
    const auto& process = *m.process;
    const bool drained = process.shard().open() && i != *owner_;
    if (process.shard().stopped()) return w_.fail(who + "has stopped in the end: " + *process.shard().stopped());
    if (process.astray()) return w_.fail(who + "has folded what the log does not hold, and has not noticed");
    if (drained) return w_.fail(who + "holds the shard in the end and should not");
    if (process.shard().open()) ++open;
    if (!process.idle()) return w_.fail(who + "never ends: something is queued or in flight");
    const auto& seen = w_.seen.now();
    if (process.shard().position().sequence.value() != seen.sequence || process.shard().position().head != seen.head) {
      return w_.fail(who + "has not folded the log to its end");
    }
    if (process.table() != w_.seen.table()) return w_.fail(who + "has other rows than the log says");
  }
  if (open != 1) w_.fail("nobody holds the shard in the end");
  if (claims_in_calm_ > calm_claims_max && !w_.plan.truncates) {
    w_.fail(std::to_string(claims_in_calm_) + " claims were needed once faults had ended");
  }
}

run_result simulator::run() {
  while (!w_.violation && w_.queue.step(end_)) {
  }
  if (!w_.violation) check_end();
  counts_.frames = w_.seen.frames();
  counts_.void_frames = w_.seen.void_frames();
  counts_.claims = w_.seen.claims();
  counts_.answers = clients_.answers();
  counts_.given_up = clients_.given_up();
  counts_.conflicts = w_.conflicts;
  counts_.claims_in_calm = w_.plan.truncates ? 0 : claims_in_calm_;
  counts_.aged_reads = w_.aged_reads;
  counts_.stale_answers = w_.stale_answers;
  counts_.truncated_runs = w_.truncated_to.empty() ? 0 : 1;
  counts_.losing_runs = w_.lost ? 1 : 0;
  counts_.silent_runs = w_.lost && !w_.alarmed ? 1 : 0;
  return {w_.violation, std::move(w_.trace), counts_};
}

}  // namespace

void statistics::add(const statistics& other) {
  frames += other.frames;
  void_frames += other.void_frames;
  claims += other.claims;
  answers += other.answers;
  given_up += other.given_up;
  conflicts += other.conflicts;
  restarts += other.restarts;
  aged_reads += other.aged_reads;
  truncated_runs += other.truncated_runs;
  losing_runs += other.losing_runs;
  silent_runs += other.silent_runs;
  repairs += other.repairs;
  rebuilds += other.rebuilds;
  found_by_verification += other.found_by_verification;
  stale_answers += other.stale_answers;
  claims_in_calm = std::max(claims_in_calm, other.claims_in_calm);
}

run_result run(std::uint64_t seed, bool with_trace, bool truncating) {
  return simulator(seed, with_trace, truncating).run();
}

}  // namespace muster::simulation
