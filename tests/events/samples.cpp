#include "tests/events/samples.hpp"

#include "engine/device.hpp"
#include "engine/directory.hpp"
#include "engine/hub_device.hpp"
#include "engine/sealing.hpp"
#include "engine/service.hpp"
#include "events/cloud_event.hpp"
#include "events/codec.hpp"
#include "events/describe.hpp"
#include "events/schemas.hpp"
#include "events/usage_event.hpp"

#include <rapidjson/document.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <optional>

namespace muster::tests {

namespace {

using namespace events;

const auto scope = *id_scope::parse("0ne000000AB");
const auto registration = *registration_id::parse("Dev:A.1");
const auto group = *group_id::parse("Line_7");
const auto hub = *hub_name::parse("hub1.example");
const auto other_hub = *hub_name::parse("hub2.example");
const auto device = *device_id::parse("Dev#A");
constexpr timestamp moment =
    std::chrono::sys_days(std::chrono::November / 21 / 2026) + std::chrono::microseconds(123'456);

data_key_id key_number(std::uint8_t number) {
  data_key_id id;
  id.bytes.fill(number);
  return id;
}

sealed_text box(std::uint8_t number) {
  return {key_number(number), std::string("\x00\xff box ", 7) + static_cast<char>(number)};
}

symmetric_keys keys(std::uint8_t number) {
  return {box(number), box(static_cast<std::uint8_t>(number + 1))};
}

enrollment_terms minimal_terms() {
  enrollment_terms terms;
  terms.attestation = {attestation_type::symmetric_key, key_number(1), keys(1)};
  return terms;
}

enrollment_terms full_terms() {
  auto terms = minimal_terms();
  terms.iot_edge = true;
  terms.hub_host_name = hub;
  terms.twin = initial_twin{json_text{R"({"site":"K\u00f6ln","n":7.0})"}, json_text{R"({"a":{"b":[1,null,true]}})"}};
  terms.status = provisioning_status::disabled;
  terms.reprovision = reprovision_policy{false, false};
  terms.allocation = allocation_policy::static_hub;
  terms.hubs = {hub, other_hub};
  terms.custom_allocation = json_text{R"({"webhookUrl":"https://example.org/","apiVersion":"2019-03-31"})"};
  return terms;
}

individual_enrollment full_enrollment() {
  return {registration, device, json_text{R"({"made":"2026"})"}, full_terms()};
}
individual_enrollment minimal_enrollment() {
  return {registration, {}, {}, minimal_terms()};
}

attempt_report minimal_attempt() {
  attempt_report attempt;
  attempt.presented = registration;
  attempt.protocol = "https";
  attempt.api_version = "2021-06-01";
  return attempt;
}

attempt_report full_attempt() {
  auto attempt = minimal_attempt();
  attempt.source_address = box(3);
  attempt.enrollment = enrollment_reference{group, stream_version(4)};
  attempt.slot = key_slot::secondary;
  attempt.token_expiry = moment;
  attempt.checks = {{"resource", true, "0ne000000AB/registrations/Dev:A.1"}, {"signature", false, "\"quoted\" \\ \n"}};
  return attempt;
}

allocation_report full_allocation() {
  return {allocation_policy::static_hub, {{hub, 1, true}, {other_hub, 1000, false}}, hub};
}

device_registered minimal_registered() {
  device_registered e;
  e.operation_id = "5.0123456789abcdef.01234567-89ab-4def-8123-456789abcdef";
  e.attempt = minimal_attempt();
  e.hub = hub;
  e.device = device;
  e.data_key = key_number(5);
  return e;
}

device_registered full_registered() {
  auto e = minimal_registered();
  e.attempt = full_attempt();
  e.allocation = full_allocation();
  e.substatus = registration_substatus::device_data_migrated;
  e.payload = box(5);
  return e;
}

registration_failed minimal_failed() {
  registration_failed e;
  e.operation_id = "5.0123456789abcdef.01234567-89ab-4def-8123-456789abcdef";
  e.attempt = minimal_attempt();
  e.error_code = 400208;
  e.error_message = "No linked IoT hub is eligible for this enrollment.";
  e.data_key = key_number(5);
  return e;
}

registration_failed full_failed() {
  auto e = minimal_failed();
  e.attempt = full_attempt();
  e.allocation = full_allocation();
  e.payload = box(5);
  return e;
}

hub_identity identity(std::uint8_t key, bool full) {
  return {device,          hub,       registration, {full ? std::optional(group) : std::nullopt, stream_version(4)},
          key_number(key), keys(key), full};
}

const std::vector<access_policy> policies = {
    {"provisioningserviceowner",
     keys(8),
     {access_right::service_config, access_right::enrollment_read, access_right::enrollment_write,
      access_right::device_connect, access_right::registration_status_read, access_right::registration_status_write}}};
const service_settings other_settings{allocation_policy::static_hub, true, 7};
const std::vector<linked_hub> hubs = {{hub, 1, true}, {other_hub, 1000, false}};
const device_twin twin{json_text{R"({"t":1})"}, json_text{R"({"d":2})"}, json_text{R"({"r":3})"}};
const auto service = *service_name::parse("Demo");

/// The events in an order that their streams could have had, as far as types allow; each names its stream.
std::vector<std::pair<std::string, recorded_event>> sample_data() {
  const auto directory = stream_name::directory();
  const auto settings = stream_name::service(scope);
  const auto one_group = stream_name::group(scope, group);
  const auto one_device = stream_name::device(scope, registration);
  const auto one_hub_device = stream_name::hub_device(scope, hub, device);
  const auto strangers = stream_name::refusals(scope);
  std::vector<std::pair<std::string, recorded_event>> made;
  const auto add = [&](const stream_name& stream, event data, std::string_view suffix = {}) {
    recorded_event e;
    e.meta.stream = stream;
    e.meta.type = type_of(data);
    e.meta.operation = is_operation(data);
    e.data = std::move(data);
    auto name = e.meta.type + std::string(suffix);
    made.emplace_back(std::move(name), std::move(e));
  };
  constexpr std::string_view minimal = ".minimal";
  add(directory, service_placed{service, scope, shard_id(3), other_settings, hubs});
  add(directory, service_placed{service, scope, shard_id(3), {}, {}}, minimal);
  add(directory, placement_confirmed{scope});
  add(directory, placement_withdrawn{scope, "its shard is gone"});
  add(settings, service_created{service, scope, key_number(8), other_settings, policies, hubs});
  add(settings, service_created{service, scope, key_number(8), {}, {}, {}}, minimal);
  add(settings, service_settings_changed{other_settings});
  add(settings, hub_linked{{hub, 1000, false}});
  add(settings, hub_unlinked{hub});
  const webhook_endpoint endpoint{"https://example.org/events", box(8), box(9), {"muster.device_registered.v1"}, false};
  add(settings, webhook_set{endpoint});
  add(settings, webhook_set{{"https://example.org/events", {}, box(9), {}, true}}, minimal);
  add(settings, webhook_resumed{endpoint.url});
  add(settings, webhook_removed{endpoint.url});
  add(one_group, enrollment_group_created{{group, full_terms()}});
  add(one_group, enrollment_group_created{{group, minimal_terms()}}, minimal);
  add(one_group, enrollment_group_updated{{group, full_terms()}, moment});
  add(one_group, enrollment_group_updated{{group, minimal_terms()}, moment}, minimal);
  add(one_group, enrollment_group_deleted{group, key_number(1)});
  add(one_device, enrollment_created{full_enrollment()});
  add(one_device, enrollment_created{minimal_enrollment()}, minimal);
  add(one_device, enrollment_updated{full_enrollment(), moment});
  add(one_device, enrollment_updated{minimal_enrollment(), moment}, minimal);
  add(one_device, enrollment_deleted{registration, key_number(1)});
  add(one_device, full_registered());
  add(one_device, minimal_registered(), minimal);
  add(one_device, registration_joined{full_registered().operation_id, full_attempt()});
  add(one_device, registration_joined{minimal_registered().operation_id, minimal_attempt()}, minimal);
  add(one_device, full_failed());
  add(one_device, minimal_failed(), minimal);
  add(one_device, registration_refused{refusal_reason::enrollment_disabled, full_attempt(), key_number(5)});
  add(one_device, registration_refused{refusal_reason::no_credential, minimal_attempt()}, minimal);
  add(one_device, registration_deleted{registration, key_number(5)});
  add(strangers, attempts_suppressed{moment,
                                     moment + std::chrono::minutes(1),
                                     {{refusal_reason::signature_mismatch, box(6), 12},
                                      {refusal_reason::unknown_registration, {}, 3}}});
  add(strangers, attempts_suppressed{moment, moment + std::chrono::minutes(1), {}}, minimal);
  add(one_hub_device, hub_device_created{identity(7, true), twin});
  add(one_hub_device, hub_device_created{identity(7, false), {}}, minimal);
  add(one_hub_device, hub_device_updated{identity(9, true), twin, key_number(7)});
  add(one_hub_device, hub_device_updated{identity(9, false), {}, key_number(7)}, minimal);
  add(one_hub_device, hub_device_deleted{device, hub, key_number(9)});
  return made;
}

/// The row of the state that `e` makes of an empty one, or of one with what it changes in it.
template <class State>
std::string state_after(const std::vector<event>& before, const recorded_event& e) {
  State state;
  auto version = stream_version();
  for (const auto& data : before) {
    auto earlier = e;
    earlier.data = data;
    earlier.meta.type = type_of(data);
    version = version.next();
    earlier.meta.version = version;
    engine::evolve(state, earlier);
  }
  auto last = e;
  last.meta.version = version.next();
  last.meta.time += std::chrono::seconds(1);
  engine::evolve(state, last);
  return to_row(state);
}

std::optional<std::string> resulting_row(const recorded_event& e) {
  const auto subject = e.meta.stream.subject();
  if (subject == "directory") {
    if (std::holds_alternative<service_placed>(e.data)) return state_after<engine::directory_state>({}, e);
    return state_after<engine::directory_state>({service_placed{service, scope, shard_id(3), {}, hubs}}, e);
  }
  if (subject == "service") {
    if (std::holds_alternative<service_created>(e.data)) return state_after<engine::service_state>({}, e);
    return state_after<engine::service_state>({service_created{service, scope, key_number(8), {}, policies, hubs}}, e);
  }
  if (subject.starts_with("groups/")) {
    if (std::holds_alternative<enrollment_group_created>(e.data)) return state_after<engine::group_state>({}, e);
    return state_after<engine::group_state>({enrollment_group_created{{group, minimal_terms()}}}, e);
  }
  if (subject.starts_with("devices/")) {
    if (std::holds_alternative<enrollment_created>(e.data)) return state_after<engine::device_state>({}, e);
    return state_after<engine::device_state>({enrollment_created{minimal_enrollment()}, full_registered()}, e);
  }
  if (subject.starts_with("hubs/")) {
    if (std::holds_alternative<hub_device_created>(e.data)) return state_after<engine::hub_device_state>({}, e);
    return state_after<engine::hub_device_state>({hub_device_created{identity(7, false), {}}}, e);
  }
  return std::nullopt;  // refusals have no state
}

/// Two documents, a line each, as a webhook sends them.
batch_example signed_batch(std::string first, std::string second) {
  first.pop_back();
  second.pop_back();
  const std::string key(32, 'k');
  const std::string id = "3-17-2026-11-21T00.24";
  const std::string timestamp = "1795219200";
  const auto body = "[" + first + "," + second + "]";
  const auto signature = engine::hmac_sha256(key, id + "." + timestamp + "." + body);
  return {"whsec_" + to_base64(key),
          {{"content-type", "application/cloudevents-batch+json; charset=utf-8"},
           {"webhook-id", id},
           {"webhook-timestamp", timestamp},
           {"webhook-signature", "v1," + to_base64(signature)}},
          body};
}

std::string pretty(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.c_str());
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> out(buffer);
  out.SetIndent(' ', 2);
  document.Accept(out);
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace

std::vector<event_sample> event_samples() {
  std::vector<event_sample> samples;
  for (auto& [name, recorded] : sample_data()) {
    auto& meta = recorded.meta;
    meta.version = stream_version(samples.size() % 7 + 1);
    meta.sequence = log_sequence(samples.size() + 1);
    meta.time = moment;
    meta.by = "policy:provisioningserviceowner";
    meta.correlation_id = "01234567-89ab-4def-8123-456789abcdef";
    meta.command_id = "retry-1";
    samples.push_back({std::move(name), std::move(recorded)});
  }
  return samples;
}

std::map<std::string, std::string> golden_files() {
  std::map<std::string, std::string> files;
  async_api_examples examples;
  for (const auto& [name, recorded] : event_samples()) {
    if (name == recorded.meta.type && !recorded.meta.stream.scope().empty())
      examples.events.push_back({attributes_of(recorded.meta, shard_id(3)), to_json(recorded.data)});
    files["tests/golden/" + name + ".json"] = to_json(recorded.data) + "\n";
    if (const auto row = resulting_row(recorded)) files["tests/golden/" + name + ".state.hex"] = to_hex(*row) + "\n";
    if (name == device_registered::type) {
      files["tests/golden/cloud_event.json"] =
          to_cloud_event(recorded.meta, shard_id(3), to_json(recorded.data)) + "\n";
    }
  }
  const usage_reported usage{hour_of(moment),
                             hour_of(moment) + std::chrono::hours(1),
                             7,
                             {{std::string(device_registered::type), 5, 5},
                              {std::string(enrollment_created::type), 2, 2},
                              {std::string(registration_refused::type), 3, 0}},
                             log_sequence(4),
                             log_sequence(16),
                             log_sequence(17),
                             std::string(64, 'a')};
  files["tests/golden/" + std::string(usage_reported::type) + ".json"] = to_json(usage) + "\n";
  files["tests/golden/cloud_event.usage.json"] = to_cloud_event(usage, scope, shard_id(3)) + "\n";
  files["events/schemas/events.json"] = pretty(json_schema());
  examples.events.push_back({attributes_of(usage, scope, shard_id(3)), to_json(usage)});
  examples.batch = signed_batch(files["tests/golden/cloud_event.usage.json"], files["tests/golden/cloud_event.json"]);
  files["events/schemas/asyncapi.json"] = pretty(make_async_api(examples));
  return files;
}

}  // namespace muster::tests
