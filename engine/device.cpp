#include "engine/device.hpp"

#include "engine/overload.hpp"

namespace muster::engine {

namespace {

constexpr std::size_t operations_kept = 2;

// The record of a device about which something new is known; made if this is the first time. The id's first spelling is
// kept: the enrollment's, or else the one under which the device came first.
registration_record& touch_record(device_state& state, const events::recorded_event& e,
                                  const events::registration_id& presented) {
  if (!state.registration) {
    state.registration.emplace();
    state.registration->created = e.meta.time;
    state.registration->id = state.enrollment ? state.enrollment->enrollment.id : presented;
  }
  auto& record = *state.registration;
  record.version = e.meta.version;
  record.updated = e.meta.time;
  return record;
}

void remember_operation(registration_record& record, const std::string& operation_id) {
  record.operations.insert(record.operations.begin(), operation_id);
  if (record.operations.size() > operations_kept) record.operations.resize(operations_kept);
}

void enroll(device_state& state, const events::recorded_event& e, const events::individual_enrollment& enrollment) {
  if (!state.enrollment) state.enrollment = enrollment_record{enrollment, {}, e.meta.time, e.meta.time};
  state.enrollment->enrollment = enrollment;
  state.enrollment->version = e.meta.version;
  state.enrollment->updated = e.meta.time;
}

}  // namespace

void evolve(device_state& state, const events::recorded_event& e) {
  std::visit(overload{[&](const events::enrollment_created& c) { enroll(state, e, c.enrollment); },
                      [&](const events::enrollment_updated& c) { enroll(state, e, c.enrollment); },
                      [&](const events::enrollment_deleted&) { state.enrollment.reset(); },
                      [&](const events::device_registered& c) {
                        auto& record = touch_record(state, e, c.attempt.presented);
                        record.status = events::registration_status::assigned;
                        record.substatus = c.substatus;
                        record.hub = c.hub;
                        record.device = c.device;
                        record.group = c.attempt.enrollment ? c.attempt.enrollment->group : std::nullopt;
                        record.error_code = 0;
                        record.error_message.clear();
                        record.data_key = c.data_key;
                        remember_operation(record, c.operation_id);
                      },
                      [&](const events::registration_failed& c) {
                        auto& record = touch_record(state, e, c.attempt.presented);
                        record.status = events::registration_status::failed;
                        record.group = c.attempt.enrollment ? c.attempt.enrollment->group : std::nullopt;
                        record.error_code = c.error_code;
                        record.error_message = c.error_message;
                        record.data_key = c.data_key;
                        remember_operation(record, c.operation_id);
                      },
                      [&](const events::registration_refused& c) {
                        // Only a device that proved who it is learns, and shows, that it is disabled.
                        if (c.reason != events::refusal_reason::enrollment_disabled) return;
                        auto& record = touch_record(state, e, c.attempt.presented);
                        record.status = events::registration_status::disabled;
                        record.group = c.attempt.enrollment ? c.attempt.enrollment->group : std::nullopt;
                        record.error_code = 0;
                        record.error_message.clear();
                        if (c.data_key) record.data_key = *c.data_key;
                      },
                      [](const events::registration_joined&) {},  // it changes nothing
                      [&](const events::registration_deleted&) { state.registration.reset(); },
                      [&](const auto&) { assertion_failed(e.meta.type.c_str(), e.meta.stream.text().c_str(), 0); }},
             e.data);
  state.version = e.meta.version;
}

}  // namespace muster::engine
