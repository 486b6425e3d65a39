#include "engine/registration.hpp"

#include "engine/allocation/allocate.hpp"
#include "events/bytes.hpp"

namespace muster::engine {

namespace {

using events::registration_substatus;

constexpr std::int32_t no_hub_error = 400208;           // DPS: IoT hub not specified
constexpr std::int32_t device_id_taken_error = 409001;  // IoT Hub: DeviceAlreadyExists

// DPS up to this version always brought a device back to its first hub, unless its enrollment says otherwise.
constexpr std::string_view sticky_api_version = "2018-04-01";

/// Where a device goes, and what happens to its data on the way.
struct move_plan {
  events::hub_name hub;
  events::device_id device;
  registration_substatus substatus = registration_substatus::initial_assignment;
  bool leaves_old_hub = false;  ///< the record's hub is another one, and the identity there goes
  bool carries_twin = false;    ///< the old hub's twin comes along
  bool resets_twin = false;     ///< an identity that is there already gets the initial twin again
};

const events::enrollment_terms& terms_of(const device_state& state, const attestation_verdict& verdict) {
  return verdict.group ? verdict.group->state.group->terms : state.enrollment->enrollment.terms;
}

bool is_assigned(const device_state& state) {
  return state.registration && state.registration->hub && state.registration->device;
}

// A device keeps the id it was first given until its record is deleted. A registration id is a
// valid device id: its characters are among those a device id may have.
events::device_id first_device_id_of(const device_state& state, const evidence& shown) {
  if (state.enrollment && state.enrollment->enrollment.device) return *state.enrollment->enrollment.device;
  const auto& spelling = state.enrollment ? state.enrollment->enrollment.id : shown.presented;
  return *events::device_id::parse(spelling.text());
}

// By its enrollment's policy; without one by the device's API version.
bool never_moves(const events::enrollment_terms& terms, const evidence& shown) {
  if (terms.reprovision) return !terms.reprovision->update_hub_assignment;
  return shown.api_version.substr(0, sticky_api_version.size()) <= sticky_api_version;
}

move_plan plan_move(const device_state& state, const evidence& shown, const events::enrollment_terms& terms,
                    const events::hub_name& chosen) {
  if (!is_assigned(state)) return {chosen, first_device_id_of(state, shown)};
  const auto& record = *state.registration;
  move_plan plan{chosen, *record.device};
  if (never_moves(terms, shown)) {
    plan.hub = *record.hub;
    return plan;
  }
  const auto policy = terms.reprovision.value_or(events::reprovision_policy{});
  if (chosen == *record.hub) {
    plan.resets_twin = !policy.migrate_device_data;
    plan.substatus = plan.resets_twin ? registration_substatus::device_data_reset
                                      : registration_substatus::reprovisioned_to_initial_assignment;
    return plan;
  }
  plan.leaves_old_hub = true;
  plan.carries_twin = policy.migrate_device_data;
  plan.substatus = policy.migrate_device_data ? registration_substatus::device_data_migrated
                                              : registration_substatus::device_data_reset;
  return plan;
}

events::device_twin initial_twin_of(const events::enrollment_terms& terms) {
  events::device_twin twin;
  if (terms.twin && terms.twin->tags) twin.tags = *terms.twin->tags;
  if (terms.twin && terms.twin->desired) twin.desired = *terms.twin->desired;
  return twin;
}

std::string draw_operation_id(entropy& random) {
  return "5." + events::to_hex(random.draw(8)) + "." + random.draw_uuid();
}

/// Collects the events of one registration; each member function is one step of it.
class registration {
public:
  registration(const device_state& state, const register_device& c, const attestation_verdict& verdict,
               const registration_context& context)
      : state_(state), command_(c), verdict_(verdict), context_(context), terms_(terms_of(state, verdict)),
        stream_(events::stream_name::device(c.scope, c.evidence.presented)) {}

  decision decide() {
    rest_on_what_attested();
    const auto allocation = allocate(context_.scope.service, terms_, command_.evidence.presented);
    choose_record_key();
    decided_.operation_id = draw_operation_id(context_.random);
    if (!allocation.chosen && !stays_where_it_is()) return fail_with(allocation, no_hub_error, why_no_hub(allocation));
    const auto plan = plan_move(state_, command_.evidence, terms_, allocation.chosen.value_or(current_hub()));
    const auto target = context_.hubs.find(plan.hub, plan.device);
    if (!target) return decision::reject(rejection_code::unavailable, "The hub's registry cannot be read.");
    decided_.reading(events::stream_name::hub_device(command_.scope, plan.hub, plan.device).text(), target->sequence);
    if (target->value.identity && target->value.identity->registration != command_.evidence.presented) {
      return fail_with(allocation, device_id_taken_error,
                       "The device id '" + plan.device.text() + "' is already in use on hub '" + plan.hub.text() +
                           "'.");
    }
    auto twin = twin_for(plan);
    if (!twin) return decision::reject(rejection_code::unavailable, "The hub's registry cannot be read.");
    write_identity(plan, target->value, *twin);
    events::device_registered registered;
    registered.operation_id = decided_.operation_id;
    registered.attempt = report_of(verdict_, command_.evidence, record_key_, stream_, context_.random);
    registered.allocation = allocation;
    registered.hub = plan.hub;
    registered.device = plan.device;
    registered.substatus = plan.substatus;
    registered.data_key = record_key_.id;
    registered.payload = sealed_payload();
    decided_.events.insert(decided_.events.begin(), {stream_, state_.version.next(), std::move(registered), {}});
    return std::move(decided_);
  }

  decision join(std::string operation_id) {
    rest_on_what_attested();
    choose_record_key();
    decided_.operation_id = std::move(operation_id);
    decided_.events.push_back(
        {stream_,
         state_.version.next(),
         events::registration_joined{decided_.operation_id,
                                     report_of(verdict_, command_.evidence, record_key_, stream_, context_.random)},
         {}});
    return std::move(decided_);
  }

private:
  void rest_on_what_attested() {
    decided_.reading(stream_.text(), context_.device_seen);
    decided_.reading(events::stream_name::service(command_.scope).text(), context_.scope_seen);
    if (verdict_.group) {
      decided_.reading(events::stream_name::group(command_.scope, verdict_.group->state.group->id).text(),
                       context_.scope_seen);
    }
  }

  void choose_record_key() {
    if (context_.record_key != nullptr) {
      record_key_ = *context_.record_key;
    } else {
      record_key_ = fresh_key(context_.random);
      decided_.keys.push_back(record_key_);
    }
  }

  // Never re-provisioned, and the hub it is on needs no choice.
  bool stays_where_it_is() const { return is_assigned(state_) && never_moves(terms_, command_.evidence); }

  events::hub_name current_hub() const { return is_assigned(state_) ? *state_.registration->hub : events::hub_name(); }

  decision fail_with(const events::allocation_report& allocation, std::int32_t code, std::string message) {
    events::registration_failed failed;
    failed.operation_id = decided_.operation_id;
    failed.attempt = report_of(verdict_, command_.evidence, record_key_, stream_, context_.random);
    failed.allocation = allocation;
    failed.error_code = code;
    failed.error_message = std::move(message);
    failed.data_key = record_key_.id;
    failed.payload = sealed_payload();
    decided_.events.push_back({stream_, state_.version.next(), std::move(failed), {}});
    return std::move(decided_);
  }

  std::optional<events::sealed_text> sealed_payload() const {
    if (!command_.payload) return std::nullopt;
    return seal(record_key_, stream_, "payload", command_.payload->text, context_.random);
  }

  // The twin that the device will have on its hub, if it is written; the old identity's removal goes with it.
  std::optional<events::device_twin> twin_for(const move_plan& plan) {
    auto twin = initial_twin_of(terms_);
    if (!plan.leaves_old_hub) return twin;
    const auto& old_hub = *state_.registration->hub;
    const auto old = context_.hubs.find(old_hub, plan.device);
    if (!old) return std::nullopt;
    const auto old_stream = events::stream_name::hub_device(command_.scope, old_hub, plan.device);
    decided_.reading(old_stream.text(), old->sequence);
    if (!old->value.identity || old->value.identity->registration != command_.evidence.presented) return twin;
    if (plan.carries_twin) twin = old->value.twin;
    decided_.events.push_back({old_stream,
                               old->value.version.next(),
                               events::hub_device_deleted{plan.device, old_hub, old->value.identity->data_key},
                               {}});
    return twin;
  }

  opened_keys hub_keys() const {
    return verdict_.group ? derive_device_keys(*verdict_.group->keys, verdict_.derived_from)
                          : *context_.enrollment_keys;
  }

  // Creates the identity, or refreshes it if its credentials or capabilities come from something else now.
  void write_identity(const move_plan& plan, const hub_device_state& target, const events::device_twin& twin) {
    const bool there = target.identity.has_value();
    const bool iot_edge = terms_.iot_edge.value_or(false);
    const bool unchanged = there && target.identity->source == *verdict_.enrollment &&
                           target.identity->iot_edge == iot_edge &&
                           target.identity->registration.text() == command_.evidence.presented.text();
    // An identity that an earlier assignment left on the new hub is no reason to lose the twin that comes along.
    const bool writes_twin = plan.resets_twin || plan.leaves_old_hub;
    if (unchanged && !writes_twin) return;
    const auto stream = events::stream_name::hub_device(command_.scope, plan.hub, plan.device);
    // A changed identity gets a new data key: the old key is destroyed with the old credentials.
    const auto key = fresh_key(context_.random);
    decided_.keys.push_back(key);
    events::hub_identity identity{plan.device,
                                  plan.hub,
                                  command_.evidence.presented,
                                  *verdict_.enrollment,
                                  key.id,
                                  seal_keys(key, stream, hub_keys(), context_.random),
                                  iot_edge};
    if (!there) {
      decided_.events.push_back(
          {stream, target.version.next(), events::hub_device_created{std::move(identity), twin}, {}});
      return;
    }
    auto new_twin = writes_twin ? std::optional(twin) : std::nullopt;
    if (plan.resets_twin)
      new_twin->reported = target.twin.reported;  // the device's own, which stays where the hub stays
    decided_.events.push_back(
        {stream,
         target.version.next(),
         events::hub_device_updated{std::move(identity), std::move(new_twin), target.identity->data_key},
         {}});
  }

  const device_state& state_;
  const register_device& command_;
  const attestation_verdict& verdict_;
  const registration_context& context_;
  const events::enrollment_terms& terms_;
  events::stream_name stream_;
  named_key record_key_;
  decision decided_;
};

}  // namespace

decision decide_registration(const device_state& state, const register_device& c, const attestation_verdict& verdict,
                             const registration_context& context) {
  return registration(state, c, verdict, context).decide();
}

decision decide_join(const device_state& state, const register_device& c, const attestation_verdict& verdict,
                     std::string operation_id, const registration_context& context) {
  return registration(state, c, verdict, context).join(std::move(operation_id));
}

namespace {

// Where no individual enrollment decided, the refusal rests on the group that vouches for the device; or on there being
// none, which stops being true when the groups change.
void rest_on_groups(decision& d, const device_state& state, const attestation_verdict& verdict,
                    const registration_context& context) {
  const auto& scope = context.scope.service.scope;
  if (verdict.group) {
    d.reading(events::stream_name::group(scope, verdict.group->state.group->id).text(), context.scope_seen);
  } else if (!state.enrollment) {
    d.reading(group_set_key(scope), context.scope_seen);
  }
}

}  // namespace

decision decide_refusal(const device_state& state, const evidence& shown, const attestation_verdict& verdict,
                        const events::stream_name& stream, const registration_context& context) {
  decision d;
  const bool append_only = stream == events::stream_name::refusals(context.scope.service.scope);
  if (!append_only) d.reading(stream.text(), context.device_seen);
  rest_on_groups(d, state, verdict, context);
  const bool disabled = *verdict.refusal == events::refusal_reason::enrollment_disabled;
  auto personal = context.record_key != nullptr ? *context.record_key : context.scope.data_key;
  if (disabled && context.record_key == nullptr) {
    // It makes the record, and what is personal goes with the record.
    personal = fresh_key(context.random);
    d.keys.push_back(personal);
  }
  events::registration_refused refused{*verdict.refusal, report_of(verdict, shown, personal, stream, context.random)};
  if (disabled) refused.data_key = personal.id;
  d.events.push_back({stream, append_only ? events::stream_version() : state.version.next(), std::move(refused), {}});
  if (!disabled) d.rejected = not_attested();
  return d;
}

}  // namespace muster::engine
