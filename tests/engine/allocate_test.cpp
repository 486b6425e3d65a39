#include "engine/allocation/allocate.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>

using namespace muster;
using namespace muster::engine;
using events::allocation_policy;
using tests::named;

namespace {

events::linked_hub hub(std::string_view name, std::uint32_t weight = 1, bool applies = true) {
  return {named<events::hub_name>(name), weight, applies};
}

service_state service_with(std::vector<events::linked_hub> hubs) {
  service_state service;
  service.hubs = std::move(hubs);
  return service;
}

events::registration_id device_number(int i) {
  return named<events::registration_id>("device-" + std::to_string(i));
}

/// The hub chosen for `id`; empty if none is.
std::string chosen(const service_state& service, const events::enrollment_terms& terms = {},
                   std::string_view id = "dev-1") {
  const auto report = allocate(service, terms, named<events::registration_id>(id));
  return report.chosen ? report.chosen->text() : "";
}

constexpr int devices = 100'000;

std::vector<std::string> choices(const service_state& service) {
  std::vector<std::string> all;
  all.reserve(devices);
  for (int i = 0; i < devices; ++i) all.push_back(allocate(service, {}, device_number(i)).chosen->text());
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(allocation)

BOOST_AUTO_TEST_CASE(devices_spread_over_hubs_by_weight_within_two_percent) {
  const std::vector<std::vector<std::uint32_t>> cases = {{1, 1}, {1, 1, 1, 1}, {3, 1}, {5, 3, 2}, {1000, 500, 500}};
  for (const auto& weights : cases) {
    std::vector<events::linked_hub> hubs;
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      hubs.push_back(hub("hub" + std::to_string(i), weights[i]));
      sum += weights[i];
    }
    std::map<std::string, int> counts;
    for (const auto& name : choices(service_with(hubs))) ++counts[name];
    for (const auto& each : hubs) {
      const double expected = devices * each.weight / sum;
      BOOST_TEST(std::abs(counts[each.name.text()] - expected) <= 0.02 * devices,
                 each.name.text() << ": " << counts[each.name.text()] << " of " << expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_new_hub_takes_its_share_and_moves_nobody_else) {
  const auto before = choices(service_with({hub("hub1"), hub("hub2", 2)}));
  const auto after = choices(service_with({hub("hub1"), hub("hub2", 2), hub("hub3")}));
  int moved = 0;
  for (int i = 0; i < devices; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (before[at] == after[at]) continue;
    BOOST_TEST_REQUIRE(after[at] == "hub3");
    ++moved;
  }
  BOOST_TEST(std::abs(moved - devices / 4) <= devices / 50, moved);
}

BOOST_AUTO_TEST_CASE(the_devices_of_a_removed_hub_alone_move) {
  const auto before = choices(service_with({hub("hub1"), hub("hub2"), hub("hub3")}));
  const auto after = choices(service_with({hub("hub1"), hub("hub3")}));
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != "hub2")
      BOOST_TEST_REQUIRE(after[i] == before[i]);
    else
      BOOST_TEST_REQUIRE(after[i] != "hub2");
  }
}

BOOST_AUTO_TEST_CASE(neither_letter_case_nor_the_order_of_hubs_matters) {
  const auto service = service_with({hub("hub1"), hub("hub2"), hub("hub3")});
  const auto reordered = service_with({hub("HUB3"), hub("Hub1"), hub("hub2")});
  for (int i = 0; i < 1000; ++i) {
    const auto lower = "device-" + std::to_string(i);
    const auto upper = "DEVICE-" + std::to_string(i);
    BOOST_TEST(chosen(service, {}, lower) == chosen(service, {}, upper));
    BOOST_TEST(events::to_lower(chosen(reordered, {}, lower)) == chosen(service, {}, lower));
  }
}

BOOST_AUTO_TEST_CASE(the_choice_of_a_device_stays_from_release_to_release) {
  const auto service = service_with({hub("hub1"), hub("hub2"), hub("hub3", 2)});
  std::string all;
  for (int i = 0; i < 16; ++i) all += chosen(service, {}, "device-" + std::to_string(i)).back();
  BOOST_TEST(all == "1211132333313211");
}

BOOST_AUTO_TEST_CASE(a_hub_without_the_allocation_policy_gets_no_device_by_hash) {
  const auto service = service_with({hub("hub1", 1000, false), hub("hub2")});
  for (int i = 0; i < 100; ++i) BOOST_TEST(allocate(service, {}, device_number(i)).chosen->text() == "hub2");
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::hashed;
  terms.hubs = {named<events::hub_name>("hub1")};
  BOOST_TEST(chosen(service, terms) == "");
}

BOOST_AUTO_TEST_CASE(an_enrollment_that_names_hubs_gets_one_of_them) {
  const auto service = service_with({hub("hub1"), hub("hub2"), hub("hub3")});
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::hashed;
  terms.hubs = {named<events::hub_name>("HUB3"), named<events::hub_name>("hub1"), named<events::hub_name>("elsewhere")};
  for (int i = 0; i < 100; ++i) {
    const auto report = allocate(service, terms, device_number(i));
    BOOST_TEST(report.chosen->text() != "hub2");
    BOOST_TEST(report.candidates.size() == 2U);
  }
}

BOOST_AUTO_TEST_CASE(static_takes_the_hub_that_the_enrollment_names) {
  const auto service = service_with({hub("hub1"), hub("hub2", 1, false)});
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::static_hub;
  for (const auto* name : {"hub1", "hub2"}) {
    terms.hubs = {named<events::hub_name>(name)};
    BOOST_TEST(chosen(service, terms) == name);
  }
  terms.hubs = {named<events::hub_name>("elsewhere")};
  BOOST_TEST(chosen(service, terms) == "");
}

BOOST_AUTO_TEST_CASE(static_without_a_name_takes_the_only_hub_there_is) {
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::static_hub;
  BOOST_TEST(chosen(service_with({hub("hub1")}), terms) == "hub1");
  BOOST_TEST(chosen(service_with({hub("hub1"), hub("hub2")}), terms) == "");
  BOOST_TEST(chosen(service_with({}), terms) == "");
}

BOOST_AUTO_TEST_CASE(a_hub_without_the_allocation_policy_must_be_named) {
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::static_hub;
  BOOST_TEST(chosen(service_with({hub("hub1", 1, false)}), terms) == "");
  BOOST_TEST(chosen(service_with({hub("hub1", 1, false), hub("hub2")}), terms) == "hub2");
}

BOOST_AUTO_TEST_CASE(the_single_hub_of_older_versions_means_static) {
  auto service = service_with({hub("hub1"), hub("hub2")});
  events::enrollment_terms terms;
  terms.hub_host_name = named<events::hub_name>("hub2");
  const auto report = allocate(service, terms, device_number(1));
  BOOST_TEST((report.policy == allocation_policy::static_hub));
  BOOST_TEST(report.chosen->text() == "hub2");
}

BOOST_AUTO_TEST_CASE(the_policy_is_the_enrollments_or_else_the_services) {
  auto service = service_with({hub("hub1"), hub("hub2")});
  service.settings.allocation = allocation_policy::static_hub;
  BOOST_TEST(chosen(service) == "");
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::hashed;
  BOOST_TEST(chosen(service, terms) != "");
}

BOOST_AUTO_TEST_CASE(the_report_holds_the_whole_input_and_says_why_there_is_no_hub) {
  const auto report = allocate(service_with({hub("hub1", 5), hub("hub2", 7)}), {}, device_number(1));
  BOOST_TEST((report.candidates == std::vector{hub("hub1", 5), hub("hub2", 7)}));
  BOOST_TEST(why_no_hub(allocate(service_with({}), {}, device_number(1))) ==
             "No linked IoT hub is eligible for this enrollment.");
  events::enrollment_terms terms;
  terms.allocation = allocation_policy::static_hub;
  BOOST_TEST(why_no_hub(allocate(service_with({hub("hub1"), hub("hub2")}), terms, device_number(1))) ==
             "The static allocation policy needs exactly one linked IoT hub, and 2 are eligible.");
}

BOOST_AUTO_TEST_SUITE_END()
