#pragma once

#include "engine/command.hpp"
#include "engine/device.hpp"

#include <memory>

namespace muster::engine {

/// What came of looking at a device's credential: how each check went, and which enrollment vouches for the device.
struct attestation_verdict {
  std::optional<events::refusal_reason> refusal;  ///< the first check that failed; none: the device is who it says
  std::optional<events::enrollment_reference>
      enrollment;                             ///< the enrollment whose key signed, or whose key should have
  std::shared_ptr<const opened_group> group;  ///< set if that is a group
  std::optional<events::key_slot> slot;
  std::optional<events::timestamp> token_expiry;
  std::string derived_from;  ///< group: the spelling of the id that the device key was derived from
  std::vector<events::attestation_check> checks;
  std::size_t closed_groups = 0;  ///< groups that could not be tried: their data keys are not in the keyring

  bool attested() const { return !refusal; }
};

/// Judges a symmetric-key credential against `device` and the groups of `scope`. An individual enrollment, enabled or
/// disabled, decides alone; otherwise the group that the record names is tried first, then the others. `individual`
/// holds the open keys of the individual enrollment, and is not looked at without one. A token is good if it names
/// `{scope}/registrations/{id}` without letter case, is signed by the enrollment's primary or secondary key (of a
/// group: the key derived from the id as presented, or lower-cased) and has not expired. Only then is a disabled
/// enrollment told from an unknown one. Pure.
attestation_verdict attest(const scope_snapshot& scope, const device_state& device, const opened_keys* individual,
                           const evidence& shown, events::timestamp now);

/// The keys of a device in a group: HMAC-SHA256(group key, id). DPS: concepts-symmetric-key-attestation.
opened_keys derive_device_keys(const opened_keys& group, std::string_view registration);
opened_keys derive_device_keys(const group_keys& group, std::string_view registration);

/// The report of an attempt for its event, the source address sealed under `personal`.
events::attempt_report report_of(const attestation_verdict& verdict, const evidence& shown, const named_key& personal,
                                 const events::stream_name& stream, entropy& random);

/// A device that is not let in is told this, whatever the reason: a reason would help whoever tries keys.
rejection not_attested();

}  // namespace muster::engine
