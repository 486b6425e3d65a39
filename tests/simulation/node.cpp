#include "tests/simulation/node.hpp"

#include "tests/simulation/defects.hpp"

namespace muster::simulation {

using namespace std::chrono_literals;
using engine::append_outcome;
using engine::settlement_kind;

namespace {

engine::shard_options options_for(const world& w, const std::string& name) {
  return {w.journal,
          events::shard_id(3),
          name,
          w.plan.exclusive,
          w.plan.frame_bytes_max,
          w.plan.changed_keys_max,
          [&w](events::log_offset offset, const events::digest& hash) { return repaired(w.log, offset, hash); }};
}

}  // namespace

bool repaired(const simulated_log& log, events::log_offset offset, const events::digest& hash) {
  if (planted(defect::repairs_ignored)) return false;
  for (const auto& record : log.read(offset.next(), log.size())) {
    const auto header = events::read_header(record.bytes);
    if (header && header->kind == events::frame_kind::repair && header->repaired == hash) return true;
  }
  return false;
}

node::node(world& w, int number, std::string name, disk start)
    : world_(w), number_(number), name_(std::move(name)), random_(w.roll.next()),
      shard_(options_for(w, name_), start.position, random_), table_(start.table), saved_(std::move(start)),
      skew_(w.roll.between(0s, 2s)), distance_(w.roll.chance(300) ? w.roll.between(0s, 20ms) : 0s) {
  refresh_snapshot();
  const auto* right = world_.seen.behind(shard_.position().last_offset.value());
  if (shard_.position().next_offset == events::log_offset() || world_.truncated_to.empty()) return;
  astray_ = right == nullptr || right->head != shard_.position().head;
}

void node::run(std::function<void()> what) {
  if (paused_)
    inbox_.push_back(std::move(what));
  else
    what();
}

void node::run_after(microseconds delay, std::function<void()> what) {
  world_.queue.after(delay, [weak = weak_from_this(), what = std::move(what)]() mutable {
    if (const auto self = weak.lock()) self->run(std::move(what));
  });
}

void node::resume() {
  paused_ = false;
  while (!paused_ && !inbox_.empty()) {
    const auto next = std::move(inbox_.front());
    inbox_.pop_front();
    next();
  }
}

events::timestamp node::now() const {
  return events::timestamp(24h + world_.queue.now() + skew_);
}

void node::should_own(bool yes) {
  run([this, yes] {
    shard_.should_own(yes);
    flush();
  });
}

void node::drain() {
  run([this] {
    shard_.drain();
    flush();
  });
}

void node::tick() {
  if (paused_) return;
  end_seen_ = world_.log.end();
  if (!reading_) read_log();
}

void node::log_grew() {
  if (reading_) return;
  reading_ = true;
  run_after(world_.roll.between(50us, world_.roll.chance(100) ? world_.plan.tail_delay_max : world_.plan.tail_delay),
            [this] { read_log(); });
}

void node::read_log() {
  reading_ = false;
  if (shard_.stopped()) return;
  caught_up_ = false;
  if (world_.log.away()) {
    run_after(100ms, [this] { log_grew(); });
    return flush();
  }
  const auto records = world_.log.read(shard_.position().next_offset, 1 + world_.roll.below(8));
  caught_up_ = records.empty();
  for (const auto& record : records) {
    fold(record);
    if (shard_.stopped()) break;
  }
  flush();
  if (!records.empty()) log_grew();
}

void node::fold(const engine::log_record& record) {
  const auto frame = shard_.fold(record);
  if (shard_.stopped()) return stopped_here();
  if (frame) {
    folded what{{}, frame->after.sequence};
    for (const auto& each : frame->records) {
      what.effects.push_back(to_effect(each));
      evolve(table_, what.effects.back(), each.meta.sequence.value());
    }
    frames_.push_back(std::move(what));
    if (!world_.roll.chance(world_.plan.lag_per_mille)) refresh_snapshot();
  }
  const auto& mine = shard_.position();
  const auto* right = world_.seen.behind(record.offset.value());
  const bool same = right != nullptr && right->counts == frame.has_value() &&
                    right->sequence == mine.sequence.value() && right->head == mine.head &&
                    right->epoch == mine.epoch.value() && right->incarnation == mine.incarnation;
  if (!same && world_.truncated_to.empty()) {
    return world_.fail(name_ + " folded the record at offset " + std::to_string(record.offset.value()) +
                       " to sequence " + std::to_string(mine.sequence.value()) + ", epoch " +
                       std::to_string(mine.epoch.value()) + ", which is not what the rule says");
  }
  if (same) astray_ = false;  // the log had lost nothing that counted: equal heads are equal histories
  if (!same && !astray_) {
    world_.note([&] { return name_ + " is astray from offset " + std::to_string(record.offset.value()) + " on"; });
    astray_ = true;
  }
  if (world_.roll.chance(world_.plan.save_per_mille)) save();
}

void node::log_was_truncated() {
  if (shard_.position().next_offset <= world_.log.end() || astray_) return;
  world_.note([&] { return name_ + " has folded what the log has lost"; });
  astray_ = true;
}

// Without a truncation nothing may stop a shard.
void node::stopped_here() {
  if (told_stopped_) return;
  told_stopped_ = true;
  world_.note([&] { return name_ + " stops: " + *shard_.stopped(); });
  if (world_.truncated_to.empty()) return world_.fail(name_ + " stopped without need: " + *shard_.stopped());
  world_.alarmed = true;
  if (on_stopped) on_stopped();
}

// As engine::check_continues does it; the log may be asked at any time after the position was taken.
void node::check_log(const engine::log_position& position) {
  const auto found = [&]() -> engine::result<void> {
    if (world_.log.away() || world_.roll.chance(world_.plan.unasked_per_mille))
      return engine::fail(engine::errc::unavailable, "away");
    if (planted(defect::end_asked_earlier) && end_seen_ < position.next_offset)
      return engine::fail(engine::errc::corrupt, "the log ends too early");
    if (world_.log.holds(position)) return {};
    return engine::fail(engine::errc::corrupt, "the log does not hold what was folded");
  }();
  if (!found) world_.note([&] { return name_ + " compares the log with its fold: " + found.error().text; });
  shard_.checked(found, now());
  if (shard_.stopped()) stopped_here();
  flush();
}

void node::save() {
  const bool apart = planted(defect::position_apart_from_rows);
  const bool rows_only = apart && world_.roll.chance(500);
  if (!apart || rows_only) saved_.table = table_;
  if (!rows_only) saved_.position = shard_.position();
  if (planted(defect::position_without_claim)) {
    saved_.position.epoch = {};
    saved_.position.incarnation = {};
  }
}

void node::flush() {
  if (flushing_) return;
  flushing_ = true;
  while (!world_.violation) {
    gate_.round(shard_, now());
    const auto due = shard_.take_settlements();
    for (const auto& each : due) each.settled(each.what);
    if (!due.empty()) continue;
    auto next = shard_.next_frame(now(), caught_up_);
    if (const auto position = shard_.next_check(now(), caught_up_)) {
      run_after(world_.roll.between(100us, 5ms), [this, position = *position] { check_log(position); });
    }
    if (next)
      send(std::move(*next));
    else if (auto rest = shard_.take_settlements(); rest.empty())
      break;
    else {
      for (const auto& each : rest) each.settled(each.what);
    }
  }
  flushing_ = false;
}

void node::send(engine::shard::frame_to_send&& next) {
  if (!next.keys.empty() && world_.roll.chance(100)) {
    world_.note([&] { return name_ + " cannot store keys"; });
    return shard_.not_sent();
  }
  world_.note([&] {
    const auto h = events::read_header(next.frame.bytes);
    return name_ + (h->kind == events::frame_kind::claim ? " sends a claim of epoch " : " sends a batch of epoch ") +
           std::to_string(h->epoch.value()) + ", " + std::to_string(h->count) + " events from sequence " +
           std::to_string(h->first_sequence.value());
  });
  if (planted(defect::answer_when_sent)) answer_early(next.frame);
  world_.log.send(number_, distance_, next.frame.bytes,
                  [weak = weak_from_this(), frame = next.frame](append_outcome outcome) {
                    const auto self = weak.lock();
                    if (!self) return;
                    self->run([me = self.get(), outcome, frame] { me->outcome_known(outcome, frame); });
                  });
}

void node::outcome_known(append_outcome outcome, const engine::outgoing_frame& frame) {
  if (outcome != append_outcome::durable) {
    world_.note(
        [&] { return name_ + (outcome == append_outcome::refused ? " hears: refused" : " hears: outcome unknown"); });
  }
  if (planted(defect::answer_at_delivery) && outcome == append_outcome::durable) answer_early(frame);
  shard_.appended(outcome, now());
  flush();
}

void node::answer_early(const engine::outgoing_frame& frame) {
  const auto header = events::read_header(frame.bytes);
  if (header->kind == events::frame_kind::claim) return;
  const auto records = events::read_records(*header);
  for (const auto& each : *records) {
    const auto found = pending_.find(to_effect(each).attempt);
    if (found == pending_.end()) continue;
    auto p = std::move(found->second);
    pending_.erase(found);
    finish(p, {answer_kind::done, each.meta.sequence.value(), 0, {}});
  }
}

void node::settled(int attempt, const engine::settlement& s) {
  if (s.kind != settlement_kind::committed && !s.in_doubt && !astray_) world_.fail_if(world_.seen.given_up(attempt));
  const auto found = pending_.find(attempt);
  if (found == pending_.end()) return;
  auto p = std::move(found->second);
  pending_.erase(found);
  switch (s.kind) {
  case settlement_kind::committed: {
    auto a = p.decided.otherwise;
    if (p.decided.event)
      a = {answer_kind::done, s.first_sequence.value(), 0, {}};
    else
      a.as_of = s.first_sequence.value() - 1;
    return finish(p, a);
  }
  case settlement_kind::conflict:
    ++world_.conflicts;
    world_.note([&] { return name_ + ": attempt " + std::to_string(attempt) + " conflicts"; });
    if (s.reload_at > shard_.position().sequence)
      world_.fail("a conflict asks for a state that the projections do not have");
    if (++p.conflicts > engine::limits::conflict_retries_max) world_.fail("a decision conflicts for ever");
    if (!planted(defect::conflict_without_reload)) {
      actors_.erase(p.what.device);
      refresh_snapshot();
    }
    return decide(++world_.attempts, std::move(p));
  default:
    return finish(p, {});
  }
}

void node::finish(pending& p, const answer& a) {
  world_.note([&] { return name_ + " answers " + to_text(p.what) + ": " + to_text(a); });
  if (a.kind != answer_kind::unavailable && astray_) {
    ++world_.stale_answers;
  } else {
    const auto before = world_.left_of(p.answered_before, p.truncations);
    if (auto wrong = world_.seen.check(p.what, a, before)) {
      return world_.fail(name_ + " answered " + to_text(p.what) + " with '" + to_text(a) + "': " + *wrong);
    }
    if (a.kind == answer_kind::done || a.kind == answer_kind::recorded) world_.heard(a.sequence);
    if (a.kind != answer_kind::unavailable) world_.heard(a.as_of);
  }
  p.tell(a);
  if (p.admitted) release(p.what);
}

// A read sees all that had been answered when it arrived, or at most so long ago as it may be old, or says it is.
void node::finish_read(pending& p, const engine::read_permit& permit) {
  if (!permit.granted) return finish(p, {});
  auto old = microseconds(0);
  if (p.what.kind == command_kind::read_device) old = engine::limits::read_recent_max;
  if (permit.age) {
    ++world_.aged_reads;
    old = *permit.age;
    if (p.what.kind == command_kind::read_exactly) return world_.fail("an exact read is said to be old");
  }
  p.answered_before = std::min(p.answered_before, world_.answered_at(world_.queue.now() - old));
  const auto sequence = shard_.position().sequence.value();
  finish(p, {answer_kind::read, 0, sequence, table_.device[static_cast<std::size_t>(p.what.device)]});
}

}  // namespace muster::simulation
