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

answer answer_of(const events::recorded_event& e, keyring& keys) {
  const auto enrollment = [&](const events::individual_enrollment& stored, events::timestamp created) -> answer {
    return enrollment_answer{{stored, e.meta.version, created, e.meta.time},
                             open_keys(stored.terms.attestation, e.meta.stream, keys)};
  };
  const auto group = [&](const events::enrollment_group& stored, events::timestamp created) -> answer {
    return group_answer{{e.meta.version, stored, created, e.meta.time},
                        open_keys(stored.terms.attestation, e.meta.stream, keys)};
  };
  return std::visit(
      overload{[&](const events::enrollment_created& each) { return enrollment(each.enrollment, e.meta.time); },
               [&](const events::enrollment_updated& each) { return enrollment(each.enrollment, each.created); },
               [&](const events::enrollment_group_created& each) { return group(each.group, e.meta.time); },
               [&](const events::enrollment_group_updated& each) { return group(each.group, each.created); },
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
  recorded.found = answer_of(*event, keys);
  return recorded;
}

}  // namespace muster::engine
