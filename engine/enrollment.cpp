#include "engine/enrollment.hpp"

#include "engine/limits.hpp"
#include "events/bytes.hpp"

namespace muster::engine {

namespace {

constexpr std::size_t generated_key_bytes = 64;  // DPS: concepts-symmetric-key-attestation

bool good_key(const std::string& requested) {
  if (requested.empty()) return true;
  const auto bytes = events::from_base64(requested);
  return bytes && bytes->size() >= limits::symmetric_key_bytes_min && bytes->size() <= limits::symmetric_key_bytes_max;
}

// The bytes of one key: as given, as stored, or new.
std::string choose_key(const std::string& requested, const std::string* stored, entropy& random) {
  if (!requested.empty()) return events::from_base64(requested).value_or("");
  return stored != nullptr ? *stored : random.draw(generated_key_bytes);
}

struct chosen_keys {
  named_key data_key;
  bool fresh = false;
  opened_keys keys;
};

chosen_keys choose_keys(const requested_keys& requested, const entry_context& context) {
  chosen_keys chosen;
  chosen.fresh = context.data_key == nullptr;
  chosen.data_key = chosen.fresh ? fresh_key(context.random) : *context.data_key;
  chosen.keys.primary = choose_key(requested.primary, context.keys ? &context.keys->primary : nullptr, context.random);
  chosen.keys.secondary =
      choose_key(requested.secondary, context.keys ? &context.keys->secondary : nullptr, context.random);
  return chosen;
}

// The attestation to store: kept as it is where no key changes, so that the same boxes go on standing in history.
events::attestation_mechanism attestation_of(const events::attestation_mechanism* stored,
                                             const requested_keys& requested, const chosen_keys& chosen,
                                             const events::stream_name& stream, entropy& random) {
  if (stored != nullptr && requested.primary.empty() && requested.secondary.empty()) return *stored;
  return {events::attestation_type::symmetric_key, chosen.data_key.id,
          seal_keys(chosen.data_key, stream, chosen.keys, random)};
}

// What can never work, whatever is stored.
std::optional<rejection> check_shape(const events::enrollment_terms& terms, const requested_keys& keys) {
  const auto invalid = [](std::string message) { return rejection{rejection_code::invalid, std::move(message), {}}; };
  if (!good_key(keys.primary) || !good_key(keys.secondary)) {
    return invalid("attestation.symmetricKey: each key must be base64 of " +
                   std::to_string(limits::symmetric_key_bytes_min) + " to " +
                   std::to_string(limits::symmetric_key_bytes_max) + " bytes.");
  }
  if (!terms.hubs.empty() && !terms.allocation) {
    return invalid("allocationPolicy: it is required when iotHubs are given; use 'hashed' or 'static'.");
  }
  if (terms.allocation == events::allocation_policy::static_hub && terms.hubs.size() > 1) {
    return invalid("iotHubs: the allocation policy 'static' takes exactly one hub, not " +
                   std::to_string(terms.hubs.size()) + ".");
  }
  return std::nullopt;
}

// A DELETE without If-Match deletes whatever is there.
std::optional<rejection> check_deletion(const precondition& condition, events::stream_version version) {
  if (condition.what == precondition::kind::none) return std::nullopt;
  return check_precondition(condition, version, {});
}

// The keys of a stored entry are needed to keep those that a PUT leaves out.
rejection keys_lost(std::string_view entry) {
  return {rejection_code::unavailable,
          "The keys of " + std::string(entry) +
              " are lost: their data key is not in the keyring. Restore the keyring that belongs to this journal, or "
              "delete the entry.",
          {}};
}

}  // namespace

decision decide(const device_state& state, const put_enrollment& c, const entry_context& context) {
  const auto stream = events::stream_name::device(c.scope, c.enrollment.id);
  const auto refuse = [&](rejection r) {
    decision d;
    d.rejected = std::move(r);
    return std::move(d).reading(stream.text(), context.entry_seen);
  };
  if (const auto bad = check_shape(c.enrollment.terms, c.keys)) return refuse(*bad);
  const auto* stored = state.enrollment ? &*state.enrollment : nullptr;
  const rejection exists{rejection_code::enrollment_exists, "Enrollment already exists.", {}};
  if (auto bad = check_precondition(c.if_match, stored ? stored->version : events::stream_version(), exists))
    return refuse(*bad);
  if (stored != nullptr && context.keys == nullptr)
    return refuse(keys_lost("enrollment '" + c.enrollment.id.text() + "'"));
  const auto chosen = choose_keys(c.keys, context);

  auto enrollment = c.enrollment;
  if (stored != nullptr) enrollment.id = stored->enrollment.id;  // the first spelling is kept
  enrollment.terms.attestation =
      attestation_of(stored ? &stored->enrollment.terms.attestation : nullptr, c.keys, chosen, stream, context.random);
  decision d;
  d.reading(stream.text(), context.entry_seen);
  if (chosen.fresh) d.keys.push_back(chosen.data_key);
  d.keys_to_show = chosen.keys;
  auto data = stored != nullptr ? events::event(events::enrollment_updated{std::move(enrollment), stored->created})
                                : events::event(events::enrollment_created{std::move(enrollment)});
  d.events.push_back({stream, state.version.next(), std::move(data), {}});
  return d;
}

decision decide(const device_state& state, const delete_enrollment& c, const entry_context& context) {
  const auto stream = events::stream_name::device(c.scope, c.id);
  decision d;
  d.reading(stream.text(), context.entry_seen);
  if (!state.enrollment) {
    d.rejected = rejection{rejection_code::enrollment_not_found, "Enrollment '" + c.id.text() + "' not found.", {}};
    return d;
  }
  d.rejected = check_deletion(c.if_match, state.enrollment->version);
  if (d.rejected) return d;
  const auto& enrollment = state.enrollment->enrollment;
  d.events.push_back({stream,
                      state.version.next(),
                      events::enrollment_deleted{enrollment.id, enrollment.terms.attestation.data_key},
                      {}});
  return d;
}

decision decide(const device_state& state, const delete_registration& c, const entry_context& context) {
  const auto stream = events::stream_name::device(c.scope, c.id);
  decision d;
  d.reading(stream.text(), context.entry_seen);
  if (!state.registration) {
    d.rejected = rejection{rejection_code::registration_not_found, "Registration '" + c.id.text() + "' not found.", {}};
    return d;
  }
  d.rejected = check_deletion(c.if_match, state.registration->version);
  if (d.rejected) return d;
  d.events.push_back({stream,
                      state.version.next(),
                      events::registration_deleted{state.registration->id, state.registration->data_key},
                      {}});
  return d;
}

decision decide(const group_state& state, const put_group& c, const entry_context& context) {
  const auto stream = events::stream_name::group(c.scope, c.group.id);
  const auto groups = group_set_key(c.scope);
  const auto refuse = [&](rejection r) {
    decision d;
    d.rejected = std::move(r);
    return std::move(d.reading(stream.text(), context.entry_seen).reading(groups, context.scope_seen));
  };
  if (const auto bad = check_shape(c.group.terms, c.keys)) return refuse(*bad);
  const auto* stored = state.group ? &*state.group : nullptr;
  const rejection exists{rejection_code::group_exists, "EnrollmentGroup already exists.", {}};
  if (auto bad = check_precondition(c.if_match, stored ? state.version : events::stream_version(), exists))
    return refuse(*bad);
  if (stored != nullptr && context.keys == nullptr)
    return refuse(keys_lost("enrollment group '" + c.group.id.text() + "'"));
  const auto groups_max = context.scope.service.settings.symmetric_key_groups_max;
  if (stored == nullptr && context.scope.groups.size() >= groups_max) {
    return refuse({rejection_code::limit_reached,
                   "The service has " + std::to_string(groups_max) +
                       " enrollment groups with symmetric keys, which is its limit: "
                       "delete one, or raise the setting symmetricKeyGroupsMax.",
                   {}});
  }
  const auto chosen = choose_keys(c.keys, context);

  auto group = c.group;
  if (stored != nullptr) group.id = stored->id;
  group.terms.attestation =
      attestation_of(stored ? &stored->terms.attestation : nullptr, c.keys, chosen, stream, context.random);
  decision d;
  d.reading(stream.text(), context.entry_seen).reading(groups, context.scope_seen);
  if (chosen.fresh) d.keys.push_back(chosen.data_key);
  d.keys_to_show = chosen.keys;
  auto data = stored != nullptr ? events::event(events::enrollment_group_updated{std::move(group), state.created})
                                : events::event(events::enrollment_group_created{std::move(group)});
  d.events.push_back({stream, state.version.next(), std::move(data), {groups}});
  return d;
}

decision decide(const group_state& state, const delete_group& c, const entry_context& context) {
  const auto stream = events::stream_name::group(c.scope, c.id);
  decision d;
  d.reading(stream.text(), context.entry_seen);
  if (!state.group) {
    d.rejected = rejection{rejection_code::group_not_found, "EnrollmentGroup '" + c.id.text() + "' not found.", {}};
    return d;
  }
  d.rejected = check_deletion(c.if_match, state.version);
  if (d.rejected) return d;
  d.events.push_back({stream,
                      state.version.next(),
                      events::enrollment_group_deleted{state.group->id, state.group->terms.attestation.data_key},
                      {group_set_key(c.scope)}});
  return d;
}

}  // namespace muster::engine
