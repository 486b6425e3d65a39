#include "connectors/api/enrollment_json.hpp"
#include "connectors/api/registration_json.hpp"
#include "engine/answer.hpp"
#include "events/bytes.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using namespace std::chrono_literals;

const auto id = *events::registration_id::parse("dev-1");
const auto group = *events::group_id::parse("line-1");
const auto created =
    events::timestamp(std::chrono::sys_days(std::chrono::May / 19 / 2023) + 23h + 10min + 47s + 686968us);

std::expected<connectors::enrollment_body, std::string> read(std::string_view body) {
  const auto json = connectors::read_json_object(body);
  if (!json) return std::unexpected(json.error());
  return connectors::read_enrollment(*json, id);
}

std::string error_of(std::string_view body) {
  const auto enrollment = read(body);
  return enrollment ? "" : enrollment.error();
}

/// A body with a good attestation and `members`.
std::string with(const std::string& members) {
  return R"({"attestation":{"type":"symmetricKey"},)" + members + "}";
}

engine::enrollment_record record_of(const events::individual_enrollment& enrollment) {
  return {enrollment, events::stream_version(3), created, created + 3s};
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(enrollment_json)

BOOST_AUTO_TEST_CASE(a_full_enrollment_is_written_as_the_vendor_writes_it) {
  const auto body = read(R"({
    "registrationId": "DEV-1", "deviceId": "my.Device", "optionalDeviceInformation": {"model": "m", "rev": 7.0},
    "attestation": {"type": "SymmetricKey", "tpm": null, "x509": null,
                    "symmetricKey": {"primaryKey": "MDEyMzQ1Njc4OWFiY2RlZg==", "secondaryKey": "ZmVkY2JhOTg3NjU0MzIxMA=="}},
    "capabilities": {"iotEdge": true}, "iotHubHostName": "",
    "initialTwin": {"tags": {"floor": 3, "list": [1, 2.50]}, "properties": {"desired": {"a": {"b": null}}}},
    "etag": "old", "provisioningStatus": "Disabled",
    "reprovisionPolicy": {"updateHubAssignment": true, "migrateDeviceData": false},
    "createdDateTimeUtc": "2001-01-01T00:00:00Z", "lastUpdatedDateTimeUtc": "2001-01-01T00:00:00Z",
    "registrationState": {"status": "assigned"}, "unknownMember": [1],
    "allocationPolicy": "Hashed", "iotHubs": ["hub1", "hub2.example.net"],
    "customAllocationDefinition": {"webhookUrl": "https://www.test.test", "apiVersion": "2019-03-31"}})");
  BOOST_REQUIRE_MESSAGE(body, body.error());
  BOOST_TEST(body->keys.primary == "MDEyMzQ1Njc4OWFiY2RlZg==");
  connectors::json_writer out;
  connectors::write_enrollment(out, record_of(body->enrollment),
                               engine::opened_keys("0123456789abcdef", "fedcba9876543210"));
  BOOST_TEST(
      out.take() ==
      R"({"registrationId":"DEV-1","deviceId":"my.Device","optionalDeviceInformation":{"model":"m","rev":7.0},)"
      R"("attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"MDEyMzQ1Njc4OWFiY2RlZg==","secondaryKey":"ZmVkY2JhOTg3NjU0MzIxMA=="}},)"
      R"("capabilities":{"iotEdge":true},"initialTwin":{"tags":{"floor":3,"list":[1,2.50]},"properties":{"desired":{"a":{"b":null}}}},)"
      R"("etag":")" +
          engine::etag_of(events::stream_version(3)) +
          R"(","provisioningStatus":"disabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false},)"
          R"("createdDateTimeUtc":"2023-05-19T23:10:47.6869680Z","lastUpdatedDateTimeUtc":"2023-05-19T23:10:50.6869680Z",)"
          R"("allocationPolicy":"hashed","iotHubs":["hub1","hub2.example.net"],)"
          R"("customAllocationDefinition":{"webhookUrl":"https://www.test.test","apiVersion":"2019-03-31"}})");
}

BOOST_AUTO_TEST_CASE(a_small_enrollment_shows_no_keys_and_no_defaults_but_its_status) {
  // What the Python client sends: every optional member is null.
  const auto body =
      read(R"({"registrationId":"dev-1","attestation":{"type":"symmetricKey","symmetricKey":{}},"capabilities":null,
    "iotHubs":null,"iotHubHostName":null,"initialTwin":null,"customAllocationDefinition":null,"reprovisionPolicy":null,
    "provisioningStatus":null,"deviceId":null,"optionalDeviceInformation":null,"allocationPolicy":null})");
  BOOST_REQUIRE_MESSAGE(body, body.error());
  BOOST_TEST(body->keys.primary.empty());
  connectors::json_writer out;
  connectors::write_enrollment(out, record_of(body->enrollment), std::nullopt,
                               R"({"registrationId":"dev-1","status":"unassigned"})");
  BOOST_TEST(out.take() ==
             R"({"registrationId":"dev-1","registrationState":{"registrationId":"dev-1","status":"unassigned"},)"
             R"("attestation":{"type":"symmetricKey"},"etag":")" +
                 engine::etag_of(events::stream_version(3)) +
                 R"(","provisioningStatus":"enabled","createdDateTimeUtc":"2023-05-19T23:10:47.6869680Z",)"
                 R"("lastUpdatedDateTimeUtc":"2023-05-19T23:10:50.6869680Z"})");
}

BOOST_AUTO_TEST_CASE(what_was_written_is_read_back_the_same) {
  const auto body = read(with(
      R"("capabilities":{"iotEdge":false},"initialTwin":{"tags":{"t":7.0}},"allocationPolicy":"static","iotHubs":["h"])"));
  BOOST_REQUIRE_MESSAGE(body, body.error());
  connectors::json_writer out;
  connectors::write_enrollment(out, record_of(body->enrollment), std::nullopt);
  const auto again = read(out.take());
  BOOST_REQUIRE_MESSAGE(again, again.error());
  auto expected = body->enrollment;
  expected.terms.status = events::provisioning_status::enabled;
  BOOST_TEST((again->enrollment == expected));
}

BOOST_AUTO_TEST_CASE(java_gives_empty_keys_which_means_generate_or_keep) {
  const auto body =
      read(R"({"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"","secondaryKey":null}}})");
  BOOST_REQUIRE_MESSAGE(body, body.error());
  BOOST_TEST(body->keys.primary.empty());
  BOOST_TEST(body->keys.secondary.empty());
  BOOST_TEST(body->enrollment.id.text() == "dev-1");
}

BOOST_AUTO_TEST_CASE(a_wrong_member_is_refused_with_its_path_and_what_would_be_right) {
  struct row {
    std::string body;
    std::string says;
  };
  const auto key = [](std::size_t bytes) {
    return R"({"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":")" +
           events::to_base64(std::string(bytes, 'k')) + "\"}}}";
  };
  const row rows[] = {
      {"{}", R"(attestation: it is missing; for a symmetric key give {"type":"symmetricKey"}.)"},
      {R"({"attestation":null})", "attestation: it is missing"},
      {R"({"attestation":"x"})", "attestation: expected an object."},
      {R"({"attestation":{}})", "attestation.type: it is missing; give 'symmetricKey'."},
      {R"({"attestation":{"type":"x509"}})",
       "attestation.type: 'x509' is not available in this version; use 'symmetricKey'."},
      {R"({"attestation":{"type":"TPM"}})",
       "attestation.type: 'TPM' is not available in this version; use 'symmetricKey'."},
      {R"({"attestation":{"type":"none"}})", "is not available in this version"},
      {R"({"attestation":{"type":"magic"}})", "attestation.type: expected 'symmetricKey', not 'magic'."},
      {R"({"attestation":{"type":7}})", "attestation.type: expected a string."},
      {R"({"attestation":{"type":"symmetricKey","tpm":{"endorsementKey":"a"}}})",
       "attestation.tpm: it does not go with the type"},
      {R"({"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"not base64"}}})",
       "attestation.symmetricKey.primaryKey: expected base64 of 16 to 64 bytes."},
      {R"({"attestation":{"type":"symmetricKey","symmetricKey":{"secondaryKey":5}}})",
       "attestation.symmetricKey.secondaryKey: expected a string."},
      {key(15), "attestation.symmetricKey.primaryKey: expected base64 of 16 to 64 bytes, not of 15."},
      {key(65), "attestation.symmetricKey.primaryKey: expected base64 of 16 to 64 bytes, not of 65."},
      {with(R"("registrationId":"dev-2")"),
       "registrationId: it is 'dev-2', but the path names 'dev-1'; they must be the same."},
      {with(R"("registrationId":"dev 1")"), "registrationId: expected 1 to 128 letters"},
      {with(R"("deviceId":"a b")"), "deviceId: expected 1 to 128 letters"},
      {with(R"("deviceId":5)"), "deviceId: expected a string."},
      {with(R"("optionalDeviceInformation":[])"), "optionalDeviceInformation: expected an object."},
      {with(R"("capabilities":{"iotEdge":"yes"})"), "capabilities.iotEdge: expected true or false."},
      {with(R"("iotHubHostName":"-bad-")"), "iotHubHostName: expected a host name"},
      {with(R"("initialTwin":{"tags":[]})"), "initialTwin.tags: expected an object."},
      {with(R"("initialTwin":{"properties":{"desired":7}})"), "initialTwin.properties.desired: expected an object."},
      {with(R"("initialTwin":{"tags":{"a":")" + std::string(8193, 'x') + "\"}}"),
       "initialTwin.tags: it has 8201 bytes as compact JSON; at most 8192"},
      {with(R"("initialTwin":{"properties":{"desired":{"a":")" + std::string(32768, 'x') + "\"}}}"),
       "initialTwin.properties.desired: it has 32776 bytes as compact JSON; at most 32768"},
      {with(R"("provisioningStatus":"on")"), "provisioningStatus: expected 'enabled' or 'disabled', not 'on'."},
      {with(R"("reprovisionPolicy":{"migrateDeviceData":1})"),
       "reprovisionPolicy.migrateDeviceData: expected true or false."},
      {with(R"("allocationPolicy":"geoLatency")"),
       "allocationPolicy: 'geoLatency' is not available in this version; use 'hashed' or 'static'."},
      {with(R"("allocationPolicy":"Custom")"), "allocationPolicy: 'Custom' is not available in this version"},
      {with(R"("allocationPolicy":"random")"), "allocationPolicy: expected 'hashed' or 'static', not 'random'."},
      {with(R"("iotHubs":["h1"])"),
       "allocationPolicy: it is required when iotHubs are given; use 'hashed' or 'static'."},
      {with(R"("allocationPolicy":"static","iotHubs":["h1","h2"])"),
       "iotHubs: the allocation policy 'static' takes one hub, not 2."},
      {with(R"("allocationPolicy":"hashed","iotHubs":["h1","H1"])"), "iotHubs[1]: 'H1' is named twice."},
      {with(R"("allocationPolicy":"hashed","iotHubs":["h1",7])"), "iotHubs[1]: expected a string."},
      {with(R"("allocationPolicy":"hashed","iotHubs":["no host"])"), "iotHubs[0]: expected a host name"},
      {with(R"("customAllocationDefinition":{"webhookUrl":"https://f.test/api?code=secret"})"),
       "customAllocationDefinition.webhookUrl:"},
  };
  for (const auto& each : rows) {
    const auto error = error_of(each.body);
    BOOST_TEST(contains(error, each.says), each.body.substr(0, 80) << " -> " << error);
    BOOST_TEST(!contains(error, "code="), error);
  }
}

BOOST_AUTO_TEST_CASE(keys_of_16_to_64_bytes_are_taken) {
  for (const std::size_t bytes : {16U, 63U, 64U}) {
    BOOST_TEST(error_of(R"({"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":")" +
                        events::to_base64(std::string(bytes, 'k')) + "\"}}}") == "");
  }
}

BOOST_AUTO_TEST_CASE(a_group_has_the_same_members_and_its_own_id) {
  const auto json = connectors::read_json_object(
      R"({"enrollmentGroupId":"LINE-1","attestation":{"type":"symmetricKey"},"capabilities":{"iotEdge":true}})");
  BOOST_REQUIRE(json);
  const auto body = connectors::read_group(*json, group);
  BOOST_REQUIRE_MESSAGE(body, body.error());
  connectors::json_writer out;
  connectors::write_group(out, {events::stream_version(1), body->group, created, created}, std::nullopt);
  BOOST_TEST(
      out.take() ==
      R"({"enrollmentGroupId":"LINE-1","attestation":{"type":"symmetricKey"},"capabilities":{"iotEdge":true},"etag":")" +
          engine::etag_of(events::stream_version(1)) +
          R"(","provisioningStatus":"enabled","createdDateTimeUtc":"2023-05-19T23:10:47.6869680Z",)"
          R"("lastUpdatedDateTimeUtc":"2023-05-19T23:10:47.6869680Z"})");
  const auto other =
      connectors::read_json_object(R"({"enrollmentGroupId":"line-2","attestation":{"type":"symmetricKey"}})");
  BOOST_TEST(connectors::read_group(*other, group).error() ==
             "enrollmentGroupId: it is 'line-2', but the path names 'line-1'; they must be the same.");
}

BOOST_AUTO_TEST_CASE(a_record_tells_the_device_less_than_the_back_end) {
  engine::registration_record record;
  record.id = id;
  record.version = events::stream_version(4);
  record.created = created;
  record.updated = created + 3s;
  record.hub = *events::hub_name::parse("hub1");
  record.device = *events::device_id::parse("dev-1");
  record.group = group;
  record.substatus = events::registration_substatus::reprovisioned_to_initial_assignment;
  const auto written = [&](connectors::record_reader reader) {
    connectors::json_writer out;
    connectors::write_registration(out, record, reader);
    return out.take();
  };
  const auto etag = engine::etag_of(events::stream_version(4));
  const std::string start =
      R"({"registrationId":"dev-1","createdDateTimeUtc":"2023-05-19T23:10:47.6869680Z","assignedHub":"hub1",)"
      R"("deviceId":"dev-1","status":"assigned","substatus":")";
  const std::string end = R"(","lastUpdatedDateTimeUtc":"2023-05-19T23:10:50.6869680Z","etag":")" + etag + "\"";
  BOOST_TEST(written(connectors::record_reader::device) ==
             start + "initialAssignment" + end + R"(,"symmetricKey":{"enrollmentGroupId":"line-1"}})");
  BOOST_TEST(written(connectors::record_reader::back_end) == start + "reprovisionedToInitialAssignment" + end + "}");
  BOOST_TEST(written(connectors::record_reader::registration_query) ==
             start + "reprovisionedToInitialAssignment" + end + R"(,"enrollmentGroupId":"line-1"})");

  record.status = events::registration_status::failed;
  record.error_code = 400208;
  record.error_message = "no hub";
  BOOST_TEST(contains(written(connectors::record_reader::back_end),
                      R"("status":"failed","errorCode":400208,"errorMessage":"no hub",)"));

  record.status = events::registration_status::disabled;
  record.error_code = 0;
  record.error_message.clear();
  BOOST_TEST(contains(written(connectors::record_reader::back_end), R"("assignedHub":"hub1")"));
  BOOST_TEST(!contains(written(connectors::record_reader::device), "assignedHub"));
  BOOST_TEST(contains(written(connectors::record_reader::device),
                      R"("errorMessage":"The enrollment of this device is disabled.")"));
}

BOOST_AUTO_TEST_SUITE_END()
