#pragma once

#include "events/ids.hpp"
#include "events/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The values that several events share. Every struct lists its members once, in `describe`, and from that list come
/// its JSON form, its row form and its JSON Schema (events/describe.hpp). **The member names given there are the
/// storage format.**
namespace muster::events {

/// A JSON value as text, kept exactly as it came but for white space between tokens: twins and device information
/// belong to the user, and a number sent as `7.0` is given back as `7.0`.
struct json_text {
  std::string text;
  friend bool operator==(const json_text&, const json_text&) = default;
};

/// A secret or personal field under AES-256-GCM (engine/sealing.hpp). `box` is `nonce (12) | ciphertext | tag (16)`.
/// In JSON: base64 of `key id (16) | box`.
struct sealed_text {
  data_key_id key;
  std::string box;
  friend bool operator==(const sealed_text&, const sealed_text&) = default;
};

/// Names of an enumeration's values in order, first value 0: the text in JSON and on the wire.
template <class Enum>
inline constexpr std::nullptr_t enum_names = nullptr;

enum class provisioning_status : std::uint8_t { enabled, disabled };
template <>
inline constexpr std::string_view enum_names<provisioning_status>[] = {"enabled", "disabled"};

enum class attestation_type : std::uint8_t { symmetric_key };
template <>
inline constexpr std::string_view enum_names<attestation_type>[] = {"symmetricKey"};

enum class allocation_policy : std::uint8_t { hashed, static_hub };
template <>
inline constexpr std::string_view enum_names<allocation_policy>[] = {"hashed", "static"};

/// Which of two keys signed.
enum class key_slot : std::uint8_t { primary, secondary };
template <>
inline constexpr std::string_view enum_names<key_slot>[] = {"primary", "secondary"};

/// State of a registration record. DPS: DeviceRegistrationState.status; a device that never registered is `unassigned`
/// and has no record.
enum class registration_status : std::uint8_t { assigned, failed, disabled };
template <>
inline constexpr std::string_view enum_names<registration_status>[] = {"assigned", "failed", "disabled"};

/// DPS: DeviceRegistrationState.substatus.
enum class registration_substatus : std::uint8_t {
  initial_assignment,
  device_data_migrated,
  device_data_reset,
  reprovisioned_to_initial_assignment
};
template <>
inline constexpr std::string_view enum_names<registration_substatus>[] = {
    "initialAssignment", "deviceDataMigrated", "deviceDataReset", "reprovisionedToInitialAssignment"};

/// The two symmetric keys of an entry, each under seal: the raw bytes, not their base64 text.
struct symmetric_keys {
  sealed_text primary;
  sealed_text secondary;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("primaryKey", self.primary);
    visit("secondaryKey", self.secondary);
  }
  friend bool operator==(const symmetric_keys&, const symmetric_keys&) = default;
};

/// How a device proves itself. `data_key` seals the keys and dies with the enrollment.
struct attestation_mechanism {
  attestation_type type = attestation_type::symmetric_key;
  data_key_id data_key;
  symmetric_keys keys;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("type", self.type);
    visit("dataKey", self.data_key);
    visit("symmetricKey", self.keys);
  }
  friend bool operator==(const attestation_mechanism&, const attestation_mechanism&) = default;
};

/// DPS: ReprovisionPolicy.
struct reprovision_policy {
  bool update_hub_assignment = true;
  bool migrate_device_data = true;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("updateHubAssignment", self.update_hub_assignment);
    visit("migrateDeviceData", self.migrate_device_data);
  }
  friend bool operator==(const reprovision_policy&, const reprovision_policy&) = default;
};

/// DPS: InitialTwin. Each part is a JSON object.
struct initial_twin {
  std::optional<json_text> tags;
  std::optional<json_text> desired;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("tags", self.tags);
    visit("desired", self.desired);
  }
  friend bool operator==(const initial_twin&, const initial_twin&) = default;
};

/// What an individual enrollment and an enrollment group have in common.
struct enrollment_terms {
  attestation_mechanism attestation;
  std::optional<bool> iot_edge;                   ///< DPS: capabilities.iotEdge
  std::optional<hub_name> hub_host_name;          ///< DPS: iotHubHostName, the single hub of older API versions
  std::optional<initial_twin> twin;               ///< DPS: initialTwin
  std::optional<provisioning_status> status;      ///< absent means enabled
  std::optional<reprovision_policy> reprovision;  ///< absent means re-provision and migrate
  std::optional<allocation_policy> allocation;    ///< absent means the service's default
  std::vector<hub_name> hubs;                     ///< DPS: iotHubs; empty means all linked hubs
  std::optional<json_text> custom_allocation;     ///< DPS: customAllocationDefinition, kept and given back
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("attestation", self.attestation);
    visit("iotEdge", self.iot_edge);
    visit("iotHubHostName", self.hub_host_name);
    visit("initialTwin", self.twin);
    visit("provisioningStatus", self.status);
    visit("reprovisionPolicy", self.reprovision);
    visit("allocationPolicy", self.allocation);
    visit("iotHubs", self.hubs);
    visit("customAllocationDefinition", self.custom_allocation);
  }
  bool enabled() const { return status.value_or(provisioning_status::enabled) == provisioning_status::enabled; }
  friend bool operator==(const enrollment_terms&, const enrollment_terms&) = default;
};

/// DPS: IndividualEnrollment, without what the server adds.
struct individual_enrollment {
  registration_id id;
  std::optional<device_id> device;              ///< the hub identity's name; absent means the registration id
  std::optional<json_text> device_information;  ///< DPS: optionalDeviceInformation, a JSON object
  enrollment_terms terms;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("registrationId", self.id);
    visit("deviceId", self.device);
    visit("optionalDeviceInformation", self.device_information);
    visit("terms", self.terms);
  }
  friend bool operator==(const individual_enrollment&, const individual_enrollment&) = default;
};

/// DPS: EnrollmentGroup, without what the server adds.
struct enrollment_group {
  group_id id;
  enrollment_terms terms;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("enrollmentGroupId", self.id);
    visit("terms", self.terms);
  }
  friend bool operator==(const enrollment_group&, const enrollment_group&) = default;
};

/// A hub that a service may assign devices to. ARM: properties.iotHubs[].
struct linked_hub {
  hub_name name;
  std::uint32_t weight = 1;             ///< 1 to 1000: its share of evenly weighted devices
  bool apply_allocation_policy = true;  ///< false: assigned only where an enrollment names it with the static policy
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("weight", self.weight);
    visit("applyAllocationPolicy", self.apply_allocation_policy);
  }
  friend bool operator==(const linked_hub&, const linked_hub&) = default;
};

/// What a shared access policy lets its holder do. ARM: AccessRightsDescription.
enum class access_right : std::uint8_t {
  service_config,
  enrollment_read,
  enrollment_write,
  device_connect,
  registration_status_read,
  registration_status_write
};
template <>
inline constexpr std::string_view enum_names<access_right>[] = {"ServiceConfig",          "EnrollmentRead",
                                                                "EnrollmentWrite",        "DeviceConnect",
                                                                "RegistrationStatusRead", "RegistrationStatusWrite"};

/// A shared access policy of a service; its keys are sealed under the service's data key.
struct access_policy {
  std::string name;
  symmetric_keys keys;
  std::vector<access_right> rights;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("keys", self.keys);
    visit("rights", self.rights);
  }
  friend bool operator==(const access_policy&, const access_policy&) = default;
};

/// What an operator may set on a service.
struct service_settings {
  allocation_policy allocation = allocation_policy::hashed;
  bool assigning_first = false;  ///< answer a register with 202 `assigning` even when the assignment is done
  std::uint32_t symmetric_key_groups_max = 100;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("allocationPolicy", self.allocation);
    visit("assigningFirst", self.assigning_first);
    visit("symmetricKeyGroupsMax", self.symmetric_key_groups_max);
  }
  friend bool operator==(const service_settings&, const service_settings&) = default;
};

/// One thing that was looked at to attest a device, and what was seen.
struct attestation_check {
  std::string name;  ///< `enrollment`, `status`, `resource`, `expiry`, `signature`
  bool passed = false;
  std::string input;  ///< what was compared, never a secret: an expiry, a resource text, a group's name
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("passed", self.passed);
    visit("input", self.input);
  }
  friend bool operator==(const attestation_check&, const attestation_check&) = default;
};

/// Which enrollment a device was judged by.
struct enrollment_reference {
  std::optional<group_id> group;  ///< absent: the individual enrollment
  stream_version version;         ///< the enrollment's version then: its etag
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("enrollmentGroupId", self.group);
    visit("version", self.version);
  }
  friend bool operator==(const enrollment_reference&, const enrollment_reference&) = default;
};

/// How an attempt came in and what its judgement rested on: enough to explain and to judge it again.
struct attempt_report {
  registration_id presented;  ///< as the device spelled it
  std::string protocol;       ///< `https`
  std::string api_version;
  std::optional<sealed_text> source_address;  ///< personal
  std::optional<enrollment_reference> enrollment;
  std::optional<key_slot> slot;  ///< which key signed
  std::optional<timestamp> token_expiry;
  std::vector<attestation_check> checks;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("registrationId", self.presented);
    visit("protocol", self.protocol);
    visit("apiVersion", self.api_version);
    visit("sourceAddress", self.source_address);
    visit("enrollment", self.enrollment);
    visit("keySlot", self.slot);
    visit("tokenExpiry", self.token_expiry);
    visit("checks", self.checks);
  }
  friend bool operator==(const attempt_report&, const attempt_report&) = default;
};

/// Where the events of a service are sent. What stands behind `?` in its URL is a secret, and kept apart.
struct webhook_endpoint {
  std::string url;                   ///< up to the query
  std::optional<sealed_text> query;  ///< without the `?`
  sealed_text secret;                ///< the raw key that signs what is sent
  std::vector<std::string> types;    ///< of events; empty: all
  bool validate = true;              ///< ask the endpoint by OPTIONS whether it wants events
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("url", self.url);
    visit("query", self.query);
    visit("secret", self.secret);
    visit("types", self.types);
    visit("validate", self.validate);
  }
  friend bool operator==(const webhook_endpoint&, const webhook_endpoint&) = default;
};

/// The whole input of an allocation, and its result.
struct allocation_report {
  allocation_policy policy = allocation_policy::hashed;
  std::vector<linked_hub> candidates;
  std::optional<hub_name> chosen;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("policy", self.policy);
    visit("candidates", self.candidates);
    visit("chosen", self.chosen);
  }
  friend bool operator==(const allocation_report&, const allocation_report&) = default;
};

}  // namespace muster::events
