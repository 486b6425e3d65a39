#include "events/cloud_event.hpp"
#include "events/codec.hpp"
#include "events/describe.hpp"
#include "events/schemas.hpp"
#include "tests/events/samples.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

using namespace muster;
using namespace muster::events;

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

const std::filesystem::path root = MUSTER_SOURCE_DIR;

std::string row_of(const event& e) {
  return std::visit([](const auto& data) { return to_hex(to_row(data)); }, e);
}

/// What is said of data that cannot be read; empty if it can.
std::string complaint(std::string_view type, std::string_view json) {
  const auto read = from_json(type, json);
  return read ? std::string() : read.error().text;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  BOOST_TEST_REQUIRE(at != std::string::npos, what);
  return text.replace(at, what.size(), by);
}

const std::string unlinked = "muster.hub_unlinked.v1";
const std::string linked = "muster.hub_linked.v1";
const std::string placed = "muster.service_placed.v1";

}  // namespace

BOOST_AUTO_TEST_SUITE(codec)

BOOST_AUTO_TEST_CASE(there_is_a_sample_of_every_event_type) {
  std::set<std::size_t> seen;
  for (const auto& sample : tests::event_samples()) seen.insert(sample.recorded.data.index());
  BOOST_TEST(seen.size() == std::variant_size_v<event>);
}

BOOST_AUTO_TEST_CASE(event_types_are_named_alike_and_differ) {
  std::set<std::string_view> types;
  for (const auto& sample : tests::event_samples()) {
    const auto type = type_of(sample.recorded.data);
    types.insert(type);
    BOOST_TEST(type.starts_with("muster."), type);
    BOOST_TEST(type.ends_with(".v1"), type);
  }
  BOOST_TEST(types.size() == std::variant_size_v<event>);
}

BOOST_AUTO_TEST_CASE(every_event_is_read_back_as_it_was_written) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    BOOST_TEST_CONTEXT(name) {
      const auto json = to_json(recorded.data);
      const auto again = from_json(type_of(recorded.data), json);
      BOOST_TEST_REQUIRE(again.has_value(), (again ? "" : again.error().text));
      BOOST_TEST(row_of(*again) == row_of(recorded.data));
      BOOST_TEST(to_json(*again) == json);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_golden_file_is_what_the_code_writes) {
  for (const auto& [path, content] : tests::golden_files()) {
    BOOST_TEST(read_file(root / path) == content, path << " differs: build and run muster_golden if that is meant");
  }
}

BOOST_AUTO_TEST_CASE(every_golden_event_can_still_be_read) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto read = from_json(type_of(recorded.data), read_file(root / "tests/golden" / (name + ".json")));
    BOOST_TEST_REQUIRE(read.has_value(), name);
    BOOST_TEST(row_of(*read) == row_of(recorded.data), name);
  }
}

BOOST_AUTO_TEST_CASE(no_golden_file_is_left_over) {
  const auto files = tests::golden_files();
  for (const auto& file : std::filesystem::directory_iterator(root / "tests/golden")) {
    const auto path = "tests/golden/" + file.path().filename().string();
    BOOST_TEST(files.contains(path), path);
  }
}

BOOST_AUTO_TEST_CASE(the_schema_beside_the_events_is_the_one_they_have) {
  const auto schema = read_file(root / "events/schemas/events.json");
  BOOST_TEST(!schema.empty());
  BOOST_TEST(schema == tests::golden_files().at("events/schemas/events.json"));
  for (const auto& sample : tests::event_samples()) {
    BOOST_TEST(schema.find("\"" + std::string(type_of(sample.recorded.data)) + "\": {") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(members_that_nobody_knows_are_passed_over) {
  BOOST_TEST(complaint(unlinked, R"({"later":{"a":[1,{"hub":3}]},"hub":"hub1","more":null})") == "");
  BOOST_TEST(complaint(linked, R"({"hub":{"x":"y","name":"h","weight":1,"applyAllocationPolicy":true,"z":[]}})") == "");
}

BOOST_AUTO_TEST_CASE(members_come_in_any_order) {
  const auto read = from_json(linked, R"({"hub":{"applyAllocationPolicy":false,"weight":5,"name":"h"}})");
  BOOST_TEST_REQUIRE(read.has_value());
  BOOST_TEST((std::get<hub_linked>(*read).hub == linked_hub{*hub_name::parse("h"), 5, false}));
}

BOOST_AUTO_TEST_CASE(an_unknown_type_is_refused_by_name) {
  BOOST_TEST(complaint("muster.hub_unlinked.v2", R"({"hub":"h"})") == "unknown event type 'muster.hub_unlinked.v2'");
  BOOST_TEST(complaint("", "{}") == "unknown event type ''");
}

BOOST_AUTO_TEST_CASE(a_missing_member_is_refused_by_name) {
  BOOST_TEST(complaint(unlinked, "{}") == "muster.hub_unlinked.v1: member 'hub' is missing");
  BOOST_TEST(complaint(linked, R"({"hub":{"name":"h","weight":1}})") ==
             "muster.hub_linked.v1: member 'hub': member 'applyAllocationPolicy' is missing");
}

BOOST_AUTO_TEST_CASE(every_member_that_a_schema_requires_is_required) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto type = type_of(recorded.data);
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(complaint(type, "{}").find("is missing") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_value_of_the_wrong_type_is_refused_by_name) {
  for (const auto* value : {"1", "null", "true", "{}", "[]", R"("a hub")", R"("")"}) {
    BOOST_TEST(complaint(unlinked, std::string(R"({"hub":)") + value + "}") ==
                   "muster.hub_unlinked.v1: member 'hub' has an unexpected value",
               value);
  }
  const auto hub = [](std::string_view weight, std::string_view applies) {
    return complaint(linked, R"({"hub":{"name":"h","weight":)" + std::string(weight) + R"(,"applyAllocationPolicy":)" +
                                 std::string(applies) + "}}");
  };
  for (const auto* weight : {"-1", "4294967296", "1.5", R"("1")", "null", "true"}) {
    BOOST_TEST(hub(weight, "true") == "muster.hub_linked.v1: member 'hub': member 'weight' has an unexpected value",
               weight);
  }
  for (const auto* applies : {"1", "null", R"("true")"}) {
    BOOST_TEST(hub("1", applies) ==
                   "muster.hub_linked.v1: member 'hub': member 'applyAllocationPolicy' has an unexpected value",
               applies);
  }
  BOOST_TEST(hub("4294967295", "false") == "");
}

BOOST_AUTO_TEST_CASE(a_fault_within_a_list_names_list_and_member) {
  const auto json =
      R"({"name":"demo","idScope":"0ne00000001","shard":0,"settings":{"allocationPolicy":"hashed","assigningFirst":false,)"
      R"("symmetricKeyGroupsMax":1},"hubs":[{"name":"h","weight":1,"applyAllocationPolicy":true}]})";
  BOOST_TEST(complaint(placed, json) == "");
  BOOST_TEST(complaint(placed, replaced(json, R"("weight":1,)", "")) ==
             "muster.service_placed.v1: member 'hubs': member 'weight' is missing");
  BOOST_TEST(complaint(placed, replaced(json, "hashed", "anyhow")) ==
             "muster.service_placed.v1: member 'settings': member 'allocationPolicy' has an unexpected value");
  BOOST_TEST(complaint(placed, replaced(json, R"("shard":0)", R"("shard":-1)")) ==
             "muster.service_placed.v1: member 'shard' has an unexpected value");
  BOOST_TEST(complaint(placed, replaced(json, "0ne00000001", "0ne0000000")) ==
             "muster.service_placed.v1: member 'idScope' has an unexpected value");
}

BOOST_AUTO_TEST_CASE(sealed_fields_keys_and_times_are_read_strictly) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    if (name != registration_deleted::type && name != attempts_suppressed::type) continue;
    const auto json = to_json(recorded.data);
    const auto type = type_of(recorded.data);
    if (name == registration_deleted::type) {
      BOOST_TEST(complaint(type, replaced(json, "0505", "050")) ==
                 std::string(type) + ": member 'dataKey' has an unexpected value");
      BOOST_TEST(complaint(type, replaced(json, "0505", "05zz")) ==
                 std::string(type) + ": member 'dataKey' has an unexpected value");
    } else {
      BOOST_TEST(complaint(type, replaced(json, "Z\"", "\"")) ==
                 std::string(type) + ": member 'from' has an unexpected value");
      BOOST_TEST(complaint(type, replaced(json, "BgYG", "Bg?G")) ==
                 std::string(type) + ": member 'counts': member 'sourceAddress' has an unexpected value");
      BOOST_TEST(complaint(type, replaced(json, "BgYGBgYGBgYGBgYGBgYGBgD/IGJveCAG", "BgYGBgYGBgYGBgYG")) ==
                 std::string(type) + ": member 'counts': member 'sourceAddress' has an unexpected value");
    }
  }
}

BOOST_AUTO_TEST_CASE(data_that_is_no_json_object_is_refused) {
  for (const auto* json :
       {"", " ", "[]", "1", "null", "\"text\"", "hub", "{", "{\"hub\":\"h\"", "{\"hub\":\"\xff\"}"}) {
    BOOST_TEST(complaint(unlinked, json) != "", json);
  }
  BOOST_TEST(complaint(unlinked, "[]") == "muster.hub_unlinked.v1: the data is not a JSON object");
}

BOOST_AUTO_TEST_CASE(whatever_text_an_event_holds_it_can_be_read_back) {
  // A device's token may spell any byte, and what the log holds must never stop a shard.
  for (const auto& text : {std::string("\xff\xfe"), std::string("a\0b", 3), std::string("\xc3"),
                           std::string("\xed\xa0\x80"), std::string("\xf5\x80\x80\x80"),
                           std::string("\"\\/\b\f\n\r\t\x01\x7f"), std::string("\xe2\x80\xa8 \xf0\x9f\x90\xbb")}) {
    registration_refused refused;
    refused.attempt.protocol = "https";
    refused.attempt.api_version = text;
    refused.attempt.checks = {{text, false, text}};
    const auto json = to_json(refused);
    const auto again = from_json(registration_refused::type, json);
    BOOST_TEST_REQUIRE(again.has_value(), to_hex(text) << (again ? "" : again.error().text));
    BOOST_TEST(to_json(*again) == json);
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf_8_are_replaced_and_text_around_them_stays) {
  placement_withdrawn withdrawn;
  withdrawn.reason = "a\xff"
                     "b\xc3\xa4\xc3";
  BOOST_TEST(to_json(withdrawn) == "{\"idScope\":\"0ne00000000\",\"reason\":\"a\xef\xbf\xbd"
                                   "b\xc3\xa4\xef\xbf\xbd\"}");
}

BOOST_AUTO_TEST_CASE(what_belongs_to_the_user_comes_back_letter_by_letter) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += R"({"a":[)";
  for (int i = 0; i < 200; ++i) deep += "]}";
  for (const auto& text :
       {std::string(R"({"n":7.0,"big":123456789012345678901234567890,"e":1E+2,"u":"\u00e4\/","dup":1,"dup":2})"),
        std::string("{}"), std::string(R"({"}":"{"})"), deep}) {
    enrollment_group_created created;
    created.group.terms.twin = initial_twin{json_text{text}, {}};
    const auto again = from_json(enrollment_group_created::type, to_json(created));
    BOOST_TEST_REQUIRE(again.has_value());
    BOOST_TEST(std::get<enrollment_group_created>(*again).group.terms.twin->tags->text == text);
  }
}

BOOST_AUTO_TEST_CASE(an_enumerations_value_is_written_by_name) {
  service_settings_changed changed;
  changed.settings.allocation = allocation_policy::static_hub;
  BOOST_TEST(to_json(changed) ==
             R"({"settings":{"allocationPolicy":"static","assigningFirst":false,"symmetricKeyGroupsMax":100}})");
}

BOOST_AUTO_TEST_CASE(a_renderer_decides_what_stands_for_each_sealed_field) {
  registration_failed failed;
  failed.payload = sealed_text{{}, "box"};
  failed.attempt.source_address = sealed_text{{}, "other"};
  const auto json =
      to_json(failed, [](std::string_view member, const sealed_text& sealed) -> std::optional<std::string> {
        if (member == "payload") return R"({"opened":")" + sealed.box + "\"}";
        return std::nullopt;
      });
  BOOST_TEST(json.find(R"("payload":{"opened":"box"})") != std::string::npos);
  BOOST_TEST(json.find(R"("sourceAddress":"AAAAAAAAAAAAAAAAAAAAAG90aGVy")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cloud_event_has_the_attributes_of_its_envelope) {
  envelope meta;
  meta.stream = *stream_name::parse("0ne00000001/devices/dev-1");
  meta.version = stream_version(3);
  meta.sequence = log_sequence(17);
  meta.type = hub_unlinked::type;
  meta.by = "operator:\"eve\"";
  meta.correlation_id = "c-1";
  meta.operation = true;
  BOOST_TEST(
      to_cloud_event(meta, shard_id(2), R"({"hub":"h"})") ==
      R"({"specversion":"1.0","id":"2-17","type":"muster.hub_unlinked.v1","source":"/services/0ne00000001","subject":"devices/dev-1",)"
      R"("time":"1970-01-01T00:00:00.0000000Z","datacontenttype":"application/json",)"
      R"("dataschema":"urn:muster:schema:muster.hub_unlinked.v1","sequence":"17","streamversion":"3",)"
      R"("by":"operator:\"eve\"","correlationid":"c-1","operation":true,"data":{"hub":"h"}})");
}

BOOST_AUTO_TEST_CASE(a_text_becomes_a_json_string) {
  BOOST_TEST(to_json_string("a\"b\\\n") == R"("a\"b\\\n")");
  BOOST_TEST(to_json_string("") == "\"\"");
}

BOOST_AUTO_TEST_SUITE_END()
