#include "connectors/api/enrollment_json.hpp"

#include "connectors/json/json_members.hpp"
#include "engine/answer.hpp"
#include "engine/limits.hpp"
#include "events/bytes.hpp"
#include "events/describe.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace muster::connectors {

namespace {

namespace limits = engine::limits;

/// An enumeration's value without letter case, as DPS takes them. `missing` lists what DPS knows and this version does
/// not.
template <class Enum>
std::optional<Enum> read_enum(json_members& in, std::string_view name, std::span<const std::string_view> missing = {}) {
  const auto text = in.string(name);
  if (!text) return std::nullopt;
  if (const auto value = events::value_named<Enum>(*text)) return value;
  std::string choices;
  for (const auto each : events::enum_names<Enum>)
    choices.append(choices.empty() ? "'" : " or '").append(each).append("'");
  const bool known = std::ranges::any_of(
      missing, [&](std::string_view each) { return events::to_lower(each) == events::to_lower(*text); });
  if (known)
    in.wrong(name, "'" + *text + "' is not available in this version; use " + choices);
  else
    in.expected(name, choices + ", not '" + text->substr(0, 60) + "'");
  return std::nullopt;
}

std::string read_key(json_members& in, std::string_view name) {
  auto text = in.string(name).value_or("");
  if (text.empty()) return text;
  auto key = events::from_base64(text);
  if (!key || key->size() < limits::symmetric_key_bytes_min || key->size() > limits::symmetric_key_bytes_max) {
    in.expected(name, "base64 of " + std::to_string(limits::symmetric_key_bytes_min) + " to " +
                          std::to_string(limits::symmetric_key_bytes_max) + " bytes" +
                          (key ? ", not of " + std::to_string(key->size()) : ""));
  }
  if (key) events::wipe(*key);
  return text;
}

engine::requested_keys read_attestation(json_members& in, events::attestation_mechanism& attestation) {
  static constexpr std::array<std::string_view, 3> missing = {"none", "tpm", "x509"};
  if (in.value("attestation") == nullptr) {
    in.wrong("attestation", R"(it is missing; for a symmetric key give {"type":"symmetricKey"})");
    return {};
  }
  auto members = in.below("attestation");
  const auto type = read_enum<events::attestation_type>(members, "type", missing);
  if (!type) {
    members.wrong("type", "it is missing; give 'symmetricKey'");
    return {};
  }
  attestation.type = *type;
  for (const auto other : {"tpm", "x509"}) {
    if (members.value(other) != nullptr)
      members.wrong(other, "it does not go with the type 'symmetricKey'; leave it out");
  }
  auto keys = members.below("symmetricKey");
  return {read_key(keys, "primaryKey"), read_key(keys, "secondaryKey")};
}

std::optional<events::json_text> read_object(json_members& in, std::string_view name, std::size_t bytes_max) {
  auto text = in.object_text(name);
  if (!text) return std::nullopt;
  if (text->size() > bytes_max) {
    in.wrong(name, "it has " + std::to_string(text->size()) + " bytes as compact JSON; at most " +
                       std::to_string(bytes_max) + " are taken");
  }
  return events::json_text{std::move(*text)};
}

std::optional<events::initial_twin> read_twin(json_members& in) {
  if (in.value("initialTwin") == nullptr) return std::nullopt;
  auto members = in.below("initialTwin");
  events::initial_twin twin;
  twin.tags = read_object(members, "tags", limits::twin_tags_bytes_max);
  auto properties = members.below("properties");
  twin.desired = read_object(properties, "desired", limits::twin_desired_bytes_max);
  return twin;
}

std::optional<events::reprovision_policy> read_reprovision(json_members& in) {
  if (in.value("reprovisionPolicy") == nullptr) return std::nullopt;
  auto members = in.below("reprovisionPolicy");
  events::reprovision_policy policy;
  policy.update_hub_assignment = members.boolean("updateHubAssignment").value_or(true);
  policy.migrate_device_data = members.boolean("migrateDeviceData").value_or(true);
  return policy;
}

std::vector<events::hub_name> read_hubs(json_members& in) {
  std::vector<events::hub_name> hubs;
  const auto texts = in.strings("iotHubs");
  if (!texts) return hubs;
  for (const auto& text : *texts) {
    const auto where = "iotHubs[" + std::to_string(hubs.size()) + "]";
    const auto hub = events::hub_name::parse(text);
    if (!hub) {
      in.expected(where, std::string(events::hub_name::rule()) + ", not '" + text.substr(0, 140) + "'");
      return {};
    }
    if (std::ranges::find(hubs, *hub) != hubs.end()) in.wrong(where, "'" + text + "' is named twice");
    hubs.push_back(*hub);
  }
  return hubs;
}

// It is kept and given back, not used. A query may hold a function's key, and what is kept here is not under seal.
std::optional<events::json_text> read_custom_allocation(json_members& in) {
  auto text = read_object(in, "customAllocationDefinition", limits::request_body_bytes_max);
  if (!text) return std::nullopt;
  auto members = in.below("customAllocationDefinition");
  const auto url = members.string("webhookUrl").value_or("");
  if (url.find_first_of("?@") != std::string::npos) {
    members.wrong(
        "webhookUrl",
        "custom allocation is not available in this version, and a URL with a query or a user is not kept, since "
        "it may hold a secret; leave the query out");
  }
  return text;
}

void check_allocation(json_members& in, const events::enrollment_terms& terms) {
  if (!terms.hubs.empty() && !terms.allocation) {
    in.wrong("allocationPolicy", "it is required when iotHubs are given; use 'hashed' or 'static'");
  }
  if (terms.allocation == events::allocation_policy::static_hub && terms.hubs.size() > 1) {
    in.wrong("iotHubs", "the allocation policy 'static' takes one hub, not " + std::to_string(terms.hubs.size()));
  }
}

engine::requested_keys read_terms(json_members& in, events::enrollment_terms& terms) {
  static constexpr std::array<std::string_view, 2> missing_policies = {"geoLatency", "custom"};
  auto keys = read_attestation(in, terms.attestation);
  if (in.value("capabilities") != nullptr) terms.iot_edge = in.below("capabilities").boolean("iotEdge").value_or(false);
  if (!in.string("iotHubHostName").value_or("").empty()) {
    terms.hub_host_name = in.named<events::hub_name>("iotHubHostName");
  }
  terms.twin = read_twin(in);
  terms.status = read_enum<events::provisioning_status>(in, "provisioningStatus");
  terms.reprovision = read_reprovision(in);
  terms.allocation = read_enum<events::allocation_policy>(in, "allocationPolicy", missing_policies);
  terms.hubs = read_hubs(in);
  terms.custom_allocation = read_custom_allocation(in);
  check_allocation(in, terms);
  return keys;
}

// The body's spelling of the id if it gives one, which must be the path's but for letter case.
template <class Id>
Id read_id(json_members& in, std::string_view name, const Id& path_id) {
  const auto id = in.named<Id>(name);
  if (!id) return path_id;
  if (*id != path_id)
    in.wrong(name, "it is '" + id->text() + "', but the path names '" + path_id.text() + "'; they must be the same");
  return *id;
}

void write_attestation(json_writer& out, const events::attestation_mechanism& attestation, const shown_keys& keys) {
  out.begin_object("attestation");
  out.string("type", events::name_of(attestation.type));
  if (keys) {
    out.begin_object("symmetricKey");
    out.string("primaryKey", events::to_base64(keys->primary));
    out.string("secondaryKey", events::to_base64(keys->secondary));
    out.end_object();
  }
  out.end_object();
}

void write_twin(json_writer& out, const events::initial_twin& twin) {
  out.begin_object("initialTwin");
  if (twin.tags) out.raw("tags", twin.tags->text);
  if (twin.desired) {
    out.begin_object("properties");
    out.raw("desired", twin.desired->text);
    out.end_object();
  }
  out.end_object();
}

/// What stands in the middle and at the end of both kinds, in the order that the real service uses.
void write_terms(json_writer& out, const events::enrollment_terms& terms, const shown_keys& keys,
                 events::stream_version version, events::timestamp created, events::timestamp updated) {
  write_attestation(out, terms.attestation, keys);
  if (terms.iot_edge) {
    out.begin_object("capabilities");
    out.boolean("iotEdge", *terms.iot_edge);
    out.end_object();
  }
  if (terms.hub_host_name) out.string("iotHubHostName", terms.hub_host_name->text());
  if (terms.twin) write_twin(out, *terms.twin);
  out.string("etag", engine::etag_of(version));
  out.string("provisioningStatus", events::name_of(terms.status.value_or(events::provisioning_status::enabled)));
  if (terms.reprovision) {
    out.begin_object("reprovisionPolicy");
    out.boolean("updateHubAssignment", terms.reprovision->update_hub_assignment);
    out.boolean("migrateDeviceData", terms.reprovision->migrate_device_data);
    out.end_object();
  }
  out.string("createdDateTimeUtc", events::to_iso8601(created));
  out.string("lastUpdatedDateTimeUtc", events::to_iso8601(updated));
  if (terms.allocation) out.string("allocationPolicy", events::name_of(*terms.allocation));
  if (!terms.hubs.empty()) {
    out.begin_array("iotHubs");
    for (const auto& hub : terms.hubs) out.string(hub.text());
    out.end_array();
  }
  if (terms.custom_allocation) out.raw("customAllocationDefinition", terms.custom_allocation->text);
}

}  // namespace

std::expected<enrollment_body, std::string> read_enrollment(const json_value& body, const events::registration_id& id) {
  json_members in(body);
  enrollment_body read;
  read.enrollment.id = read_id(in, "registrationId", id);
  read.enrollment.device = in.named<events::device_id>("deviceId");
  read.enrollment.device_information = read_object(in, "optionalDeviceInformation", limits::request_body_bytes_max);
  read.keys = read_terms(in, read.enrollment.terms);
  if (!in.ok()) return std::unexpected(in.error());
  return read;
}

std::expected<group_body, std::string> read_group(const json_value& body, const events::group_id& id) {
  json_members in(body);
  group_body read;
  read.group.id = read_id(in, "enrollmentGroupId", id);
  read.keys = read_terms(in, read.group.terms);
  if (!in.ok()) return std::unexpected(in.error());
  return read;
}

void write_enrollment(json_writer& out, const engine::enrollment_record& record, const shown_keys& keys,
                      const std::optional<std::string>& registration_state) {
  const auto& enrollment = record.enrollment;
  out.begin_object();
  out.string("registrationId", enrollment.id.text());
  if (enrollment.device) out.string("deviceId", enrollment.device->text());
  if (registration_state) out.raw("registrationState", *registration_state);
  if (enrollment.device_information) out.raw("optionalDeviceInformation", enrollment.device_information->text);
  write_terms(out, enrollment.terms, keys, record.version, record.created, record.updated);
  out.end_object();
}

void write_group(json_writer& out, const engine::group_state& state, const shown_keys& keys) {
  out.begin_object();
  out.string("enrollmentGroupId", state.group->id.text());
  write_terms(out, state.group->terms, keys, state.version, state.created, state.updated);
  out.end_object();
}

}  // namespace muster::connectors
