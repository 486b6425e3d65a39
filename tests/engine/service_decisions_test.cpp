#include "engine/limits.hpp"
#include "engine/service_decisions.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

struct fixture : domain {
  decision change(change_service_settings c) {
    c.scope = scope;
    return decided([&, current = snapshot()](entropy& random) {
      return engine::decide(c, decision_context{now, random, current, sequence});
    });
  }
};

events::linked_hub hub(std::string_view name, std::uint32_t weight = 1) {
  return {named<events::hub_name>(name), weight, true};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(service_decisions, fixture)

BOOST_AUTO_TEST_CASE(a_new_service_has_what_it_was_placed_with_and_an_owner_with_all_rights) {
  BOOST_TEST(service.name.text() == "demo");
  BOOST_TEST(service.scope.text() == "0ne00000001");
  BOOST_TEST(service.hubs.size() == 1U);
  BOOST_TEST(service.version.value() == 1U);
  BOOST_TEST_REQUIRE(service.policies.size() == 1U);
  BOOST_TEST(service.policies.front().name == "provisioningserviceowner");
  BOOST_TEST(service.policies.front().rights.size() == std::size(events::enum_names<events::access_right>));
  const auto opened =
      unseal_keys(keys.at(service.data_key).key, events::stream_name::service(scope), service.policies.front().keys);
  BOOST_TEST(opened->primary.size() == 64U);
  BOOST_TEST(opened->secondary.size() == 64U);
  BOOST_TEST(opened->primary != opened->secondary);
}

BOOST_AUTO_TEST_CASE(a_service_that_exists_is_not_created_again) {
  const auto again = decided([&](entropy& random) {
    return decide_creation(service, placement{service.name, scope, {}, {}, {}, true}, sequence, random);
  });
  BOOST_TEST(again.events.empty());
  BOOST_TEST(again.keys.empty());
  BOOST_TEST(!again.rejected.has_value());
  BOOST_TEST(reads(again, "0ne00000001/service"));
}

BOOST_AUTO_TEST_CASE(settings_left_out_stay_as_they_are_when_it_is_decided) {
  // Two operators, each of whom knows nothing of the other's change.
  change({.scope = scope, .assigning_first = true});
  change({.scope = scope, .symmetric_key_groups_max = 7});
  change({.scope = scope, .allocation = events::allocation_policy::static_hub});
  BOOST_TEST((service.settings == events::service_settings{events::allocation_policy::static_hub, true, 7}));
  BOOST_TEST(change({.scope = scope}).events.empty());
}

BOOST_AUTO_TEST_CASE(changed_settings_are_an_event_and_equal_ones_are_none) {
  const events::service_settings settings{events::allocation_policy::static_hub, true, 7};
  const change_service_settings all{scope, settings.allocation, settings.assigning_first,
                                    settings.symmetric_key_groups_max};
  const auto d = change(all);
  BOOST_TEST(types_of(d) == std::vector<std::string>{"service_settings_changed"}, boost::test_tools::per_element());
  BOOST_TEST((service.settings == settings));
  const auto again = change(all);
  BOOST_TEST(again.events.empty());
  BOOST_TEST(reads(again, "0ne00000001/service"));
}

BOOST_AUTO_TEST_CASE(a_hub_is_linked_changed_and_unlinked) {
  link("hub2", 5);
  BOOST_TEST(service.hubs.size() == 2U);
  BOOST_TEST(link("HUB2", 5).events.empty());
  link("hub2", 6, false);
  BOOST_TEST((service.hubs == std::vector{hub("hub1"), events::linked_hub{named<events::hub_name>("hub2"), 6, false}}));
  BOOST_TEST(types_of(unlink("HUB1")) == std::vector<std::string>{"hub_unlinked"}, boost::test_tools::per_element());
  BOOST_TEST(service.hubs.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_hub_that_is_not_linked_cannot_be_unlinked) {
  const auto d = unlink("elsewhere");
  BOOST_TEST((rejection_of(d) == rejection_code::hub_not_found));
  BOOST_TEST(d.rejected->message == "Hub 'elsewhere' is not linked.");
  BOOST_TEST(reads(d, "0ne00000001/service"));
}

BOOST_AUTO_TEST_CASE(weights_are_1_to_1000) {
  for (const std::uint32_t weight : {0U, 1001U}) {
    const auto d = link("hub2", weight);
    BOOST_TEST((rejection_of(d) == rejection_code::invalid));
    BOOST_TEST(d.rejected->message ==
               "hubs: the weight of 'hub2' must be 1 to 1000, not " + std::to_string(weight) + ".");
  }
  for (const std::uint32_t weight : {1U, 1000U}) BOOST_TEST(!link("hub2", weight).rejected.has_value());
}

BOOST_AUTO_TEST_CASE(a_service_has_at_most_50_hubs) {
  for (int i = 2; i <= 50; ++i) BOOST_TEST(!link("hub" + std::to_string(i)).rejected.has_value());
  BOOST_TEST((rejection_of(link("hub51")) == rejection_code::invalid));
  BOOST_TEST(!link("hub50", 9).rejected.has_value());
  BOOST_TEST(service.hubs.size() == limits::linked_hubs_max);
}

BOOST_AUTO_TEST_CASE(a_list_of_hubs_names_each_once) {
  BOOST_TEST(!check_hubs({hub("a"), hub("b")}).has_value());
  BOOST_TEST(check_hubs({hub("a"), hub("A")}).value().find("named twice") != std::string::npos);
  BOOST_TEST(!check_hubs({}).has_value());
}

BOOST_AUTO_TEST_CASE(an_unlinked_hub_keeps_its_identities) {
  const auto key = put(enrollment_of("dev-1")).keys_to_show->primary;
  registers("dev-1", key);
  unlink("hub1");
  BOOST_TEST(hub_device("hub1", "dev-1").identity.has_value());
  const auto data_key = hub_device("hub1", "dev-1").identity->data_key;
  const auto d = remove_hub_device("hub1", "dev-1");
  BOOST_TEST((the<events::hub_device_deleted>(d).data_key == data_key));
  BOOST_TEST(reads(d, "0ne00000001/hubs/hub1/dev-1"));
  BOOST_TEST(record("dev-1").hub->text() == "hub1");
}

BOOST_AUTO_TEST_CASE(hub_device_ids_count_with_their_letter_case) {
  const auto key = put(enrollment_of("dev-1")).keys_to_show->primary;
  registers("dev-1", key);
  BOOST_TEST((rejection_of(remove_hub_device("hub1", "DEV-1")) == rejection_code::hub_device_not_found));
  BOOST_TEST(!remove_hub_device("HUB1", "dev-1").rejected.has_value());
}

BOOST_AUTO_TEST_CASE(a_decision_becomes_a_proposal_that_reads_and_writes_its_command_id) {
  fake_entropy random;
  const auto current = snapshot();
  auto d = engine::decide(link_hub{scope, hub("hub2")}, decision_context{now, random, current, sequence});
  d.events.front().index_keys = {"some/key"};
  const caller who{"operator:eve", "c-1", "retry-1", events::sha256("the request")};
  const auto p = to_proposal(d, who, &scope, events::log_sequence(5), now);
  BOOST_TEST_REQUIRE(p.events.size() == 1U);
  const auto& record = p.events.front();
  const auto command = key_hash("0ne00000001/commands/retry-1");
  BOOST_TEST(record.meta.stream.text() == "0ne00000001/service");
  BOOST_TEST(record.meta.version.value() == 2U);
  BOOST_TEST(record.meta.type == "muster.hub_linked.v1");
  BOOST_TEST(record.meta.by == "operator:eve");
  BOOST_TEST(record.meta.correlation_id == "c-1");
  BOOST_TEST(record.meta.command_id == "retry-1:" + events::to_hex(events::as_bytes(who.request)));
  BOOST_TEST(!record.meta.operation);
  BOOST_TEST(record.data == events::to_json(d.events.front().data));
  BOOST_TEST(record.index_keys == (std::vector<std::uint64_t>{key_hash("some/key"), command}),
             boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(p.reads.size() == 2U);
  BOOST_TEST(p.reads.back().key == command);
  BOOST_TEST(p.reads.back().seen.value() == 5U);
  BOOST_TEST((p.deadline == now));
}

BOOST_AUTO_TEST_CASE(a_proposal_without_command_id_carries_none) {
  fake_entropy random;
  const auto current = snapshot();
  const auto d = engine::decide(link_hub{scope, hub("hub2")}, decision_context{now, random, current, sequence});
  const auto p = to_proposal(d, {"operator:eve", "c-1", "", {}}, &scope, {}, now);
  BOOST_TEST(p.events.front().meta.command_id == "");
  BOOST_TEST(p.events.front().index_keys.empty());
  BOOST_TEST(p.reads.size() == 1U);
}

BOOST_AUTO_TEST_CASE(every_command_is_for_a_scope_or_the_directory_and_some_for_a_device) {
  const auto id = named<events::registration_id>("dev-1");
  evidence shown;
  shown.presented = id;
  const std::vector<command> of_devices = {register_device{scope, shown, {}},  poll_operation{scope, shown, ""},
                                           look_up_registration{scope, shown}, enrollment_of("dev-1"),
                                           delete_enrollment{scope, id, {}},   delete_registration{scope, id, {}}};
  for (const auto& c : of_devices) {
    BOOST_TEST(scope_of(c) != nullptr);
    BOOST_TEST_REQUIRE(device_of(c) != nullptr);
    BOOST_TEST(device_of(c)->text() == "dev-1");
  }
  const std::vector<command> of_scopes = {group_of("a"), delete_group{}, change_service_settings{},
                                          link_hub{},    unlink_hub{},   delete_hub_device{}};
  for (const auto& c : of_scopes) {
    BOOST_TEST(scope_of(c) != nullptr);
    BOOST_TEST(device_of(c) == nullptr);
  }
  BOOST_TEST(scope_of(command(create_service{})) == nullptr);
}

BOOST_AUTO_TEST_CASE(an_answer_says_that_nothing_has_changed_only_where_that_is_known) {
  engine::settlement what;
  BOOST_TEST(engine::not_recorded(what).message.find("nothing has changed") != std::string::npos);
  what.in_doubt = true;
  BOOST_TEST(engine::not_recorded(what).message.find("may have taken effect") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(who_was_not_recorded_is_told_why_and_when_to_come_again) {
  const auto answer = [](settlement_kind kind) {
    engine::settlement what;
    what.kind = kind;
    return engine::not_recorded(what);
  };
  BOOST_TEST((answer(settlement_kind::conflict).code == rejection_code::unavailable));
  BOOST_TEST(answer(settlement_kind::conflict).retry_after.count() == 1);
  BOOST_TEST((answer(settlement_kind::overloaded).code == rejection_code::too_many_requests));
  BOOST_TEST(answer(settlement_kind::overloaded).retry_after.count() == 1);
  BOOST_TEST((answer(settlement_kind::too_large).code == rejection_code::invalid));
  BOOST_TEST(answer(settlement_kind::too_large).retry_after.count() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
