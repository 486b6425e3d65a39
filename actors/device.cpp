#include "actors/device.hpp"

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

namespace {

class view_hub_reader final : public engine::hub_reader {
public:
  view_hub_reader(engine::shard_view& view, const events::id_scope& scope) : view_(view), scope_(scope) {}
  engine::result<engine::as_of<engine::hub_device_state>> find(const events::hub_name& hub,
                                                               const events::device_id& id) override {
    return view_.hub_device(scope_, hub, id);
  }

private:
  engine::shard_view& view_;
  const events::id_scope& scope_;
};

// The key, or nothing if there is none any more. An error if there is one that cannot be had.
engine::result<std::optional<engine::named_key>> load_key(engine::keyring& keys, const events::data_key_id& id) {
  if (id == events::data_key_id()) return std::nullopt;
  const auto key = keys.find(id);
  if (key) return engine::named_key{id, *key};
  if (key.error().code == engine::errc::not_found) return std::nullopt;
  return std::unexpected(key.error());
}

}  // namespace

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
    return c->reject(rejection_code::too_many_requests, "Too many requests for this device are waiting.", 1s);
  }
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
  if (work_->current->deadline < deps().clock.now()) return unavailable("The request was not decided in time.");
  decide_current();
}

void device::decide_current() {
  work_->scope = deps().catalog.find(ties_->scope);
  if (work_->scope.value) work_->view = deps().catalog.view(work_->scope.value->shard);
  if (!work_->scope.value || !work_->view) return unavailable("The service is not open on this node yet.");
  if (!load()) return unavailable("The device's data cannot be read.");
  work_->decision = {};
  work_->verdict.reset();
  if (!open_keys()) return unavailable("The device's keys cannot be opened.");
  if (repeats_recorded_command()) return;
  std::visit(
      [this](const auto& c) {
        if constexpr (requires { decide(c); })
          decide(c);
        else
          unavailable("The command does not belong to a device.");
      },
      work_->current->what);
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
  work_->enrollment_data_key.reset();
  work_->enrollment_keys.reset();
  record_key_.reset();
}

// The keys that the command at hand needs. A deletion needs none: what lost its keys can still be deleted. Without its
// enrollment's keys a good credential cannot be told from a bad one; without its record's, which only seals, there is a
// new one. False if the keyring does not give what it has.
bool device::open_keys() {
  const bool attests = engine::evidence_of(work_->current->what) != nullptr;
  if (!attests && !std::holds_alternative<engine::put_enrollment>(work_->current->what)) return true;
  const auto opened = open_enrollment_keys();
  if (!opened) return keys_missing(opened.error().text);
  if (attests && work_->state.enrollment && !work_->enrollment_keys)
    return keys_missing("the enrollment's are not in the keyring");
  if (!attests || !work_->state.registration || record_key_) return true;
  auto key = load_key(deps().keyring, work_->state.registration->data_key);
  if (!key) return keys_missing(key.error().text);
  record_key_ = std::move(*key);
  return true;
}

engine::result<void> device::open_enrollment_keys() {
  if (!work_->state.enrollment || work_->enrollment_keys) return {};
  const auto& attestation = work_->state.enrollment->enrollment.terms.attestation;
  auto key = load_key(deps().keyring, attestation.data_key);
  if (!key) return std::unexpected(key.error());
  if (!*key) return {};
  auto keys = engine::unseal_keys((*key)->key, stream(), attestation.keys);
  if (!keys) return std::unexpected(keys.error());
  work_->enrollment_data_key = std::move(*key);
  work_->enrollment_keys = std::move(*keys);
  return {};
}

bool device::keys_missing(const std::string& why) {
  deps().log.write(engine::log_level::error, "a device's keys cannot be opened",
                   {{"idScope", ties_->scope.text()}, {"registrationId", id().text()}, {"error", why}});
  return false;
}

bool device::repeats_recorded_command() {
  auto recorded = engine::find_recorded(work_->current->who, ties_->scope, work_->scope.value->shard, *work_->view,
                                        deps().history, deps().keyring);
  if (!recorded) {
    unavailable("The earlier answer to this Idempotency-Key cannot be read.");
    return true;
  }
  work_->command_seen = recorded->seen;
  if (!recorded->found) return false;
  finish_with(std::move(*recorded->found));
  return true;
}

// ---- devices

engine::registration_context device::registration_context(engine::hub_reader& hubs) {
  return {{deps().clock.now(), deps().entropy, *work_->scope.value, work_->scope.sequence},
          work_->seen,
          work_->enrollment_keys ? &*work_->enrollment_keys : nullptr,
          record_key_ ? &*record_key_ : nullptr,
          hubs};
}

// Attests; what is refused is answered here.
bool device::let_in(const engine::evidence& shown) {
  const bool still_a_stranger = !work_->state.enrollment && !work_->state.registration;
  if (work_->current->verdict && work_->current->judged_on.value == work_->scope.value && still_a_stranger) {
    work_->verdict = work_->current->verdict;
  } else {
    work_->verdict =
        engine::attest(*work_->scope.value, work_->state, work_->enrollment_keys ? &*work_->enrollment_keys : nullptr,
                       shown, deps().clock.now());
    count_attestation(deps().telemetry, *work_->verdict);
  }
  return work_->verdict->attested();
}

void device::refuse(const engine::evidence& shown, bool tell_disabled) {
  if (!work_->current->admitted &&
      !ties_->budget.admit(shown.source_address, *work_->verdict->refusal, deps().clock.now()))
    return finish_with(too_many_attempts());
  work_->current->admitted = true;
  log_closed_groups(deps().log, ties_->scope, id(), *work_->verdict);
  view_hub_reader hubs(*work_->view, ties_->scope);
  auto d = engine::decide_refusal(work_->state, shown, *work_->verdict, stream(), registration_context(hubs));
  if (!tell_disabled) d.rejected = engine::not_attested();
  propose(std::move(d));
}

void device::decide(const engine::register_device& c) {
  if (!let_in(c.evidence)) return refuse(c.evidence, true);
  const auto wait = ties_->budget.device_wait(id(), deps().clock.now());
  if (beyond_quota(wait, "The device registers too often.") || scope_beyond_quota()) return;
  view_hub_reader hubs(*work_->view, ties_->scope);
  if (joins(c))
    return propose(
        engine::decide_join(work_->state, c, *work_->verdict, work_->last->operation_id, registration_context(hubs)));
  propose(engine::decide_registration(work_->state, c, *work_->verdict, registration_context(hubs)));
}

// It came while another registration of this ID was being decided, and would lead to the same: it has the same
// operation.
bool device::joins(const engine::register_device& c) {
  return work_->current->may_join && work_->last && work_->verdict->enrollment == work_->last->enrollment &&
         c.evidence.api_version == work_->last->api_version && c.payload == work_->last->payload;
}

void device::decide(const engine::poll_operation& c) {
  if (!let_in(c.evidence)) return refuse(c.evidence, true);
  // Only who proved to be the device spends its polls.
  if (beyond_quota(ties_->budget.poll(id(), deps().clock.now()), "The device polls too often.")) return;
  const auto& record = work_->state.registration;
  if (!record || std::ranges::find(record->operations, c.operation_id) == record->operations.end()) {
    return finish_with(
        engine::rejection{rejection_code::operation_not_found, "Operation '" + c.operation_id + "' not found.", {}});
  }
  finish_with(engine::registration_answer{c.operation_id, *record, false});
}

void device::decide(const engine::look_up_registration& c) {
  if (!let_in(c.evidence)) return refuse(c.evidence, false);
  if (!work_->state.registration) {
    return finish_with(
        engine::rejection{rejection_code::registration_not_found, "Registration '" + id().text() + "' not found.", {}});
  }
  finish_with(engine::lookup_answer{*work_->state.registration});
}

bool device::scope_beyond_quota() {
  return beyond_quota(ties_->budget.scope_wait(deps().clock.now()), "The service writes more than it may.");
}

// True if it was answered so.
bool device::beyond_quota(std::chrono::seconds wait, const char* what) {
  if (wait.count() == 0) return false;
  finish_with(engine::rejection{rejection_code::too_many_requests, what, wait});
  return true;
}

// ---- operators' back ends

template <class Command>
void device::decide_entry(const Command& c) {
  if (scope_beyond_quota()) return;
  propose(engine::decide(work_->state, c,
                         {{deps().clock.now(), deps().entropy, *work_->scope.value, work_->scope.sequence},
                          work_->seen,
                          work_->enrollment_data_key ? &*work_->enrollment_data_key : nullptr,
                          work_->enrollment_keys ? &*work_->enrollment_keys : nullptr}));
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
  const bool conflict = what.kind == engine::settlement_kind::conflict;
  if (conflict || what.in_doubt) forget();
  if (conflict && ++work_->current->tries <= limits::conflict_retries_max) return decide_current();
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
    // Keys are looked up anew when they are needed; the record's own is at hand.
    work_->enrollment_keys.reset();
    work_->enrollment_data_key.reset();
    if (!work_->state.registration || !record_key_ || record_key_->id != work_->state.registration->data_key)
      record_key_.reset();
    for (const auto& key : work_->decision.keys) {
      if (work_->state.registration && key.id == work_->state.registration->data_key) record_key_ = key;
    }
  }
  finish_with(answer_after_commit());
}

void device::spend() {
  const auto events = work_->decision.events.size();
  if (events == 0) return;
  const bool registered = registering() && work_->verdict->attested();
  ties_->budget.wrote(registered ? &id() : nullptr, events, work_->proposed_bytes, deps().clock.now());
}

// What a register that is waiting may join. A refused attempt of somebody else changes nothing about that.
void device::note_for_joins(const events::event& happened) {
  if (const auto* registered = std::get_if<events::device_registered>(&happened)) {
    const auto& c = std::get<engine::register_device>(work_->current->what);
    work_->last = joinable{registered->operation_id, *work_->verdict->enrollment, c.evidence.api_version, c.payload};
    ++deps().telemetry.device_assignments;
    return;
  }
  if (std::holds_alternative<events::registration_joined>(happened)) return;
  const auto* refused = std::get_if<events::registration_refused>(&happened);
  if (refused == nullptr || refused->reason == events::refusal_reason::enrollment_disabled) work_->last.reset();
}

engine::answer device::answer_after_commit() const {
  if (work_->decision.rejected) return *work_->decision.rejected;
  if (std::holds_alternative<engine::register_device>(work_->current->what)) {
    const bool has_operation = !work_->decision.operation_id.empty();  // a disabled device has none to poll
    return engine::registration_answer{work_->decision.operation_id, *work_->state.registration,
                                       has_operation && work_->scope.value->service.settings.assigning_first};
  }
  if (std::holds_alternative<engine::poll_operation>(work_->current->what))
    return engine::registration_answer{{}, *work_->state.registration, false};
  if (std::holds_alternative<engine::put_enrollment>(work_->current->what)) {
    return engine::enrollment_answer{*work_->state.enrollment, work_->decision.keys_to_show};
  }
  return engine::done{};
}

void device::unavailable(std::string message) {
  finish_with(engine::rejection{rejection_code::unavailable, std::move(message), 1s});
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
