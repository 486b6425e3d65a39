#include "actors/device.hpp"

#include "actors/rejections.hpp"
#include "actors/supervision.hpp"
#include "engine/limits.hpp"
#include "engine/recorded_answer.hpp"
#include "events/describe.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace muster::actors {

using namespace std::chrono_literals;
namespace limits = engine::limits;
using engine::rejection_code;

device::~device() {
  if (ties_) --deps().telemetry.device_actors;
}

void device::init(device_identity who, device_actor::pointer self) {
  ties_ = std::move(who.ties);
  alone_ = who.alone;
  self_ = self;
  ++deps().telemetry.device_actors;
}

// ---- one command at a time

void device::take(command_ptr c) {
  ++received_;
  if (!work_) {
    wake();
    return start(std::move(c));
  }
  // A register that finds another one undecided costs less than one of its own, so more of them may wait.
  c->may_join = registering() && std::holds_alternative<engine::register_device>(c->what);
  if (work_->queue.size() >= (c->may_join ? limits::device_joins_max : limits::device_queue_max)) {
    return c->answer(beyond_quota("Too many requests for this device are waiting.", 1s));
  }
  c->stage.enter(deps().telemetry, engine::command_stage::queued);
  work_->queue.push_back(std::move(c));
}

void device::wake() {
  work_ = std::make_unique<work>();
  auto kept = row_.empty() ? std::nullopt : events::from_row<engine::device_state>(row_);
  work_->loaded = kept.has_value();
  if (kept) work_->state = std::move(*kept);
}

void device::rest() {
  if (work_->changed) {
    row_ = events::to_row(work_->state);
    row_.shrink_to_fit();
  }
  work_.reset();
}

void device::answer_may_you_go() {
  if (!work_) self_->send(ties_->parent, ready_to_go{received_, self_->id()});
}

bool device::registering() const {
  return std::holds_alternative<engine::register_device>(work_->current->what);
}

void device::start(command_ptr c) {
  work_->current = std::move(c);
  work_->current->stage.enter(deps().telemetry, engine::command_stage::deciding);
  if (work_->current->deadline < deps().clock.now()) return finish_with(too_late());
  decide_current();
}

void device::decide_current() {
  work_->scope = deps().catalog.find(ties_->scope);
  if (work_->scope.value) work_->view = deps().catalog.view(work_->scope.value->shard);
  if (!work_->scope.value || !work_->view) return finish_with(not_open());
  if (!load()) return finish_with(unavailable("The device's data cannot be read."));
  work_->decision = {};
  work_->verdict.reset();
  if (!open_keys()) return finish_with(unavailable("The device's keys cannot be opened."));
  if (repeats_recorded_command()) return;
  decide_loaded();
}

// The state as of now. This actor is the only writer of its stream as long as the claim under which it was loaded
// holds: then it is current up to whatever has been folded. The successor of an actor that died cannot know that.
bool device::load() {
  const auto position = work_->view->position();
  if (work_->loaded && alone_ && position.epoch == loaded_in_) {
    work_->seen = position.sequence;
    return true;
  }
  forget();
  auto stored = work_->view->device(ties_->scope, id());
  if (!stored) {
    deps().log.write(engine::log_level::error, "a device cannot be read",
                     {{"registrationId", id().text()}, {"error", stored.error().text}});
    return false;
  }
  work_->state = std::move(stored->value);
  work_->seen = stored->sequence;
  loaded_in_ = position.epoch;
  work_->loaded = work_->changed = true;
  return true;
}

void device::forget() {
  row_.clear();
  work_->loaded = work_->changed = false;
  work_->enrollment = {};
  record_key_.reset();
}

bool device::open_keys() {
  const auto opened =
      actors::open_keys(work_->current->what, work_->state, stream(), deps().keyring, work_->enrollment, record_key_);
  if (opened) return true;
  deps().log.write(engine::log_level::error, "a device's keys cannot be opened",
                   {{"idScope", ties_->scope.text()}, {"registrationId", id().text()}, {"error", opened.error().text}});
  return false;
}

// True if it was answered so, or if that cannot be found out.
bool device::repeats_recorded_command() {
  auto recorded = engine::find_recorded(work_->current->who, ties_->scope, work_->scope.value->shard, *work_->view,
                                        deps().history, deps().keyring);
  if (!recorded) {
    finish_with(unavailable("The earlier answer to this Idempotency-Key cannot be read."));
    return true;
  }
  work_->command_seen = recorded->seen;
  if (!recorded->found) return false;
  finish_with(std::move(*recorded->found));
  return true;
}

// ---- to the log and back

void device::propose(engine::decision d) {
  work_->decision = std::move(d);
  if (work_->decision.rejected && work_->decision.rejected->code == rejection_code::unavailable) {
    deps().log.write(engine::log_level::error, "a device's command cannot be decided",
                     {{"registrationId", id().text()}, {"error", work_->decision.rejected->message}});
    return finish_with(*work_->decision.rejected);
  }
  auto p = engine::to_proposal(work_->decision, work_->current->who, &ties_->scope, work_->command_seen,
                               work_->current->deadline);
  work_->proposed_bytes = bytes_of(p);
  p.settled = [to = device_actor(self_)](const engine::settlement& what) {
    caf::anon_send(to, proposal_settled{what});
  };
  deps().shards.propose(work_->scope.value->shard, std::move(p));
}

void device::settle(const engine::settlement& what) {
  if (!work_) return;
  if (what.kind == engine::settlement_kind::committed) return committed(what);
  if (what.kind == engine::settlement_kind::conflict || what.in_doubt) forget();
  if (begins_anew(*work_->current, what)) return decide_current();
  finish_with(engine::not_recorded(what));
}

void device::committed(const engine::settlement& what) {
  const auto stream = this->stream();
  spend();
  auto sequence = what.first_sequence;
  for (auto& e : work_->decision.events) {
    if (e.stream == stream) {
      const events::recorded_event recorded{{stream, e.version, sequence, what.time, {}, {}, {}, {}, false},
                                            std::move(e.data)};
      evolve(work_->state, recorded);
      work_->changed = true;
      note_for_joins(recorded.data);
    }
    sequence = sequence.next();
  }
  if (!work_->decision.events.empty()) {
    work_->enrollment = {};  // looked up anew when needed; the record's own key is at hand
    record_key_ = record_key_after(work_->decision, work_->state, std::move(record_key_));
  }
  finish_with(answer_after_commit());
}

void device::spend() {
  const auto events = work_->decision.events.size();
  if (events == 0) return;
  const bool registered = registering() && work_->verdict->attested();
  ties_->budget.wrote(registered ? &id() : nullptr, events, work_->proposed_bytes, deps().clock.now());
}

void device::finish_with(engine::answer a) {
  work_->current->answer(std::move(a));
  finish();
}

void device::finish() {
  auto& w = *work_;
  w.current.reset();
  w.decision = {};
  w.verdict.reset();
  w.view.reset();
  w.scope = {};
  if (w.queue.empty()) return rest();
  auto next = std::move(w.queue.front());
  w.queue.erase(w.queue.begin());
  start(std::move(next));
}

device_actor::behavior_type run_device(device_actor::stateful_pointer<device> self, device_identity who) {
  supervise(self, *who.ties->dependencies);
  self->state.init(std::move(who), self);
  return {
      [self](const command_ptr& c) { self->state.take(c); },
      [self](const proposal_settled& settled) { self->state.settle(settled.what); },
      [self](may_you_go) { self->state.answer_may_you_go(); },
      [self](go) { self->quit(); },
  };
}

}  // namespace muster::actors
