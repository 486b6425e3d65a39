#include "engine/device.hpp"
#include "events/describe.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::tests;
using namespace std::chrono_literals;
using events::registration_status;
using events::registration_substatus;

namespace {

constexpr auto start = history_builder::start;

/// A device and what happens to it, a minute apart.
struct fixture {
  engine::device_state state;
  events::timestamp now = start;

  void happens(placed_event e) {
    now += 1min;
    evolve(state, {{e.stream, state.version.next(), {}, now, {}, {}, {}, {}, false}, std::move(e.data)});
  }
  const engine::registration_record& record() const {
    BOOST_TEST_REQUIRE(state.registration.has_value());
    return *state.registration;
  }
  std::string status() const { return std::string(events::name_of(record().status)); }
};

placed_event with_operation(placed_event e, std::string operation_id) {
  std::get<events::device_registered>(e.data).operation_id = std::move(operation_id);
  return e;
}

placed_event presented_as(placed_event e, std::string_view id) {
  std::get<events::device_registered>(e.data).attempt.presented = named<events::registration_id>(id);
  return e;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(device_evolves, fixture)

BOOST_AUTO_TEST_CASE(an_enrollment_keeps_when_it_was_created_and_knows_its_last_change) {
  happens(enrolled(scope_a, "dev-1"));
  BOOST_TEST_REQUIRE(state.enrollment.has_value());
  BOOST_TEST(state.enrollment->version.value() == 1U);
  happens(registered(scope_a, "dev-1"));
  auto changed = state.enrollment->enrollment;
  changed.terms.status = events::provisioning_status::disabled;
  happens({events::stream_name::device(scope_a, changed.id), events::enrollment_updated{changed, start + 1min}});
  BOOST_TEST((state.enrollment->enrollment.terms.status == events::provisioning_status::disabled));
  BOOST_TEST(state.enrollment->version.value() == 3U);
  BOOST_TEST((state.enrollment->created == start + 1min));
  BOOST_TEST((state.enrollment->updated == start + 3min));
  BOOST_TEST(record().version.value() == 2U);
}

BOOST_AUTO_TEST_CASE(a_registration_makes_the_record_and_the_next_one_changes_it) {
  happens(enrolled(scope_a, "dev-1"));
  happens(with_operation(registered(scope_a, "dev-1"), "first"));
  BOOST_TEST(status() == "assigned");
  BOOST_TEST(record().hub->text() == "hub1");
  BOOST_TEST(record().device->text() == "dev-1");
  BOOST_TEST(!record().group.has_value());
  happens(with_operation(registered(scope_a, "dev-1", {"hub2", "line"}), "second"));
  BOOST_TEST(record().hub->text() == "hub2");
  BOOST_TEST(record().group->text() == "line");
  BOOST_TEST(record().version.value() == 3U);
  BOOST_TEST((record().created == start + 2min));
  BOOST_TEST((record().updated == start + 3min));
}

BOOST_AUTO_TEST_CASE(the_two_newest_operations_can_be_polled) {
  for (const auto* id : {"first", "second", "third"}) happens(with_operation(registered(scope_a, "dev-1"), id));
  BOOST_TEST(record().operations == (std::vector<std::string>{"third", "second"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_failed_registration_shows_why_and_keeps_where_the_device_is) {
  happens(registered(scope_a, "dev-1"));
  happens(failed_to_register(scope_a, "dev-1", "line"));
  BOOST_TEST(status() == "failed");
  BOOST_TEST(record().error_code == 400208);
  BOOST_TEST(record().error_message == "No hub is linked.");
  BOOST_TEST(record().hub->text() == "hub1");
  BOOST_TEST(record().operations.size() == 2U);
  happens(registered(scope_a, "dev-1"));
  BOOST_TEST(status() == "assigned");
  BOOST_TEST(record().error_code == 0);
  BOOST_TEST(record().error_message == "");
}

BOOST_AUTO_TEST_CASE(a_disabled_device_has_that_on_its_record_and_one_is_made_if_there_was_none) {
  happens(enrolled(scope_a, "dev-1"));
  happens(refused_as_disabled(scope_a, "dev-1"));
  BOOST_TEST(status() == "disabled");
  BOOST_TEST(!record().hub.has_value());
  BOOST_TEST(record().operations.empty());
  BOOST_TEST((record().data_key == registration_key(scope_a, "dev-1")));
  happens(registered(scope_a, "dev-1"));
  happens(refused_as_disabled(scope_a, "dev-1"));
  BOOST_TEST(status() == "disabled");
  BOOST_TEST(record().hub->text() == "hub1");
}

BOOST_AUTO_TEST_CASE(any_other_refusal_and_a_joined_registration_change_nothing_but_the_version) {
  happens(registered(scope_a, "dev-1"));
  const auto before = events::to_row(record());
  const auto stream = events::stream_name::device(scope_a, record().id);
  happens({stream, events::registration_refused{events::refusal_reason::signature_mismatch,
                                                attempt(scope_a, "dev-1", {}), std::nullopt}});
  happens({stream, events::registration_joined{"op", attempt(scope_a, "dev-1", {})}});
  BOOST_TEST(events::to_row(record()) == before);
  BOOST_TEST(state.version.value() == 3U);
}

BOOST_AUTO_TEST_CASE(enrollment_and_record_go_each_by_itself_and_the_version_stays) {
  happens(enrolled(scope_a, "dev-1"));
  happens(registered(scope_a, "dev-1"));
  happens(unenrolled(scope_a, "dev-1"));
  BOOST_TEST(!state.enrollment.has_value());
  BOOST_TEST(status() == "assigned");
  happens(registration_removed(scope_a, "dev-1"));
  BOOST_TEST(!state.registration.has_value());
  BOOST_TEST(state.version.value() == 4U);
  happens(registered(scope_a, "dev-1"));
  BOOST_TEST(record().version.value() == 5U);
  BOOST_TEST((record().created == now));
}

BOOST_AUTO_TEST_CASE(the_record_has_the_first_spelling_of_the_id) {
  happens(presented_as(registered(scope_a, "dev-1"), "Dev-1"));
  happens(registered(scope_a, "dev-1"));
  BOOST_TEST(record().id.text() == "Dev-1");
  happens(registration_removed(scope_a, "dev-1"));
  happens(enrolled(scope_a, "DEV-1"));
  happens(registered(scope_a, "dev-1"));
  BOOST_TEST(record().id.text() == "DEV-1");
}

BOOST_AUTO_TEST_SUITE_END()
