#include "actors/device.hpp"
#include "actors/hub_readers.hpp"
#include "actors/rejections.hpp"
#include "actors/supervision.hpp"

#include <algorithm>

/// What a device's commands come to, once its state and keys are at hand: each is let in or refused, then decided by
/// the engine, and answered after the commit. How a command gets here and to the log is in device.cpp.
namespace muster::actors {

using engine::rejection_code;

namespace {

template <class T>
const T* address_of(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

}  // namespace

void device::decide_loaded() {
  std::visit(
      [this](const auto& c) {
        if constexpr (requires { decide(c); })
          decide(c);
        else
          finish_with(unavailable("The command does not belong to a device."));
      },
      work_->current->what);
}

// ---- devices

engine::registration_context device::registration_context(engine::hub_reader& hubs) {
  return {{deps().clock.now(), deps().entropy, *work_->scope.value, work_->scope.sequence},
          work_->seen,
          address_of(work_->enrollment.keys),
          address_of(record_key_),
          hubs};
}

// Attests; what is refused is answered here.
bool device::let_in(const engine::evidence& shown) {
  const bool still_a_stranger = !work_->state.enrollment && !work_->state.registration;
  if (work_->current->verdict && work_->current->judged_on.value == work_->scope.value && still_a_stranger) {
    work_->verdict = work_->current->verdict;
  } else {
    work_->verdict = engine::attest(*work_->scope.value, work_->state, address_of(work_->enrollment.keys), shown,
                                    deps().clock.now());
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
  if (const auto wait = ties_->budget.device_wait(id(), deps().clock.now()); wait.count() != 0)
    return finish_with(beyond_quota("The device registers too often.", wait));
  if (const auto wait = ties_->budget.scope_wait(deps().clock.now()); wait.count() != 0)
    return finish_with(scope_beyond_quota(wait));
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
  if (const auto wait = ties_->budget.poll(id(), deps().clock.now()); wait.count() != 0)
    return finish_with(beyond_quota("The device polls too often.", wait));
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

// ---- operators' back ends

template <class Command>
void device::decide_entry(const Command& c) {
  if (const auto wait = ties_->budget.scope_wait(deps().clock.now()); wait.count() != 0)
    return finish_with(scope_beyond_quota(wait));
  propose(engine::decide(work_->state, c,
                         {{deps().clock.now(), deps().entropy, *work_->scope.value, work_->scope.sequence},
                          work_->seen,
                          address_of(work_->enrollment.data_key),
                          address_of(work_->enrollment.keys)}));
}

void device::decide(const engine::put_enrollment& c) {
  decide_entry(c);
}

void device::decide(const engine::delete_enrollment& c) {
  decide_entry(c);
}

void device::decide(const engine::delete_registration& c) {
  decide_entry(c);
}

// ---- after the commit

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

}  // namespace muster::actors
