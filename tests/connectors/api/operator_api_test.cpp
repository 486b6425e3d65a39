#include "connectors/api/operator_api.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/http_api_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using tests::contains;
using tests::error_of;
using tests::header_of;

struct fixture : tests::http_api_fixture {
  fixture() {
    gateway.answer_with = [this](const engine::command& c) -> engine::answer {
      if (std::holds_alternative<engine::create_service>(c)) return engine::service_answer{catalog.services.front()};
      return engine::done();
    };
  }

  connectors::http_response as_alice(std::string method, const std::string& target, std::string body = {}) {
    return ask(std::move(method), target, {as_operator()}, std::move(body), "127.0.0.1:8443");
  }

  void give_identity(const std::string& text) {
    const auto id = *events::device_id::parse(text);
    const auto hub = *events::hub_name::parse("hub1");
    tests::fake_entropy random;
    const auto key = engine::fresh_key(random);
    BOOST_REQUIRE(keys.store({&key, 1}).has_value());
    auto& device = catalog.rows->hub_identities["hub1/" + text];
    device.version = events::stream_version(1);
    const auto stream = events::stream_name::hub_device(*events::id_scope::parse("0ne00000001"), hub, id);
    const auto sealed =
        engine::seal_keys(key, stream, engine::opened_keys("0123456789abcdef", "fedcba9876543210"), random);
    device.identity = events::hub_identity{id, hub, *events::registration_id::parse(text), {}, key.id, sealed, false};
    device.twin.tags.text = R"({"floor":3})";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(operator_api, fixture)

BOOST_AUTO_TEST_CASE(nobody_but_an_operator_is_let_in) {
  for (const auto* target :
       {"/operator/services", "/operator/services/demo", "/operator/version", "/operator/services/demo/enrollments"}) {
    BOOST_TEST(error_of(ask("GET", target)).starts_with("401 401000"), target);
    BOOST_TEST(error_of(ask("GET", target, {token_of("owner")})).starts_with("401 401000"), target);
    BOOST_TEST(error_of(ask("GET", target, {{"authorization", "Bearer guess"}})).starts_with("401 401002"), target);
    BOOST_TEST(as_alice("GET", target).status == 200, target);
  }
  BOOST_TEST(error_of(ask("POST", "/operator/rebuild")).starts_with("401 401000"));
  BOOST_TEST(error_of(ask("PUT", "/operator/services/new-one", {token_of("owner")}, "{}")).starts_with("401 401000"));
  BOOST_TEST(gateway.submitted.empty());
}

BOOST_AUTO_TEST_CASE(a_service_is_created_with_hubs_and_settings) {
  const auto response = as_alice("PUT", "/operator/services/New-One", R"({"idScope":"0ne0000ABCD",
    "hubs":[{"name":"h1","weight":3},{"name":"h2","applyAllocationPolicy":false}],
    "settings":{"allocationPolicy":"Static","assigningFirst":true,"symmetricKeyGroupsMax":7}})");
  BOOST_TEST(response.status == 201);
  const auto& command = gateway.last<engine::create_service>();
  BOOST_TEST(command.name.text() == "New-One");
  BOOST_TEST(command.scope.value().text() == "0ne0000ABCD");
  BOOST_REQUIRE_EQUAL(command.hubs.size(), 2U);
  BOOST_TEST(command.hubs[0].weight == 3U);
  BOOST_TEST(!command.hubs[1].apply_allocation_policy);
  BOOST_TEST((command.settings.allocation == events::allocation_policy::static_hub));
  BOOST_TEST(command.settings.assigning_first);
  BOOST_TEST(command.settings.symmetric_key_groups_max == 7U);
  BOOST_TEST(gateway.submitted.back().who.by == "operator:alice");
  BOOST_TEST(as_alice("PUT", "/operator/services/other").status == 201);
}

BOOST_AUTO_TEST_CASE(a_service_is_shown_with_all_that_its_clients_need) {
  const auto response = as_alice("GET", "/operator/services/DEMO");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body.starts_with(
      R"({"name":"demo","idScope":"0ne00000001","serviceEndpoint":"demo.example","deviceEndpoint":"dev.example:8443","ca":"/var/ca.pem",)"
      R"("connectionString":"HostName=demo.example;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=YSBrZXkgb2YgMTYgb3IgbW9yZSBieXRlcw==",)"
      R"("hubs":[{"name":"hub1","weight":1,"applyAllocationPolicy":true}],)"
      R"("settings":{"allocationPolicy":"hashed","assigningFirst":false,"symmetricKeyGroupsMax":100},"counts":{"enrollmentGroups":0,"registrations":0},)"));
  BOOST_TEST(as_alice("GET", "/operator/services/0ne00000001").status == 200);
  BOOST_TEST(error_of(as_alice("GET", "/operator/services/none")) == "404 404000 There is no service 'none'.");
  const auto list = as_alice("GET", "/operator/services");
  BOOST_TEST(list.body.starts_with(R"({"items":[{"name":"demo",)"));
  BOOST_TEST(contains(list.body, R"("shard":0,"state":"open")"));
  BOOST_TEST(!contains(list.body, "incomplete"));
  BOOST_TEST(!contains(list.body, "SharedAccessKey"));
  BOOST_TEST(contains(list.body, R"("counts":{"enrollmentGroups":0,"registrations":null})"));
  catalog.open = false;
  const auto closed = as_alice("GET", "/operator/services/demo");
  BOOST_TEST(closed.status == 200);
  BOOST_TEST(
      contains(closed.body, R"("counts":{"enrollmentGroups":0,"registrations":null},"shard":0,"state":"closed")"));
}

BOOST_AUTO_TEST_CASE(dots_in_a_path_are_names_and_ids_like_others) {
  BOOST_TEST(as_alice("DELETE", "/operator/services/demo/hubs/hub1/devices/..").status == 204);
  BOOST_TEST(gateway.last<engine::delete_hub_device>().id.text() == "..");
  BOOST_TEST(error_of(as_alice("GET", "/operator/services/demo/hubs/hub1/devices/.")) ==
             "404 404001 Hub 'hub1' has no device '.'.");
  const auto submitted = gateway.submitted.size();
  for (const std::string dots : {".", ".."}) {
    BOOST_TEST(error_of(as_alice("PUT", "/operator/services/demo/hubs/" + dots)).starts_with("400 400004 hub name"));
    BOOST_TEST(error_of(as_alice("PUT", "/operator/services/" + dots)).starts_with("400 400004 service name"));
    BOOST_TEST(error_of(as_alice("GET", "/operator/services/" + dots)) ==
               "404 404000 There is no service '" + dots + "'.");
  }
  BOOST_TEST(gateway.submitted.size() == submitted);
}

BOOST_AUTO_TEST_CASE(a_connection_string_that_does_not_name_its_service_comes_with_a_note) {
  const std::string target = "/operator/services/demo";
  service_endpoint = "localhost:8443";
  BOOST_TEST(!contains(as_alice("GET", target).body, "\"note\""));
  catalog.services.push_back(make_service("other", "0ne00000002"));
  BOOST_TEST(contains(as_alice("GET", target).body,
                      R"("note":"The host localhost:8443 does not say which of 2 services is meant)"));
  BOOST_TEST(!contains(as_alice("GET", "/operator/services").body, "\"note\""));
  service_endpoint = "{service}.example";
  BOOST_TEST(!contains(as_alice("GET", target).body, "\"note\""));
}

BOOST_AUTO_TEST_CASE(an_operator_is_told_the_group_of_a_registration) {
  auto& record = catalog.rows->devices["dev-1"].registration.emplace();
  record.id = *events::registration_id::parse("dev-1");
  record.group = *events::group_id::parse("line");
  const std::string target = "/registrations/dev-1?api-version=2021-10-01&service=demo";
  BOOST_TEST(contains(as_alice("GET", target).body, R"("enrollmentGroupId":"line")"));
  BOOST_TEST(!contains(ask("GET", target, {token_of("owner")}).body, "enrollmentGroupId"));
}

BOOST_AUTO_TEST_CASE(settings_that_are_left_out_stay_as_they_are) {
  BOOST_TEST(as_alice("PATCH", "/operator/services/demo/settings", R"({"assigningFirst":true})").status == 204);
  const auto& change = gateway.last<engine::change_service_settings>();
  BOOST_TEST(change.assigning_first.value());
  BOOST_TEST(!change.symmetric_key_groups_max.has_value());
  BOOST_TEST(!change.allocation.has_value());
}

BOOST_AUTO_TEST_CASE(hubs_are_linked_and_unlinked) {
  BOOST_TEST(as_alice("GET", "/operator/services/demo/hubs").body ==
             R"({"hubs":[{"name":"hub1","weight":1,"applyAllocationPolicy":true}]})");
  BOOST_TEST(as_alice("PUT", "/operator/services/demo/hubs/hub2", R"({"weight":9})").status == 204);
  BOOST_TEST(gateway.last<engine::link_hub>().hub.weight == 9U);
  BOOST_TEST(as_alice("PUT", "/operator/services/demo/hubs/hub3").status == 204);
  BOOST_TEST(gateway.last<engine::link_hub>().hub.weight == 1U);
  BOOST_TEST(as_alice("DELETE", "/operator/services/demo/hubs/hub2").status == 204);
  BOOST_TEST(gateway.last<engine::unlink_hub>().hub.text() == "hub2");
  gateway.answer_with = [](const engine::command&) -> engine::answer {
    return engine::rejection{engine::rejection_code::hub_not_found, "why", {}};
  };
  BOOST_TEST(error_of(as_alice("DELETE", "/operator/services/demo/hubs/hub2")) == "404 404210 why");
}

BOOST_AUTO_TEST_CASE(hub_devices_show_their_keys_only_when_asked) {
  give_identity("dev-1");
  give_identity("dev-2");
  const auto list = as_alice("GET", "/operator/services/demo/hubs/hub1/devices?limit=1");
  BOOST_TEST(contains(list.body, R"("next":"hub1/dev-1"})"));
  BOOST_TEST(!contains(list.body, "symmetricKey"));
  const auto one = as_alice("GET", "/operator/services/demo/hubs/hub1/devices/dev-1");
  BOOST_TEST(one.body.starts_with(
      R"({"deviceId":"dev-1","hub":"hub1","registrationId":"dev-1","capabilities":{"iotEdge":false},"tags":{"floor":3},)"
      R"("properties":{"desired":{},"reported":{}},)"));
  const auto open = as_alice("GET", "/operator/services/demo/hubs/hub1/devices/dev-1?keys=true");
  BOOST_TEST(contains(
      open.body,
      R"("symmetricKey":{"primaryKey":"MDEyMzQ1Njc4OWFiY2RlZg==","secondaryKey":"ZmVkY2JhOTg3NjU0MzIxMA=="})"));
  BOOST_TEST(as_alice("GET", "/operator/services/demo/hubs/hub1/devices?after=hub1/z").body == R"({"items":[]})");
  BOOST_TEST(error_of(as_alice("GET", "/operator/services/demo/hubs/nosuch/devices")) ==
             "404 404210 Service 'demo' has no hub 'nosuch'.");
  BOOST_TEST(error_of(as_alice("GET", "/operator/services/demo/hubs/hub1/devices/dev-9")) ==
             "404 404001 Hub 'hub1' has no device 'dev-9'.");
  BOOST_TEST(as_alice("DELETE", "/operator/services/demo/hubs/hub1/devices/dev-1").status == 204);
  BOOST_TEST(gateway.last<engine::delete_hub_device>().id.text() == "dev-1");
}

BOOST_AUTO_TEST_CASE(services_whose_shard_is_not_open_are_listed_too) {
  const auto place = [&](const char* name, const char* scope, std::uint32_t on) {
    catalog.rows->placed.placements.push_back(
        {*events::service_name::parse(name), *events::id_scope::parse(scope), events::shard_id(on), {}, {}, false});
  };
  place("demo", "0ne00000001", 0);
  place("other", "0ne00000002", 5);
  place("begun", "0ne00000003", 1);
  catalog.closed = events::shard_id(5);
  const auto list = as_alice("GET", "/operator/services").body;
  BOOST_TEST(list.starts_with(
      R"({"items":[{"name":"begun","idScope":"0ne00000003","shard":1,"state":"creating"},{"name":"demo",)"));
  BOOST_TEST(list.ends_with(R"({"name":"other","idScope":"0ne00000002","shard":5,"state":"closed"}]})"));
}

BOOST_AUTO_TEST_CASE(a_list_of_services_without_the_directory_says_that_it_is_not_whole) {
  catalog.closed = events::shard_id(0);
  not_ready = "shard 0 stopped";
  const auto list = as_alice("GET", "/operator/services");
  BOOST_TEST(list.status == 200);
  BOOST_TEST(contains(list.body, R"("shard":0,"state":"closed")"));
  BOOST_TEST(list.body.ends_with(R"("incomplete":"Services may be missing: the shard of their directory is not open )"
                                 R"(here (shard 0 stopped: a cause)."})"));
}

BOOST_AUTO_TEST_CASE(lists_come_in_pages) {
  for (const auto* text : {"a", "b", "c"}) {
    const auto id = *events::registration_id::parse(text);
    auto& device = catalog.rows->devices[text];
    device.enrollment.emplace().enrollment.id = id;
    device.registration.emplace().id = id;
  }
  const auto first = as_alice("GET", "/operator/services/demo/enrollments?limit=2");
  BOOST_TEST(first.body.starts_with(R"({"items":[{"registrationId":"a","attestation":{"type":"symmetricKey"},)"));
  BOOST_TEST(first.body.ends_with(R"("next":"b"})"));
  const auto second = as_alice("GET", "/operator/services/demo/enrollments?limit=2&after=b");
  BOOST_TEST(second.body.starts_with(R"({"items":[{"registrationId":"c",)"));
  BOOST_TEST(!contains(second.body, "next"));
  BOOST_TEST(as_alice("GET", "/operator/services/demo/registrations?count=true&status=assigned").body ==
             R"({"count":3})");
  BOOST_TEST(as_alice("GET", "/operator/services/demo/registrations?hub=hub9").body == R"({"items":[]})");
  BOOST_TEST(error_of(as_alice("GET", "/operator/services/demo/registrations?status=x"))
                 .starts_with("400 400004 status: expected"));
  BOOST_TEST(error_of(as_alice("GET", "/operator/services/demo/enrollments?limit=1001")) ==
             "400 400004 limit: expected a number of 1 to 1000, not '1001'.");

  auto service = make_service("demo", "0ne00000001");
  for (const auto* text : {"g1", "g2", "g3"}) {
    auto group = std::make_shared<engine::opened_group>();
    group->state.group.emplace().id = *events::group_id::parse(text);
    service->groups.emplace(text, group);
  }
  catalog.services = {service};
  BOOST_TEST(as_alice("GET", "/operator/services/demo/groups?limit=2").body.ends_with(R"("next":"g2"})"));
  const auto rest = as_alice("GET", "/operator/services/demo/groups?limit=2&after=g2").body;
  BOOST_TEST(rest.starts_with(R"({"items":[{"enrollmentGroupId":"g3",)"));
  BOOST_TEST(!contains(rest, "next"));
}

BOOST_AUTO_TEST_CASE(counting_stops_after_so_many_rows_and_can_go_on) {
  for (const auto* text : {"a", "b", "c"})
    catalog.rows->devices[text].registration.emplace().id = *events::registration_id::parse(text);
  catalog.rows->counted_max = 2;
  const std::string target = "/operator/services/demo/registrations?count=true";
  BOOST_TEST(as_alice("GET", target).body == R"({"count":2,"next":"b"})");
  BOOST_TEST(as_alice("GET", target + "&after=b").body == R"({"count":1})");
  BOOST_TEST(contains(as_alice("GET", "/operator/services/demo").body,
                      R"("counts":{"enrollmentGroups":0,"registrations":2,"moreRegistrations":true})"));
}

BOOST_AUTO_TEST_CASE(maintenance_answers_with_its_summary_or_with_what_is_wrong) {
  BOOST_TEST(as_alice("POST", "/operator/rebuild").body == R"({"rows":5})");
  BOOST_TEST(error_of(as_alice("POST", "/operator/verify")) == "500 500001 shard 3, offset 7: bad checksum");
  worker_full = true;
  BOOST_TEST(error_of(as_alice("POST", "/operator/rebuild"))
                 .starts_with("429 429001 A rebuild or a verification is at work already"));
}

BOOST_AUTO_TEST_CASE(a_wrong_body_is_refused_with_its_path) {
  struct row {
    std::string target;
    std::string body;
    std::string says;
  };
  const row rows[] = {
      {"/operator/services/ab", "{}", "400 400004 service name in the path: expected 3 to 50"},
      {"/operator/services/new-one", R"({"idScope":"0NE1"})", "400 400004 idScope: expected '0ne' and 8 upper-case"},
      {"/operator/services/new-one", R"({"hubs":[{"weight":1}]})", "400 400004 hubs[0].name: it is missing."},
      {"/operator/services/new-one", R"({"hubs":[{"name":"h","weight":0}]})",
       "400 400004 hubs[0].weight: expected an integer of 1 to 1000, not 0."},
      {"/operator/services/new-one", R"({"hubs":["h"]})", "400 400004 hubs[0]: expected an object."},
      {"/operator/services/new-one", R"({"settings":{"allocationPolicy":"geo"}})",
       "400 400004 settings.allocationPolicy: expected 'hashed' or 'static'"},
      {"/operator/services/new-one", R"({"settings":{"symmetricKeyGroupsMax":-1}})",
       "400 400004 settings.symmetricKeyGroupsMax: expected an integer"},
      {"/operator/services/new-one", R"({"foo":1})",
       "400 400004 foo: there is no such member; expected idScope, hubs, settings."},
      {"/operator/services/new-one", R"({"hubs":[{"name":"h"},{"name":"g","wieght":2}]})",
       "400 400004 hubs[1].wieght: there is no such member; expected name, weight, applyAllocationPolicy."},
      {"/operator/services/new-one", R"({"settings":{"foo":1}})",
       "400 400004 settings.foo: there is no such member; expected allocationPolicy, assigningFirst, "},
      {"/operator/services/demo/hubs/h", R"({"name":"h"})",
       "400 400004 name: there is no such member; expected weight, applyAllocationPolicy."},
      {"/operator/services/demo/hubs/-h", "{}", "400 400004 hub name in the path: expected a host name"},
      {"/operator/services/demo/hubs/h", R"({"weight":1001})", "400 400004 weight: expected an integer of 1 to 1000"},
  };
  for (const auto& each : rows) {
    const auto said = error_of(as_alice("PUT", each.target, each.body));
    BOOST_TEST(said.starts_with(each.says), each.target << " " << each.body << " -> " << said);
  }
  BOOST_TEST(error_of(as_alice("PATCH", "/operator/services/demo/settings", R"({"assigningfirst":true})"))
                 .starts_with("400 400004 assigningfirst: there is no such member; expected allocationPolicy, "));
  BOOST_TEST(gateway.submitted.empty());
}

BOOST_AUTO_TEST_SUITE_END()
