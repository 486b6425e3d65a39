#include "actors/shard_slot.hpp"
#include "engine/fold.hpp"
#include "engine/limits.hpp"

#include <algorithm>
#include <utility>

/// What a shard's thread does with the shard, over and over.
namespace muster::actors {

using engine::errc;
using engine::log_level;

namespace {

bool destroys_keys(const engine::folded_frame& frame) {
  return std::ranges::any_of(frame.events,
                             [](const events::recorded_event& e) { return engine::key_to_destroy(e.data) != nullptr; });
}

}  // namespace

bool shard_slot::round(bool draining) {
  if (!draining && open_up()) return true;
  if (writer_ && draining) writer_->drain();
  bool took = take_in();
  took = take_reads() || took;
  const auto log_state = fold_new();
  if (writer_ && writer_->stopped() && !is_stopped_) halt(*writer_->stopped());
  deliver();
  if (writer_ && !writer_->stopped()) {
    writer_->should_own(true);
    if (!draining) end_hour();
    const bool caught_up = log_state == followed::to_its_end;
    if (auto position = writer_->next_check(d_.clock.now(), caught_up))
      around_.watch.post(reports_, id_, std::move(*position));
    if (auto frame = writer_->next_frame(d_.clock.now(), caught_up)) around_.journal.post(reports_, std::move(*frame));
    deliver();
    erase_due_keys();
  }
  take_offered_generation();
  announce();
  if (draining && at_rest()) around_.changed();
  return took || log_state == followed::partly;
}

bool shard_slot::take_in() {
  std::vector<engine::proposal> proposals;
  const auto reports = reports_->take();
  {
    const std::lock_guard lock(mutex_);
    proposals.swap(inbox_);
    if (!proposals.empty()) is_at_rest_ = false;
    inbox_size_.store(0, std::memory_order_relaxed);
  }
  for (const auto& report : reports) take_report(report);
  for (auto& p : proposals) {
    if (writer_)
      writer_->propose(std::move(p));
    else
      p.settled({});
  }
  return !proposals.empty() || !reports.empty();
}

bool shard_slot::take_reads() {
  std::vector<asked_read> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(reads_);
  }
  const auto now = d_.clock.now();
  for (auto& each : asked) {
    if (writer_)
      gate_.ask(each.kind, std::move(each.go), *writer_, now);
    else
      each.go({});
  }
  return !asked.empty();
}

void shard_slot::take_report(const shard_report& report) {
  switch (report.what) {
  case shard_report::about::appended:
    return take_appended(report);
  case shard_report::about::not_sent:
    complain(not_written_, "a frame could not be written", report.why);
    return writer_->not_sent();
  case shard_report::about::keys:
    return take_erased(report);
  case shard_report::about::log:
    return take_compared(report);
  }
}

void shard_slot::take_appended(const shard_report& report) {
  d_.telemetry.append_latency.observe(report.took);
  if (report.outcome == engine::append_outcome::refused)
    complain(not_written_, "a frame could not be written", d_.journal.trouble());
  if (report.outcome == engine::append_outcome::unknown)
    complain(not_written_, "it is not known whether a frame was written", d_.journal.trouble());
  writer_->appended(report.outcome, d_.clock.now());
}

void shard_slot::take_erased(const shard_report& report) {
  erasing_keys_ = false;
  if (!report.why.empty()) {
    keys_may_be_due_ = true;  // again after the interval
    return complain(not_erased_, "data keys cannot be destroyed", report.why);
  }
  if (const auto noted = projection_->keys_destroyed(report.destroyed); !noted) halt_by_projections(noted.error());
}

void shard_slot::take_compared(const shard_report& report) {
  writer_->checked(report.compared, d_.clock.now());
  if (!report.compared && !writer_->stopped())
    complain(not_compared_, "the journal cannot be asked where it ends", report.compared.error().text);
}

/// Folds what the log has that the shard has not seen.
shard_slot::followed shard_slot::fold_new() {
  if (!writer_ || writer_->stopped()) return followed::not_at_all;
  auto records = d_.journal.read(id_, writer_->position().next_offset, engine::limits::tail_read_bytes);
  if (!records) {
    if (records.error().code == errc::corrupt)
      halt(records.error().text);
    else
      complain(unreadable_, "the journal cannot be read", records.error().text);
    return followed::not_at_all;
  }
  if (records->empty()) return followed::to_its_end;
  std::vector<engine::folded_frame> frames;
  std::vector<engine::folded_bytes> for_feed;
  const bool has_followers = d_.feed != nullptr && d_.feed->followed();
  for (auto& record : *records) {
    auto accepted = writer_->fold(record);
    if (writer_->stopped()) break;
    if (!accepted) continue;
    auto read = engine::read_events(std::move(*accepted));
    if (!read) {
      halt(read.error().text);
      break;
    }
    count(*read);
    if (has_followers && !read->events.empty()) {
      for_feed.push_back({read->offset, read->events.front().meta.sequence, read->events.back().meta.sequence,
                          std::move(record.bytes)});
    }
    frames.push_back(std::move(*read));
  }
  if (!frames.empty()) frames.back().after = writer_->position();
  take_frames(frames);
  if (!for_feed.empty() && !writer_->stopped()) d_.feed->folded(id_, std::move(for_feed));
  return writer_->stopped() ? followed::not_at_all : followed::partly;
}

void shard_slot::take_frames(const std::vector<engine::folded_frame>& frames) {
  if (frames.empty() || writer_->stopped()) return;
  if (const auto applied = projection_->apply(frames); !applied)
    return halt_by_projections(applied.error(), "the projections cannot take a frame: ");
  for (const auto& frame : frames) {
    scopes_.fold(frame);
    note_hour(frame);
  }
  keys_may_be_due_ = keys_may_be_due_ || std::ranges::any_of(frames, destroys_keys);
  if (announced_open_ || writer_->open()) publish();
}

void shard_slot::publish() {
  auto changed = scopes_.take_changed();
  if (!changed) return halt(changed.error().text);
  for (auto& snapshot : *changed) d_.catalog.publish(std::move(snapshot));
  d_.catalog.folded_to(id_, writer_->position().sequence);
}

void shard_slot::count(const engine::folded_frame& frame) {
  auto& t = d_.telemetry;
  ++t.frames_accepted;
  if (frame.kind == events::frame_kind::claim) ++t.claims_accepted;
  t.events_folded += frame.events.size();
}

void shard_slot::deliver() {
  if (!writer_) {
    is_at_rest_ = true;
    return;
  }
  for (auto& due : writer_->take_settlements()) {
    auto& t = d_.telemetry;
    if (due.what.kind == engine::settlement_kind::committed) ++t.proposals_committed;
    if (due.what.kind == engine::settlement_kind::conflict) ++t.proposals_in_conflict;
    if (due.what.kind == engine::settlement_kind::overloaded) ++t.proposals_overloaded;
    due.settled(due.what);
  }
  tell_of_void_frames();
  const std::uint64_t queued = writer_->queued();
  d_.telemetry.proposals_queued += queued - std::exchange(queued_told_, queued);
  const auto confirmed = writer_->confirmed();
  confirmed_us_.store(confirmed ? confirmed->time_since_epoch().count() : 0, std::memory_order_release);
  gate_.round(*writer_, d_.clock.now());
  is_at_rest_ = writer_->idle();
}

void shard_slot::tell_of_void_frames() {
  const auto number = writer_->void_frames();
  const auto more = number - std::exchange(void_frames_told_, number);
  if (more == 0) return;
  d_.telemetry.frames_void += more;
  if (const auto held_back = void_seen_.let_through()) {
    d_.log.write(log_level::warning, "void frame on the log",
                 {{"shard", std::to_string(id_.value())},
                  {"frame", writer_->last_void_frame()},
                  {"timesSinceLastLine", std::to_string(*held_back)}});
  }
}

void shard_slot::announce() {
  const bool open = writer_ && writer_->open();
  if (open == announced_open_) return;
  if (open) {
    publish();
    if (writer_->stopped()) return;
    d_.catalog.set_view(id_, projection_);
    ++d_.telemetry.shards_open;
  } else {
    d_.catalog.set_view(id_, nullptr);
    --d_.telemetry.shards_open;
  }
  announced_open_ = open;
  is_open_.store(open, std::memory_order_release);
  d_.log.write(log_level::info, open ? "shard opened" : "shard closed",
               {{"shard", std::to_string(id_.value())},
                {"sequence", std::to_string(writer_->position().sequence.value())},
                {"epoch", std::to_string(writer_->position().epoch.value())}});
  around_.changed();
}

}  // namespace muster::actors
