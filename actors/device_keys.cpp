#include "actors/device_keys.hpp"

namespace muster::actors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

/// The key, or nothing if there is none any more. An error if there is one that cannot be had.
result<std::optional<engine::named_key>> find_key(engine::keyring& keyring, const events::data_key_id& id) {
  if (id == events::data_key_id()) return std::nullopt;
  const auto key = keyring.find(id);
  if (key) return engine::named_key{id, *key};
  if (key.error().code == errc::not_found) return std::nullopt;
  return std::unexpected(key.error());
}

result<void> open_enrollment(const events::attestation_mechanism& attestation, const events::stream_name& stream,
                             engine::keyring& keyring, enrollment_secrets& enrollment) {
  auto key = find_key(keyring, attestation.data_key);
  if (!key) return std::unexpected(key.error());
  if (!*key) return {};
  auto keys = engine::unseal_keys((*key)->key, stream, attestation.keys);
  if (!keys) return std::unexpected(keys.error());
  enrollment.data_key = std::move(*key);
  enrollment.keys = std::move(*keys);
  return {};
}

}  // namespace

result<void> open_keys(const engine::command& c, const engine::device_state& state, const events::stream_name& stream,
                       engine::keyring& keyring, enrollment_secrets& enrollment,
                       std::optional<engine::named_key>& record) {
  const bool attests = engine::evidence_of(c) != nullptr;
  if (!attests && !std::holds_alternative<engine::put_enrollment>(c)) return {};
  if (state.enrollment && !enrollment.keys) {
    const auto opened = open_enrollment(state.enrollment->enrollment.terms.attestation, stream, keyring, enrollment);
    if (!opened) return opened;
    if (attests && !enrollment.keys) return fail(errc::not_found, "the enrollment's are not in the keyring");
  }
  if (!attests || !state.registration || record) return {};
  auto key = find_key(keyring, state.registration->data_key);
  if (!key) return std::unexpected(key.error());
  record = std::move(*key);
  return {};
}

std::optional<engine::named_key> record_key_after(const engine::decision& d, const engine::device_state& state,
                                                  std::optional<engine::named_key> before) {
  if (!state.registration) return std::nullopt;
  for (const auto& key : d.keys) {
    if (key.id == state.registration->data_key) return key;
  }
  return before && before->id == state.registration->data_key ? before : std::nullopt;
}

}  // namespace muster::actors
