#include "engine/attestation/attest.hpp"

#include "engine/attestation/sas_token.hpp"
#include "events/bytes.hpp"

namespace muster::engine {

namespace {

using events::refusal_reason;

/// Writes down each check as it is made, and keeps the reason of the first that fails.
class checklist {
public:
  explicit checklist(attestation_verdict& verdict) : verdict_(verdict) {}

  bool check(std::string name, bool passed, std::string input, refusal_reason otherwise) {
    verdict_.checks.push_back({std::move(name), passed, std::move(input)});
    if (!passed && !verdict_.refusal) verdict_.refusal = otherwise;
    return passed;
  }

private:
  attestation_verdict& verdict_;
};

std::optional<events::key_slot> slot_that_signed(const sas_token& token, const opened_keys& keys) {
  if (token.signed_by(keys.primary)) return events::key_slot::primary;
  if (token.signed_by(keys.secondary)) return events::key_slot::secondary;
  return std::nullopt;
}

bool signed_by_derived(const sas_token& token, const hmac_key& group_key, std::string_view spelling) {
  auto derived = group_key.sign({spelling});
  const bool ok = token.signed_by(events::as_bytes(derived));
  events::wipe(derived);
  return ok;
}

// One derivation at a time, primary keys first: most devices use them.
bool try_group(attestation_verdict& verdict, const std::shared_ptr<const opened_group>& group, const sas_token& token,
               const events::registration_id& presented) {
  if (!group->keys) {
    ++verdict.closed_groups;
    return false;
  }
  for (const auto* spelling : {&presented.text(), &presented.key()}) {
    for (const auto slot : {events::key_slot::primary, events::key_slot::secondary}) {
      const auto& key =
          slot == events::key_slot::primary ? group->keys->deriving_primary : group->keys->deriving_secondary;
      if (!signed_by_derived(token, key, *spelling)) continue;
      verdict.slot = slot;
      verdict.group = group;
      verdict.derived_from = *spelling;
      return true;
    }
    if (presented.text() == presented.key()) break;
  }
  return false;
}

void find_group(attestation_verdict& verdict, const scope_snapshot& scope, const device_state& device,
                const sas_token& token, const events::registration_id& presented) {
  if (!token.has_signature()) return;
  const auto* recorded = device.registration && device.registration->group ? &*device.registration->group : nullptr;
  if (recorded != nullptr) {
    const auto at = scope.groups.find(recorded->key());
    if (at != scope.groups.end() && try_group(verdict, at->second, token, presented)) return;
  }
  for (const auto& [key, group] : scope.groups) {
    if (recorded != nullptr && key == recorded->key()) continue;
    if (try_group(verdict, group, token, presented)) return;
  }
}

void check_signature(attestation_verdict& verdict, checklist& list, const scope_snapshot& scope,
                     const device_state& device, const opened_keys* individual, const sas_token& token,
                     const events::registration_id& presented) {
  if (device.enrollment) {
    verdict.enrollment = events::enrollment_reference{std::nullopt, device.enrollment->version};
    verdict.slot = individual != nullptr ? slot_that_signed(token, *individual) : std::nullopt;
    list.check("enrollment", true, "individual", refusal_reason::unknown_registration);
    list.check("signature", verdict.slot.has_value(), "individual enrollment", refusal_reason::signature_mismatch);
    return;
  }
  // The search tries every group's keys: whoever shows a token for something else does not get it.
  if (verdict.refusal) {
    list.check("enrollment", false, "groups are not searched for such a token", *verdict.refusal);
    return;
  }
  find_group(verdict, scope, device, token, presented);
  if (verdict.group) {
    const auto& group = *verdict.group->state.group;
    verdict.enrollment = events::enrollment_reference{group.id, verdict.group->state.version};
    list.check("enrollment", true, "group " + group.id.text(), refusal_reason::unknown_registration);
    list.check("signature", true, "derived from " + verdict.derived_from, refusal_reason::signature_mismatch);
    return;
  }
  auto why = "no individual enrollment, and none of " + std::to_string(scope.groups.size()) +
             " groups has the key that signed";
  if (verdict.closed_groups != 0)
    why += "; " + std::to_string(verdict.closed_groups) + " of them could not be tried, because their keys are lost";
  // A signature mismatches only where there was a key it should have matched: that of the group it registered with.
  const bool expected =
      device.registration && device.registration->group && scope.groups.contains(device.registration->group->key());
  list.check("enrollment", false, std::move(why),
             expected ? refusal_reason::signature_mismatch : refusal_reason::unknown_registration);
}

}  // namespace

attestation_verdict attest(const scope_snapshot& scope, const device_state& device, const opened_keys* individual,
                           const evidence& shown, events::timestamp now) {
  attestation_verdict verdict;
  checklist list(verdict);
  if (!list.check("credential", shown.token.has_value(), shown.token ? "shared access signature" : "none",
                  refusal_reason::no_credential)) {
    return verdict;
  }
  const auto token = sas_token::parse(*shown.token);
  const bool key_name_ok = token && (token->key_name.empty() || token->key_name == "registration");
  if (!list.check("token", key_name_ok,
                  token ? "skn=" + token->key_name.substr(0, 64) : "not a shared access signature",
                  refusal_reason::malformed_token)) {
    return verdict;
  }
  verdict.token_expiry = token->expiry;
  const auto resource = events::to_lower(token->resource);
  const auto expected_scope = events::to_lower(scope.service.scope.text());
  list.check("scope", resource.substr(0, resource.find('/')) == expected_scope, token->resource.substr(0, 200),
             refusal_reason::wrong_scope);
  list.check("resource", resource == expected_scope + "/registrations/" + shown.presented.key(),
             token->resource.substr(0, 200), refusal_reason::wrong_resource);
  check_signature(verdict, list, scope, device, individual, *token, shown.presented);
  list.check("expiry", token->expiry >= now, events::to_iso8601(token->expiry), refusal_reason::token_expired);
  if (verdict.attested()) {
    const bool enabled =
        device.enrollment ? device.enrollment->enrollment.terms.enabled() : verdict.group->state.group->terms.enabled();
    list.check("status", enabled, enabled ? "enabled" : "disabled", refusal_reason::enrollment_disabled);
  }
  return verdict;
}

opened_keys derive_device_keys(const opened_keys& group, std::string_view registration) {
  return {hmac_sha256(group.primary, registration), hmac_sha256(group.secondary, registration)};
}

opened_keys derive_device_keys(const group_keys& group, std::string_view registration) {
  const auto primary = group.deriving_primary.sign({registration});
  const auto secondary = group.deriving_secondary.sign({registration});
  return {std::string(events::as_bytes(primary)), std::string(events::as_bytes(secondary))};
}

events::attempt_report report_of(const attestation_verdict& verdict, const evidence& shown, const named_key& personal,
                                 const events::stream_name& stream, entropy& random) {
  events::attempt_report report;
  report.presented = shown.presented;
  report.protocol = shown.protocol;
  report.api_version = shown.api_version;
  if (!shown.source_address.empty()) {
    report.source_address = seal(personal, stream, "sourceAddress", shown.source_address, random);
  }
  report.enrollment = verdict.enrollment;
  report.slot = verdict.slot;
  report.token_expiry = verdict.token_expiry;
  report.checks = verdict.checks;
  return report;
}

rejection not_attested() {
  return {rejection_code::not_attested, "Unauthorized", {}};
}

}  // namespace muster::engine
