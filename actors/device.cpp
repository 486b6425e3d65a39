#include "actors/device.hpp"

#include "actors/supervision.hpp"
#include "engine/limits.hpp"
#include "engine/recorded_answer.hpp"

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

std::optional<engine::named_key> load_key(engine::keyring& keys, const events::data_key_id& id) {
  if (id == events::data_key_id()) return std::nullopt;
  auto key = keys.find(id);
  if (!key) return std::nullopt;
  return engine::named_key{id, *key};
}

}  // namespace

device::~device() {
  if (d_ != nullptr) --d_->telemetry.device_actors;
}

void device::init(actor_dependencies* dependencies, device_identity who, device_actor self) {
  d_ = dependencies;
  who_ = std::move(who);
  self_ = std::move(self);
  ++d_->telemetry.device_actors;
}

// ---- one command at a time

void device::take(command_ptr c) {
  ++received_;
  if (!current_) return start(std::move(c));
  // A register that finds another one undecided costs no frame of its own, so more of them may wait.
  c->may_join = registering() && std::holds_alternative<engine::register_device>(c->what);
  if (queue_.size() >= (c->may_join ? limits::device_joins_max : limits::device_queue_max)) {
    return c->reject(rejection_code::too_many_requests, "Too many requests for this device are waiting.", 1s);
  }
  queue_.push_back(std::move(c));
}

bool device::registering() const {
  return std::holds_alternative<engine::register_device>(current_->what);
}

void device::start(command_ptr c) {
  current_ = std::move(c);
  if (current_->deadline < d_->clock.now()) return unavailable("The request was not decided in time.");
  decide_current();
}

void device::decide_current() {
  scope_ = d_->catalog.find(who_.scope);
  view_ = d_->catalog.view(who_.shard);
  if (!scope_.value || !view_) return unavailable("The service is not open on this node yet.");
  if (!load()) return unavailable("The device's data cannot be read.");
  decision_ = {};
  verdict_.reset();
  if (!keys_at_hand()) return unavailable("The enrollment's keys cannot be opened: its data key is missing.");
  if (repeats_recorded_command()) return;
  std::visit(
      [this](const auto& c) {
        if constexpr (requires { decide(c); })
          decide(c);
        else
          unavailable("The command does not belong to a device.");
      },
      current_->what);
}

// The state as of now. This actor is the only writer of its stream as long as the claim under which it was loaded
// holds: then it is current up to whatever has been folded. The successor of an actor that died cannot know that.
bool device::load() {
  const auto position = view_->position();
  if (loaded_ && who_.alone && position.epoch == loaded_in_) {
    seen_ = position.sequence;
    return true;
  }
  forget();
  auto stored = view_->device(who_.scope, who_.id);
  if (!stored) {
    d_->log.write(engine::log_level::error, "a device cannot be read",
                  {{"registrationId", who_.id.text()}, {"error", stored.error().text}});
    return false;
  }
  state_ = std::move(stored->value);
  seen_ = stored->sequence;
  loaded_in_ = position.epoch;
  loaded_ = true;
  return true;
}

void device::forget() {
  loaded_ = false;
  enrollment_data_key_.reset();
  enrollment_keys_.reset();
  record_key_.reset();
}

const engine::named_key* device::enrollment_data_key() {
  if (!state_.enrollment) return nullptr;
  if (!enrollment_data_key_)
    enrollment_data_key_ = load_key(d_->keyring, state_.enrollment->enrollment.terms.attestation.data_key);
  return enrollment_data_key_ ? &*enrollment_data_key_ : nullptr;
}

const engine::opened_keys* device::enrollment_keys() {
  if (!enrollment_keys_ && enrollment_data_key() != nullptr) {
    auto opened = engine::unseal_keys(enrollment_data_key()->key, events::stream_name::device(who_.scope, who_.id),
                                      state_.enrollment->enrollment.terms.attestation.keys);
    if (opened) enrollment_keys_ = std::move(*opened);
  }
  return enrollment_keys_ ? &*enrollment_keys_ : nullptr;
}

const engine::named_key* device::record_key() {
  if (!state_.registration) return nullptr;
  if (!record_key_) record_key_ = load_key(d_->keyring, state_.registration->data_key);
  return record_key_ ? &*record_key_ : nullptr;
}

// Without them a good credential could not be told from a bad one.
bool device::keys_at_hand() {
  return !state_.enrollment || enrollment_keys() != nullptr;
}

bool device::repeats_recorded_command() {
  auto recorded = engine::find_recorded(current_->who, who_.scope, who_.shard, *view_, d_->history, d_->keyring);
  if (!recorded) {
    unavailable("The earlier answer to this Idempotency-Key cannot be read.");
    return true;
  }
  command_seen_ = recorded->seen;
  if (!recorded->found) return false;
  finish_with(std::move(*recorded->found));
  return true;
}

// ---- devices

engine::registration_context device::registration_context(engine::hub_reader& hubs) {
  return {{d_->clock.now(), d_->entropy, *scope_.value, scope_.sequence}, seen_, enrollment_keys(), record_key(), hubs};
}

// Attests; what is refused is answered here.
bool device::let_in(const engine::evidence& shown) {
  const bool still_a_stranger = !state_.enrollment && !state_.registration;
  if (current_->verdict && current_->judged_on.value == scope_.value && still_a_stranger) {
    verdict_ = current_->verdict;
  } else {
    verdict_ = engine::attest(*scope_.value, state_, enrollment_keys(), shown, d_->clock.now());
    count_attestation(d_->telemetry, *verdict_);
  }
  return verdict_->attested();
}

void device::refuse(const engine::evidence& shown, bool tell_disabled) {
  if (!who_.budget->admit(shown.source_address, *verdict_->refusal, d_->clock.now())) {
    return finish_with(too_many_attempts());
  }
  view_hub_reader hubs(*view_, who_.scope);
  auto d = engine::decide_refusal(state_, shown, *verdict_, events::stream_name::device(who_.scope, who_.id),
                                  registration_context(hubs));
  if (!tell_disabled) d.rejected = engine::not_attested();
  propose(std::move(d));
}

void device::decide(const engine::register_device& c) {
  if (!let_in(c.evidence)) return refuse(c.evidence, true);
  if (joins(c)) {
    engine::decision same;
    same.operation_id = last_->operation_id;
    same.reading(events::stream_name::device(who_.scope, who_.id).text(), seen_);
    return propose(std::move(same));
  }
  view_hub_reader hubs(*view_, who_.scope);
  propose(engine::decide_registration(state_, c, *verdict_, registration_context(hubs)));
}

// It came while another registration of this ID was being decided, and would lead to the same: it has the same
// operation.
bool device::joins(const engine::register_device& c) {
  return current_->may_join && last_ && verdict_->enrollment == last_->enrollment &&
         c.evidence.api_version == last_->api_version && c.payload == last_->payload;
}

void device::decide(const engine::poll_operation& c) {
  if (!let_in(c.evidence)) return refuse(c.evidence, true);
  // Only who proved to be the device spends its polls.
  if (polls_too_often()) {
    return finish_with(engine::rejection{rejection_code::too_many_requests, "The device polls too often.",
                                         std::chrono::duration_cast<std::chrono::seconds>(limits::poll_window)});
  }
  const auto& record = state_.registration;
  if (!record || std::ranges::find(record->operations, c.operation_id) == record->operations.end()) {
    return finish_with(
        engine::rejection{rejection_code::operation_not_found, "Operation '" + c.operation_id + "' not found.", {}});
  }
  finish_with(engine::registration_answer{c.operation_id, *record, false});
}

void device::decide(const engine::look_up_registration& c) {
  if (!let_in(c.evidence)) return refuse(c.evidence, false);
  if (!state_.registration) {
    return finish_with(engine::rejection{
        rejection_code::registration_not_found, "Registration '" + who_.id.text() + "' not found.", {}});
  }
  finish_with(engine::lookup_answer{*state_.registration});
}

bool device::polls_too_often() {
  const auto now = d_->clock.now();
  while (!polls_.empty() && now - polls_.front() >= limits::poll_window) polls_.pop_front();
  if (polls_.size() >= limits::polls_per_window) return true;
  polls_.push_back(now);
  return false;
}

// ---- operators' back ends

template <class Command>
void device::decide_entry(const Command& c) {
  propose(engine::decide(state_, c,
                         {{d_->clock.now(), d_->entropy, *scope_.value, scope_.sequence},
                          seen_,
                          enrollment_data_key(),
                          enrollment_keys()}));
}

// ---- to the log and back

void device::propose(engine::decision d) {
  decision_ = std::move(d);
  if (decision_.rejected && decision_.rejected->code == rejection_code::unavailable)
    return finish_with(*decision_.rejected);
  auto p = engine::to_proposal(decision_, current_->who, &who_.scope, command_seen_, current_->deadline);
  p.settled = [to = self_](const engine::settlement& what) { caf::anon_send(to, proposal_settled{what}); };
  d_->shards.propose(who_.shard, std::move(p));
}

void device::settle(const engine::settlement& what) {
  if (!current_) return;
  switch (what.kind) {
  case engine::settlement_kind::committed:
    return committed(what);
  case engine::settlement_kind::conflict:
    forget();
    if (++current_->tries > limits::conflict_retries_max)
      return unavailable("The request met too many concurrent changes.");
    return decide_current();
  case engine::settlement_kind::overloaded:
    return finish_with(
        engine::rejection{rejection_code::too_many_requests, "The service has too many requests waiting.", 1s});
  case engine::settlement_kind::too_large:
    return finish_with(
        engine::rejection{rejection_code::invalid, "The request is too large to be recorded as one event.", {}});
  case engine::settlement_kind::unavailable:
    if (what.in_doubt) forget();
    return finish_with(engine::not_recorded(what));
  }
}

void device::committed(const engine::settlement& what) {
  const auto stream = events::stream_name::device(who_.scope, who_.id);
  auto sequence = what.first_sequence;
  for (auto& e : decision_.events) {
    if (e.stream == stream) {
      const events::recorded_event recorded{{stream, e.version, sequence, what.time, {}, {}, {}, {}, false},
                                            std::move(e.data)};
      evolve(state_, recorded);
      note_for_joins(recorded.data);
    }
    sequence = sequence.next();
  }
  if (!decision_.events.empty()) {
    // Keys are looked up anew when they are needed; the record's own is at hand.
    enrollment_keys_.reset();
    enrollment_data_key_.reset();
    if (!state_.registration || !record_key_ || record_key_->id != state_.registration->data_key) record_key_.reset();
    for (const auto& key : decision_.keys) {
      if (state_.registration && key.id == state_.registration->data_key) record_key_ = key;
    }
  }
  finish_with(answer_after_commit());
}

// What a register that is waiting may join. A refused attempt of somebody else changes nothing about that.
void device::note_for_joins(const events::event& happened) {
  if (const auto* registered = std::get_if<events::device_registered>(&happened)) {
    const auto& c = std::get<engine::register_device>(current_->what);
    last_ = joinable{registered->operation_id, *verdict_->enrollment, c.evidence.api_version, c.payload};
    ++d_->telemetry.device_assignments;
    return;
  }
  const auto* refused = std::get_if<events::registration_refused>(&happened);
  if (refused == nullptr || refused->reason == events::refusal_reason::enrollment_disabled) last_.reset();
}

engine::answer device::answer_after_commit() const {
  if (decision_.rejected) return *decision_.rejected;
  if (std::holds_alternative<engine::register_device>(current_->what)) {
    const bool has_operation = !decision_.operation_id.empty();  // a disabled device has none to poll
    return engine::registration_answer{decision_.operation_id, *state_.registration,
                                       has_operation && scope_.value->service.settings.assigning_first};
  }
  if (std::holds_alternative<engine::poll_operation>(current_->what))
    return engine::registration_answer{{}, *state_.registration, false};
  if (std::holds_alternative<engine::put_enrollment>(current_->what)) {
    return engine::enrollment_answer{*state_.enrollment, decision_.keys_to_show};
  }
  return engine::done{};
}

void device::unavailable(std::string message) {
  finish_with(engine::rejection{rejection_code::unavailable, std::move(message), 1s});
}

void device::finish_with(engine::answer a) {
  current_->answer(std::move(a));
  finish();
}

void device::finish() {
  current_.reset();
  decision_ = {};
  verdict_.reset();
  view_.reset();
  scope_ = {};
  if (queue_.empty()) {
    last_.reset();
    return;
  }
  auto next = std::move(queue_.front());
  queue_.pop_front();
  start(std::move(next));
}

device_actor::behavior_type run_device(device_actor::stateful_pointer<device> self, actor_dependencies* dependencies,
                                       device_identity who) {
  supervise(self, *dependencies);
  self->state.init(dependencies, std::move(who), device_actor(self));
  return {
      [self](const command_ptr& c) { self->state.take(c); },
      [self](const proposal_settled& settled) { self->state.settle(settled.what); },
      [self](may_you_go) {
        const auto& s = self->state;
        if (s.idle()) self->send(s.identity().parent, ready_to_go{s.identity().id.key(), s.received(), self->id()});
      },
      [self](go) { self->quit(); },
  };
}

}  // namespace muster::actors
