#include "engine/registration.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;
using events::registration_status;
using events::registration_substatus;

namespace {

using type_list = std::vector<std::string>;

/// The enrollment `dev-1` or the group `line`, over the hubs that a test names.
struct fixture : domain {
  fixture() : domain({"hub1", "hub2"}) {}

  std::string key;  ///< with which `dev-1` registers

  /// Enrolls `dev-1` for one hub, or changes its enrollment.
  void enroll(std::string_view hub, std::optional<events::reprovision_policy> policy = {},
              const std::function<void(put_enrollment&)>& change = {}) {
    auto c = enrollment_of("dev-1");
    c.if_match.what = device("dev-1").enrollment ? precondition::kind::any : precondition::kind::none;
    c.enrollment.terms.allocation = events::allocation_policy::hashed;
    c.enrollment.terms.hubs = {named<events::hub_name>(hub)};
    c.enrollment.terms.reprovision = policy;
    c.enrollment.terms.twin =
        events::initial_twin{events::json_text{R"({"site":"a"})"}, events::json_text{R"({"rate":1})"}};
    if (change) change(c);
    const auto d = put(c);
    BOOST_TEST_REQUIRE(!d.rejected.has_value());
    key = d.keys_to_show->primary;
  }

  void enroll_group(std::string_view hub = "hub1", bool enabled = true) {
    auto c = group_of("line");
    const auto at = groups.find("line");
    c.if_match.what = at != groups.end() && at->second.group ? precondition::kind::any : precondition::kind::none;
    c.group.terms.allocation = events::allocation_policy::hashed;
    c.group.terms.hubs = {named<events::hub_name>(hub)};
    if (!enabled) c.group.terms.status = events::provisioning_status::disabled;
    const auto d = put(c);
    BOOST_TEST_REQUIRE(!d.rejected.has_value());
    key = hmac_sha256(d.keys_to_show->primary, "dev-1");
  }

  decision comes(const attempt& how = attempt{}) { return registers("dev-1", key, how); }

  /// What the device and its back end have made of the twin since.
  void change_twin(std::string_view hub, std::string_view id = "dev-1") {
    auto& twin =
        hub_devices
            .at(events::stream_name::hub_device(scope, named<events::hub_name>(hub), named<events::device_id>(id))
                    .text())
            .twin;
    twin = {events::json_text{R"({"site":"b"})"}, events::json_text{R"({"rate":2})"},
            events::json_text{R"({"seen":3})"}};
  }

  void check_assigned(std::string_view hub, registration_substatus substatus) {
    BOOST_TEST(events::name_of(record("dev-1").status) == events::name_of(registration_status::assigned));
    BOOST_TEST(record("dev-1").hub->text() == hub);
    BOOST_TEST(events::name_of(record("dev-1").substatus) == events::name_of(substatus));
  }
};

void check_types(const decision& d, const type_list& expected) {
  BOOST_TEST(types_of(d) == expected, boost::test_tools::per_element());
}

constexpr events::reprovision_policy migrate{true, true};
constexpr events::reprovision_policy reset{true, false};
constexpr events::reprovision_policy never{false, false};

const events::json_text initial_tags{R"({"site":"a"})"};
const events::json_text initial_desired{R"({"rate":1})"};
const events::json_text changed_tags{R"({"site":"b"})"};
const events::json_text nothing{"{}"};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(registration, fixture)

// First and again ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_first_registration_makes_a_record_and_a_hub_identity_with_the_initial_twin) {
  enroll("hub1", {}, [](auto& c) { c.enrollment.terms.iot_edge = true; });
  const auto d = comes();
  check_types(d, {"device_registered", "hub_device_created"});
  check_assigned("hub1", registration_substatus::initial_assignment);
  const auto& made = record("dev-1");
  BOOST_TEST(made.device->text() == "dev-1");
  BOOST_TEST(made.operations.front() == d.operation_id);
  BOOST_TEST((made.created == now));
  BOOST_TEST((made.updated == now));
  BOOST_TEST(!made.group.has_value());
  const auto on_hub = hub_device("hub1", "dev-1");
  BOOST_TEST(on_hub.identity->iot_edge);
  BOOST_TEST((on_hub.twin == events::device_twin{initial_tags, initial_desired, nothing}));
}

BOOST_AUTO_TEST_CASE(the_hub_identity_has_the_keys_of_the_enrollment) {
  enroll("hub1");
  comes();
  const auto identity = *hub_device("hub1", "dev-1").identity;
  const auto opened = unseal_keys(keys.at(identity.data_key).key,
                                  events::stream_name::hub_device(scope, identity.hub, identity.id), identity.keys);
  const auto enrolled = *enrollment_keys(identity.registration);
  BOOST_TEST(opened->primary == enrolled.primary);
  BOOST_TEST(opened->secondary == enrolled.secondary);
}

BOOST_AUTO_TEST_CASE(the_hub_identity_of_a_group_member_has_the_derived_keys) {
  enroll_group();
  comes();
  BOOST_TEST(record("dev-1").group->text() == "line");
  const auto identity = *hub_device("hub1", "dev-1").identity;
  const auto opened = unseal_keys(keys.at(identity.data_key).key,
                                  events::stream_name::hub_device(scope, identity.hub, identity.id), identity.keys);
  const auto line = *snapshot().groups.at("line")->keys;
  BOOST_TEST(opened->primary == hmac_sha256(line.primary, "dev-1"));
  BOOST_TEST(opened->secondary == hmac_sha256(line.secondary, "dev-1"));
}

BOOST_AUTO_TEST_CASE(a_device_that_comes_again_stays_where_it_is_and_keeps_its_twin) {
  enroll("hub1");
  comes();
  change_twin("hub1");
  const auto created = record("dev-1").created;
  const auto d = comes();
  check_types(d, {"device_registered"});
  check_assigned("hub1", registration_substatus::reprovisioned_to_initial_assignment);
  BOOST_TEST((hub_device("hub1", "dev-1").twin.tags == changed_tags));
  BOOST_TEST((record("dev-1").created == created));
  BOOST_TEST((record("dev-1").updated == now));
  BOOST_TEST((record("dev-1").version == device("dev-1").version));
}

BOOST_AUTO_TEST_CASE(a_record_keeps_its_last_two_operations) {
  enroll("hub1");
  const auto first = comes().operation_id;
  const auto second = comes().operation_id;
  const auto third = comes().operation_id;
  const type_list expected = {third, second};
  BOOST_TEST(record("dev-1").operations == expected, boost::test_tools::per_element());
  BOOST_TEST(first != second);
}

BOOST_AUTO_TEST_CASE(an_operation_id_has_the_form_of_the_vendors) {
  enroll("hub1");
  const auto id = comes().operation_id;
  BOOST_TEST_REQUIRE(id.size() == 2U + 16U + 1U + 36U);
  BOOST_TEST(id.starts_with("5."));
  BOOST_TEST(id[18] == '.');
  const auto again = comes();
  BOOST_TEST(the<events::device_registered>(again).operation_id == record("dev-1").operations.front());
}

BOOST_AUTO_TEST_CASE(an_id_in_another_spelling_is_the_same_device) {
  enroll("hub1");
  comes();
  registers("DEV-1", key);
  BOOST_TEST(record("dev-1").id.text() == "dev-1");
  BOOST_TEST(record("dev-1").device->text() == "dev-1");
  BOOST_TEST(devices.size() == 1U);
}

// Where the hub list changed
// -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_device_moves_with_its_twin_if_the_policy_says_migrate) {
  for (const auto& policy : {std::optional<events::reprovision_policy>(), std::optional(migrate)}) {
    fixture f;
    f.enroll("hub1", policy);
    f.comes();
    f.change_twin("hub1");
    f.enroll("hub2", policy);
    check_types(f.comes(), {"device_registered", "hub_device_deleted", "hub_device_created"});
    f.check_assigned("hub2", registration_substatus::device_data_migrated);
    BOOST_TEST(!f.hub_device("hub1", "dev-1").identity.has_value());
    BOOST_TEST((f.hub_device("hub2", "dev-1").twin ==
                events::device_twin{changed_tags, {R"({"rate":2})"}, {R"({"seen":3})"}}));
  }
}

BOOST_AUTO_TEST_CASE(a_device_moves_and_starts_anew_if_the_policy_says_reset) {
  enroll("hub1", reset);
  comes();
  change_twin("hub1");
  enroll("hub2", reset);
  check_types(comes(), {"device_registered", "hub_device_deleted", "hub_device_created"});
  check_assigned("hub2", registration_substatus::device_data_reset);
  BOOST_TEST(!hub_device("hub1", "dev-1").identity.has_value());
  BOOST_TEST((hub_device("hub2", "dev-1").twin == events::device_twin{initial_tags, initial_desired, nothing}));
}

BOOST_AUTO_TEST_CASE(a_device_stays_if_the_policy_says_never) {
  enroll("hub1", never);
  comes();
  change_twin("hub1");
  enroll("hub2", never);
  const auto d = comes();
  check_assigned("hub1", registration_substatus::initial_assignment);
  BOOST_TEST((hub_device("hub1", "dev-1").twin.tags == changed_tags));
  BOOST_TEST(!hub_device("hub2", "dev-1").identity.has_value());
  BOOST_TEST(the<events::device_registered>(d).allocation.chosen->text() == "hub2");
}

BOOST_AUTO_TEST_CASE(a_reset_on_the_same_hub_replaces_tags_and_desired_properties) {
  enroll("hub1", reset);
  comes();
  change_twin("hub1");
  check_types(comes(), {"device_registered", "hub_device_updated"});
  check_assigned("hub1", registration_substatus::device_data_reset);
  BOOST_TEST(
      (hub_device("hub1", "dev-1").twin == events::device_twin{initial_tags, initial_desired, {R"({"seen":3})"}}));
}

BOOST_AUTO_TEST_CASE(a_device_of_an_old_api_version_stays_unless_a_policy_is_stored) {
  enroll("hub1");
  comes();
  enroll("hub2");
  for (const auto* version : {"2017-08-31-preview", "2018-04-01"}) {
    comes({.api_version = version});
    check_assigned("hub1", registration_substatus::initial_assignment);
  }
  comes({.api_version = "2018-09-01-preview"});
  check_assigned("hub2", registration_substatus::device_data_migrated);
  enroll("hub1", migrate);
  comes({.api_version = "2018-04-01"});
  check_assigned("hub1", registration_substatus::device_data_migrated);
}

BOOST_AUTO_TEST_CASE(who_never_moves_needs_no_eligible_hub) {
  for (const auto& [policy, version] : {std::pair(std::optional(never), "2021-06-01"),
                                        std::pair(std::optional<events::reprovision_policy>(), "2018-04-01")}) {
    fixture f;
    f.enroll("hub1", policy);
    f.comes({.api_version = version});
    f.unlink("hub1");
    f.comes({.api_version = version});
    f.check_assigned("hub1", registration_substatus::initial_assignment);
  }
}

BOOST_AUTO_TEST_CASE(a_twin_comes_along_to_a_hub_that_has_an_identity_of_the_device_already) {
  for (const auto& policy : {migrate, reset}) {
    fixture f;
    f.enroll("hub1", policy);
    f.comes();
    f.change_twin("hub1");
    f.remove(delete_registration{f.scope, named<events::registration_id>("dev-1"), {}});
    f.enroll("hub2", policy);
    f.comes();  // a first assignment again: what is on hub1 stays there
    BOOST_TEST(f.hub_device("hub1", "dev-1").identity.has_value());
    auto& twin = f.hub_devices.at("0ne00000001/hubs/hub2/dev-1").twin;
    twin.tags = events::json_text{R"({"site":"c"})"};
    f.enroll("hub1", policy);
    check_types(f.comes(), {"device_registered", "hub_device_deleted", "hub_device_updated"});
    BOOST_TEST(!f.hub_device("hub2", "dev-1").identity.has_value());
    const auto& moved = f.hub_device("hub1", "dev-1").twin;
    BOOST_TEST(moved.tags.text == (policy.migrate_device_data ? R"({"site":"c"})" : R"({"site":"a"})"));
    BOOST_TEST(moved.reported.text == "{}");
  }
}

BOOST_AUTO_TEST_CASE(a_device_moves_although_its_old_hub_lost_it) {
  enroll("hub1");
  comes();
  remove_hub_device("hub1", "dev-1");
  enroll("hub2");
  check_types(comes(), {"device_registered", "hub_device_created"});
  check_assigned("hub2", registration_substatus::device_data_migrated);
  BOOST_TEST((hub_device("hub2", "dev-1").twin.tags == initial_tags));
}

// Device ids
// -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_enrollment_may_give_the_device_another_name) {
  enroll("hub1", {}, [](auto& c) { c.enrollment.device = named<events::device_id>("Pump#7"); });
  comes();
  BOOST_TEST(record("dev-1").device->text() == "Pump#7");
  BOOST_TEST(hub_device("hub1", "Pump#7").identity.has_value());
}

BOOST_AUTO_TEST_CASE(a_changed_device_id_counts_once_the_record_was_deleted_and_the_old_hub_device_stays) {
  enroll("hub1", {}, [](auto& c) { c.enrollment.device = named<events::device_id>("old"); });
  comes();
  enroll("hub1", {}, [](auto& c) { c.enrollment.device = named<events::device_id>("new"); });
  comes();
  BOOST_TEST(record("dev-1").device->text() == "old");
  remove(delete_registration{scope, named<events::registration_id>("dev-1"), {}});
  comes();
  BOOST_TEST(record("dev-1").device->text() == "new");
  BOOST_TEST(hub_device("hub1", "old").identity.has_value());
  BOOST_TEST(hub_device("hub1", "new").identity.has_value());
}

BOOST_AUTO_TEST_CASE(a_device_id_that_another_registration_has_is_refused) {
  enroll("hub1");
  comes();
  auto thief = enrollment_of("thief");
  thief.enrollment.device = named<events::device_id>("dev-1");
  thief.enrollment.terms.allocation = events::allocation_policy::hashed;
  thief.enrollment.terms.hubs = {named<events::hub_name>("hub1")};
  const auto thiefs_key = put(thief).keys_to_show->primary;
  const auto d = registers("thief", thiefs_key);
  check_types(d, {"registration_failed"});
  BOOST_TEST(reads(d, "0ne00000001/hubs/hub1/dev-1"));
  BOOST_TEST((record("thief").status == registration_status::failed));
  BOOST_TEST(record("thief").error_code == 409001);
  BOOST_TEST(hub_device("hub1", "dev-1").identity->registration.text() == "dev-1");
}

BOOST_AUTO_TEST_CASE(a_spelling_given_by_the_enrollment_names_the_hub_device) {
  auto c = enrollment_of("Dev-1");
  const auto d = put(c);
  registers("dev-1", d.keys_to_show->primary);
  BOOST_TEST(record("dev-1").device->text() == "Dev-1");
}

// Deletions
// ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(after_its_record_was_deleted_a_device_is_assigned_as_if_for_the_first_time) {
  enroll("hub1");
  comes();
  change_twin("hub1");
  const auto former = record("dev-1").data_key;
  const auto version = device("dev-1").version;
  BOOST_TEST((
      the<events::registration_deleted>(remove(delete_registration{scope, named<events::registration_id>("dev-1"), {}}))
          .data_key == former));
  BOOST_TEST(!keys.contains(former));
  const auto d = comes();
  check_assigned("hub1", registration_substatus::initial_assignment);
  BOOST_TEST((record("dev-1").data_key != former));
  BOOST_TEST(d.keys.size() == 1U);
  BOOST_TEST((device("dev-1").version > version));
  BOOST_TEST((hub_device("hub1", "dev-1").twin.tags == changed_tags));
}

BOOST_AUTO_TEST_CASE(a_group_takes_over_from_a_deleted_enrollment_and_the_identity_gets_its_keys) {
  enroll("hub1");
  comes();
  const auto former = hub_device("hub1", "dev-1").identity->data_key;
  remove(delete_enrollment{scope, named<events::registration_id>("dev-1"), {}});
  BOOST_TEST(device("dev-1").registration.has_value());
  BOOST_TEST(hub_device("hub1", "dev-1").identity.has_value());
  enroll_group("hub1");
  const auto d = comes();
  check_types(d, {"device_registered", "hub_device_updated"});
  BOOST_TEST((the<events::hub_device_updated>(d).former_data_key == former));
  BOOST_TEST(!the<events::hub_device_updated>(d).twin.has_value());
  BOOST_TEST(record("dev-1").group->text() == "line");
  BOOST_TEST(hub_device("hub1", "dev-1").identity->source.group->text() == "line");
  BOOST_TEST(!keys.contains(former));
}

BOOST_AUTO_TEST_CASE(without_enrollment_and_group_a_known_device_is_refused_and_its_record_stays) {
  enroll("hub1");
  comes();
  remove(delete_enrollment{scope, named<events::registration_id>("dev-1"), {}});
  const auto d = comes();
  check_types(d, {"registration_refused"});
  BOOST_TEST((rejection_of(d) == rejection_code::not_attested));
  check_assigned("hub1", registration_substatus::initial_assignment);
}

BOOST_AUTO_TEST_CASE(a_deleted_group_leaves_record_and_hub_device) {
  enroll_group();
  comes();
  remove(delete_group{scope, named<events::group_id>("line"), {}});
  const auto d = comes();
  BOOST_TEST((rejection_of(d) == rejection_code::not_attested));
  check_assigned("hub1", registration_substatus::initial_assignment);
  BOOST_TEST(hub_device("hub1", "dev-1").identity.has_value());
}

BOOST_AUTO_TEST_CASE(a_hub_device_that_was_deleted_by_hand_is_made_again) {
  enroll("hub1");
  comes();
  const auto d = remove_hub_device("hub1", "dev-1");
  check_types(d, {"hub_device_deleted"});
  check_types(comes(), {"device_registered", "hub_device_created"});
  BOOST_TEST((hub_device("hub1", "dev-1").twin.tags == initial_tags));
  BOOST_TEST((rejection_of(remove_hub_device("hub1", "nobody")) == rejection_code::hub_device_not_found));
}

BOOST_AUTO_TEST_CASE(a_changed_enrollment_refreshes_the_identity_and_leaves_the_twin) {
  enroll("hub1");
  comes();
  change_twin("hub1");
  enroll("hub1", {}, [](auto& c) { c.enrollment.terms.iot_edge = true; });
  const auto d = comes();
  check_types(d, {"device_registered", "hub_device_updated"});
  BOOST_TEST(hub_device("hub1", "dev-1").identity->iot_edge);
  BOOST_TEST((hub_device("hub1", "dev-1").twin.tags == changed_tags));
  check_types(comes(), {"device_registered"});
}

// No hub, and no admittance
// --------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(without_an_eligible_hub_a_registration_fails_and_says_why) {
  enroll("elsewhere");
  const auto d = comes({.payload = events::json_text{R"({"a secret of the device":1})"}});
  check_types(d, {"registration_failed"});
  BOOST_TEST(!d.rejected.has_value());
  BOOST_TEST((record("dev-1").status == registration_status::failed));
  BOOST_TEST(record("dev-1").error_code == 400208);
  BOOST_TEST(record("dev-1").error_message == "No linked IoT hub is eligible for this enrollment.");
  BOOST_TEST(record("dev-1").operations.front() == d.operation_id);
  BOOST_TEST(!record("dev-1").hub.has_value());
  enroll("hub1");
  comes();
  check_assigned("hub1", registration_substatus::initial_assignment);
  BOOST_TEST(record("dev-1").error_code == 0);
  BOOST_TEST(record("dev-1").error_message == "");
}

BOOST_AUTO_TEST_CASE(a_later_failure_leaves_the_device_where_it_was) {
  enroll("hub1");
  comes();
  enroll("elsewhere");
  comes();
  BOOST_TEST((record("dev-1").status == registration_status::failed));
  BOOST_TEST(record("dev-1").hub->text() == "hub1");
  BOOST_TEST(hub_device("hub1", "dev-1").identity.has_value());
}

BOOST_AUTO_TEST_CASE(a_disabled_enrollment_shows_on_the_record_and_the_device_is_told) {
  const auto disable = [](auto& c) { c.enrollment.terms.status = events::provisioning_status::disabled; };
  enroll("hub1", {}, disable);
  const auto d = comes();
  check_types(d, {"registration_refused"});
  BOOST_TEST(!d.rejected.has_value());
  BOOST_TEST((record("dev-1").status == registration_status::disabled));
  enroll("hub1");
  comes();
  check_assigned("hub1", registration_substatus::initial_assignment);
  enroll("hub1", {}, disable);
  comes();
  BOOST_TEST((record("dev-1").status == registration_status::disabled));
  BOOST_TEST(record("dev-1").hub->text() == "hub1");
}

BOOST_AUTO_TEST_CASE(what_is_personal_in_the_first_refusal_of_a_disabled_device_goes_with_its_record) {
  enroll("hub1", {}, [](auto& c) { c.enrollment.terms.status = events::provisioning_status::disabled; });
  const auto first = comes();
  const auto& refused = the<events::registration_refused>(first);
  BOOST_TEST_REQUIRE(refused.data_key.has_value());
  BOOST_TEST_REQUIRE(first.keys.size() == 1U);
  BOOST_TEST((first.keys.front().id == *refused.data_key));
  BOOST_TEST((refused.attempt.source_address->key == *refused.data_key));
  BOOST_TEST((record("dev-1").data_key == *refused.data_key));
  const auto second = comes();
  BOOST_TEST(second.keys.empty());
  BOOST_TEST((the<events::registration_refused>(second).data_key == refused.data_key));
  const auto deleted = remove(delete_registration{scope, named<events::registration_id>("dev-1"), {}});
  BOOST_TEST((the<events::registration_deleted>(deleted).data_key == *refused.data_key));
  BOOST_TEST(!keys.contains(*refused.data_key));
}

BOOST_AUTO_TEST_CASE(a_record_whose_key_is_lost_gets_a_new_one_with_the_next_registration) {
  enroll("hub1");
  comes();
  keys.erase(record("dev-1").data_key);
  const auto d = comes();
  BOOST_TEST(keys.contains(the<events::device_registered>(d).data_key));
  BOOST_TEST((record("dev-1").data_key == the<events::device_registered>(d).data_key));
}

BOOST_AUTO_TEST_CASE(a_record_keeps_the_first_spelling_of_its_id) {
  const auto made = put(enrollment_of("Dev-9"));
  registers("dev-9", made.keys_to_show->primary);
  BOOST_TEST(record("dev-9").id.text() == "Dev-9");
  enroll_group();
  key = derive_device_keys(*snapshot().groups.at("line")->keys, "TRUCK").primary;
  registers("TRUCK", key);
  registers("Truck", derive_device_keys(*snapshot().groups.at("line")->keys, "Truck").primary);
  BOOST_TEST(record("truck").id.text() == "TRUCK");
}

BOOST_AUTO_TEST_CASE(a_register_that_joins_another_is_an_attempt_of_its_own_and_no_operation) {
  enroll("hub1");
  const auto first = comes();
  const auto before = events::to_row(device("dev-1").registration);
  const register_device c{scope, {named<events::registration_id>("dev-1"), {}, "https", "2021-06-01", "192.0.2.9"}, {}};
  keep_secret("192.0.2.9");
  const auto state = device("dev-1");
  const auto record_key = keys.at(state.registration->data_key);
  const auto joined = decided([&, current = snapshot()](entropy& random) {
    return decide_join(state, c, verdict, first.operation_id,
                       {{now, random, current, sequence}, sequence, nullptr, &record_key, *this});
  });
  check_types(joined, {"registration_joined"});
  BOOST_TEST(joined.operation_id == first.operation_id);
  const auto& event = the<events::registration_joined>(joined);
  BOOST_TEST(event.operation_id == first.operation_id);
  BOOST_TEST((event.attempt.source_address->key == record_key.id));
  BOOST_TEST(!events::is_operation(joined.events.front().data));
  BOOST_TEST(reads(joined, "0ne00000001/devices/dev-1"));
  BOOST_TEST(reads(joined, "0ne00000001/service"));
  BOOST_TEST(events::to_row(device("dev-1").registration) == before);
}

BOOST_AUTO_TEST_CASE(a_disabled_group_shows_on_the_record) {
  enroll_group("hub1", false);
  const auto d = comes();
  BOOST_TEST((record("dev-1").status == registration_status::disabled));
  BOOST_TEST(record("dev-1").group->text() == "line");
  BOOST_TEST(reads(d, "0ne00000001/groups/line"));
}

BOOST_AUTO_TEST_CASE(a_wrong_key_leaves_the_record_as_it_is) {
  enroll("hub1");
  comes();
  const auto before = events::to_row(device("dev-1").registration);
  const auto d = registers("dev-1", "a wrong key");
  BOOST_TEST((the<events::registration_refused>(d).reason == events::refusal_reason::signature_mismatch));
  BOOST_TEST(events::to_row(device("dev-1").registration) == before);
}

BOOST_AUTO_TEST_CASE(a_stranger_is_written_down_on_the_refusals_alone) {
  enroll_group();
  const auto d = registers("stranger", "a wrong key");
  check_types(d, {"registration_refused"});
  BOOST_TEST(d.events.front().stream.text() == "0ne00000001/refusals");
  BOOST_TEST(d.events.front().version.value() == 0U);
  BOOST_TEST(!reads(d, "0ne00000001/refusals"));
  BOOST_TEST(reads(d, "0ne00000001/groups"));
  BOOST_TEST(!devices.contains("stranger"));
}

BOOST_AUTO_TEST_CASE(every_refusal_but_a_disabled_one_is_answered_alike) {
  enroll("hub1");
  const auto resource = "0ne00000001/registrations/dev-1";
  const auto good = now + std::chrono::hours(1);
  const std::optional<std::string> tokens[] = {std::nullopt,
                                               "rubbish",
                                               sign("a wrong key", resource, good),
                                               sign(key, resource, now - std::chrono::hours(1)),
                                               sign(key, "0ne00000001/registrations/dev-2", good),
                                               sign(key, "0ne00000002/registrations/dev-1", good),
                                               sign(key, "%ff%fe/\"", good)};
  std::set<std::string> reasons;
  for (const auto& token : tokens) {
    const auto d = registers_with("dev-1", token, {});
    BOOST_TEST_REQUIRE(d.rejected.has_value());
    BOOST_TEST((d.rejected->code == rejection_code::not_attested));
    BOOST_TEST(d.rejected->message == "Unauthorized");
    reasons.emplace(events::name_of(the<events::registration_refused>(d).reason));
  }
  BOOST_TEST(reasons.size() == 6U);
}

BOOST_AUTO_TEST_CASE(a_hub_registry_that_cannot_be_read_is_no_decision) {
  enroll("hub1");
  hubs_readable = false;
  const auto d = comes();
  BOOST_TEST((rejection_of(d) == rejection_code::unavailable));
  BOOST_TEST(d.events.empty());
  BOOST_TEST(d.keys.empty());
}

// What a decision rests on, and what it keeps
// ----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_registration_rests_on_all_that_it_looked_at) {
  enroll("hub1");
  comes();
  enroll("hub2");
  const auto d = comes();
  for (const auto* name : {"0ne00000001/devices/dev-1", "0ne00000001/service", "0ne00000001/hubs/hub1/dev-1",
                           "0ne00000001/hubs/hub2/dev-1"}) {
    BOOST_TEST(reads(d, name), name);
  }
}

BOOST_AUTO_TEST_CASE(a_registration_through_a_group_rests_on_the_group) {
  enroll_group();
  for (const auto* name :
       {"0ne00000001/devices/dev-1", "0ne00000001/service", "0ne00000001/groups/line", "0ne00000001/hubs/hub1/dev-1"}) {
    BOOST_TEST(reads(comes(), name), name);
  }
}

BOOST_AUTO_TEST_CASE(a_failed_registration_rests_on_the_hubs_there_are) {
  enroll("elsewhere");
  BOOST_TEST(reads(comes(), "0ne00000001/service"));
  BOOST_TEST(reads(comes(), "0ne00000001/devices/dev-1"));
}

BOOST_AUTO_TEST_CASE(a_refusal_rests_on_the_device_and_where_no_group_matched_on_the_groups) {
  enroll("hub1");
  const auto wrong_key = registers("dev-1", "a wrong key");
  BOOST_TEST(reads(wrong_key, "0ne00000001/devices/dev-1"));
  BOOST_TEST(!reads(wrong_key, "0ne00000001/groups"));
  comes();
  remove(delete_enrollment{scope, named<events::registration_id>("dev-1"), {}});
  const auto not_enrolled = comes();
  BOOST_TEST(reads(not_enrolled, "0ne00000001/devices/dev-1"));
  BOOST_TEST(reads(not_enrolled, "0ne00000001/groups"));
}

BOOST_AUTO_TEST_CASE(a_payload_is_kept_under_the_key_of_the_record) {
  enroll("hub1");
  comes();
  const auto stream = events::stream_name::device(scope, named<events::registration_id>("dev-1"));
  const auto d = comes({.payload = events::json_text{R"({"a secret of the device":1})"}});
  const auto& registered = the<events::device_registered>(d);
  BOOST_TEST((registered.payload->key == record("dev-1").data_key));
  const auto& key_of_record = keys.at(record("dev-1").data_key).key;
  BOOST_TEST((unseal(key_of_record, stream, "payload", *registered.payload) ==
              std::string(R"({"a secret of the device":1})")));
  BOOST_TEST(
      (unseal(key_of_record, stream, "sourceAddress", *registered.attempt.source_address) == std::string("192.0.2.7")));
  BOOST_TEST(d.keys.empty());
}

BOOST_AUTO_TEST_CASE(every_fresh_key_that_an_event_uses_is_handed_to_the_keyring) {
  enroll("hub1");
  const auto d = comes();
  std::set<events::data_key_id> handed;
  for (const auto& each : d.keys) handed.insert(each.id);
  BOOST_TEST(handed.contains(the<events::device_registered>(d).data_key));
  BOOST_TEST(handed.contains(the<events::hub_device_created>(d).identity.data_key));
  BOOST_TEST(handed.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_event_says_how_the_device_was_attested_and_allocated) {
  enroll("hub1");
  const auto d = comes();
  const auto& registered = the<events::device_registered>(d);
  BOOST_TEST((registered.attempt.enrollment == events::enrollment_reference{{}, device("dev-1").enrollment->version}));
  BOOST_TEST((registered.attempt.slot == events::key_slot::primary));
  BOOST_TEST(registered.attempt.checks.size() == 8U);
  BOOST_TEST(registered.allocation.candidates.size() == 1U);
  BOOST_TEST(registered.allocation.chosen->text() == "hub1");
}

BOOST_AUTO_TEST_SUITE_END()
