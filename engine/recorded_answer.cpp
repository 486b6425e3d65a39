#include "engine/recorded_answer.hpp"

#include "engine/overload.hpp"
#include "engine/sealing.hpp"

namespace muster::engine {

namespace {

std::optional<opened_keys> open_keys(const events::attestation_mechanism& attestation,
                                     const events::stream_name& stream, keyring& keys) {
  const auto key = keys.find(attestation.data_key);
  if (!key) return std::nullopt;  // deleted since: the entry is given without its keys
  auto opened = unseal_keys(*key, stream, attestation.keys);
  return opened ? std::optional(std::move(*opened)) : std::nullopt;
}

// An update's event does not say when its entry was created; the entry does, if it is still there.
events::timestamp creation_of(const events::recorded_event& e, const events::id_scope& scope, shard_view& view) {
  std::optional<events::timestamp> created;
  if (const auto* enrollment = std::get_if<events::enrollment_updated>(&e.data)) {
    const auto stored = view.device(scope, enrollment->enrollment.id);
    if (stored && stored->value.enrollment) created = stored->value.enrollment->created;
  } else if (const auto* group = std::get_if<events::enrollment_group_updated>(&e.data)) {
    const auto stored = view.groups(scope).value_or(std::vector<std::pair<std::string, group_state>>());
    for (const auto& [key, state] : stored) {
      if (key == group->group.id.key() && state.group) created = state.created;
    }
  }
  return created && *created <= e.meta.time ? *created : e.meta.time;
}

answer answer_of(const events::recorded_event& e, const events::id_scope& scope, shard_view& view, keyring& keys) {
  const auto created = creation_of(e, scope, view);
  const auto enrollment = [&](const events::individual_enrollment& stored) -> answer {
    return enrollment_answer{{stored, e.meta.version, created, e.meta.time},
                             open_keys(stored.terms.attestation, e.meta.stream, keys)};
  };
  const auto group = [&](const events::enrollment_group& stored) -> answer {
    return group_answer{{e.meta.version, stored, created, e.meta.time},
                        open_keys(stored.terms.attestation, e.meta.stream, keys)};
  };
  return std::visit(overload{[&](const events::enrollment_created& each) { return enrollment(each.enrollment); },
                             [&](const events::enrollment_updated& each) { return enrollment(each.enrollment); },
                             [&](const events::enrollment_group_created& each) { return group(each.group); },
                             [&](const events::enrollment_group_updated& each) { return group(each.group); },
                             [](const auto&) -> answer { return done{}; }},
                    e.data);
}

}  // namespace

result<recorded_command> find_recorded(const caller& who, const events::id_scope& scope, events::shard_id shard,
                                       shard_view& view, history& past, keyring& keys) {
  recorded_command recorded;
  if (who.command_id.empty()) return recorded;
  const auto known = view.command(scope, who.command_id);
  if (!known) return std::unexpected(known.error());
  recorded.seen = known->sequence;
  if (!known->value) return recorded;
  if (known->value->request != who.request) {
    recorded.found = rejection{rejection_code::command_id_reused,
                               "The Idempotency-Key '" + who.command_id +
                                   "' was used with another request: use a new one for each request.",
                               {}};
    return recorded;
  }
  const auto event = past.event_at(shard, known->value->first_sequence);
  if (!event) return std::unexpected(event.error());
  recorded.found = answer_of(*event, scope, view, keys);
  return recorded;
}

}  // namespace muster::engine
