#include "events/codec.hpp"
#include "events/schemas.hpp"
#include "tests/events/samples.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <set>

/// The AsyncAPI document hangs together. That it says what really comes is for tests/system/schema_test.py.
namespace muster::events {

namespace {

using rapidjson::Value;

struct fixture {
  rapidjson::Document document;
  rapidjson::Document schemas;
  std::multiset<std::string> references;  ///< every `$ref` there is

  fixture() {
    const std::string text(async_api());
    document.Parse(text.c_str());
    BOOST_TEST_REQUIRE(!document.HasParseError());
    schemas.Parse(json_schema().c_str());
    collect(document);
  }

  void collect(const Value& value) {
    if (value.IsArray()) {
      for (const auto& each : value.GetArray()) collect(each);
    }
    if (!value.IsObject()) return;
    for (const auto& each : value.GetObject()) {
      if (std::string_view(each.name.GetString()) == "$ref")
        references.insert(each.value.GetString());
      else if (std::string_view(each.name.GetString()) != "examples")
        collect(each.value);
    }
  }

  const Value* find(const std::string& reference) const {
    const auto hash = reference.find('#');
    const auto& in = hash == 0 ? document : schemas;
    return rapidjson::Pointer(reference.substr(hash + 1).c_str()).Get(in);
  }

  std::set<std::string> types_on(const std::string& channel) const {
    std::set<std::string> types;
    for (const auto& each : find("#/channels/" + channel + "/messages")->GetObject())
      types.insert(each.name.GetString());
    return types;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(asyncapi, fixture)

BOOST_AUTO_TEST_CASE(nodes_serve_the_document_that_is_made_of_the_events_there_are) {
  BOOST_TEST(async_api() == tests::golden_files().at("events/schemas/asyncapi.json"));
}

BOOST_AUTO_TEST_CASE(every_reference_leads_somewhere_and_nothing_is_left_over) {
  for (const auto& each : references) BOOST_TEST(find(each) != nullptr, each);
  for (const std::string kind : {"schemas", "messages", "securitySchemes"}) {
    for (const auto& each : find("#/components/" + kind)->GetObject()) {
      const auto reference = "#/components/" + kind + "/" + each.name.GetString();
      BOOST_TEST(references.contains(reference), reference);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_event_of_a_service_is_on_every_channel_and_those_of_the_directory_on_none) {
  std::set<std::string> events;
  for (const auto& sample : tests::event_samples()) {
    if (!sample.recorded.meta.stream.scope().empty()) events.insert(sample.recorded.meta.type);
  }
  BOOST_TEST(events.size() == event_types().size() - 3);
  BOOST_TEST((types_on("kafka") == events));
  events.emplace("muster.usage.v1");
  BOOST_TEST((types_on("lines") == events));
  BOOST_TEST((types_on("stream") == events));
  BOOST_TEST((types_on("kafkaUsage") == std::set<std::string>{"muster.usage.v1"}));
  BOOST_TEST(async_api().find("service_placed") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_message_has_an_example) {
  for (const auto& each : find("#/components/messages")->GetObject())
    BOOST_TEST(each.value.HasMember("examples"), each.name.GetString());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::events
