#include "engine/enrollment.hpp"
#include "engine/limits.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

#include <tuple>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

const std::string key_16(16, 'k');
const std::string key_64(64, 'K');

/// Both kinds of enrollment, so that a rule that holds for both is tested on both.
struct individual {
  static constexpr auto exists = rejection_code::enrollment_exists;
  static constexpr auto not_found = rejection_code::enrollment_not_found;
  static constexpr const char* stream = "0ne00000001/devices/line-7";
  static put_enrollment make(std::string_view id = "Line-7") { return enrollment_of(id); }
  static events::enrollment_terms& terms(put_enrollment& c) { return c.enrollment.terms; }
  static delete_enrollment removal(std::string_view id = "LINE-7") {
    return {scope_a, named<events::registration_id>(id), {}};
  }
  static bool there(const domain& d) { return d.device("line-7").enrollment.has_value(); }
  static std::string spelling(const domain& d) { return d.device("line-7").enrollment->enrollment.id.text(); }
  static events::stream_version version(const domain& d) { return d.device("line-7").enrollment->version; }
  static const events::enrollment_terms& stored(const domain& d) {
    return d.device("line-7").enrollment->enrollment.terms;
  }
  static events::timestamp created(const domain& d) { return d.device("line-7").enrollment->created; }
  static events::timestamp updated(const domain& d) { return d.device("line-7").enrollment->updated; }
  static opened_keys keys(const domain& d) { return *d.enrollment_keys(named<events::registration_id>("line-7")); }
  using created_event = events::enrollment_created;
  using updated_event = events::enrollment_updated;
  using deleted_event = events::enrollment_deleted;
};

struct group {
  static constexpr auto exists = rejection_code::group_exists;
  static constexpr auto not_found = rejection_code::group_not_found;
  static constexpr const char* stream = "0ne00000001/groups/line-7";
  static put_group make(std::string_view id = "Line-7") { return group_of(id); }
  static events::enrollment_terms& terms(put_group& c) { return c.group.terms; }
  static delete_group removal(std::string_view id = "LINE-7") { return {scope_a, named<events::group_id>(id), {}}; }
  static bool there(const domain& d) { return d.groups.contains("line-7") && d.group("line-7").group.has_value(); }
  static std::string spelling(const domain& d) { return d.group("line-7").group->id.text(); }
  static events::stream_version version(const domain& d) { return d.group("line-7").version; }
  static const events::enrollment_terms& stored(const domain& d) { return d.group("line-7").group->terms; }
  static events::timestamp created(const domain& d) { return d.group("line-7").created; }
  static events::timestamp updated(const domain& d) { return d.group("line-7").updated; }
  static opened_keys keys(const domain& d) { return *d.snapshot().groups.at("line-7")->keys; }
  using created_event = events::enrollment_group_created;
  using updated_event = events::enrollment_group_updated;
  using deleted_event = events::enrollment_group_deleted;
};

using kinds = std::tuple<individual, group>;

precondition matching(events::stream_version version) {
  return {precondition::kind::etag, etag_of(version)};
}
const precondition any{precondition::kind::any, {}};
const precondition stale{precondition::kind::etag, "IjAi"};

template <class Command>
Command with(Command c, precondition condition) {
  c.if_match = std::move(condition);
  return c;
}

template <class Command>
Command with_keys(Command c, const std::string& primary, const std::string& secondary) {
  c.keys = {events::to_base64(primary), events::to_base64(secondary)};
  return c;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(enrollment)

// service-api 2.4: stored or not, against If-Match
// -----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_of_something_new_creates_it, kind, kinds) {
  domain d;
  const auto made = d.put(kind::make());
  the<typename kind::created_event>(made);
  BOOST_TEST(kind::there(d));
  BOOST_TEST(kind::spelling(d) == "Line-7");
  BOOST_TEST((kind::created(d) == d.now));
  BOOST_TEST((kind::updated(d) == d.now));
  BOOST_TEST(reads(made, kind::stream));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_without_condition_on_something_stored_is_refused, kind, kinds) {
  domain d;
  d.put(kind::make());
  const auto again = d.put(kind::make("LINE-7"));
  BOOST_TEST((rejection_of(again) == kind::exists));
  BOOST_TEST(again.events.empty());
  BOOST_TEST(again.keys.empty());
  BOOST_TEST(reads(again, kind::stream));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_with_the_right_etag_or_any_replaces_what_is_stored, kind, kinds) {
  domain d;
  d.put(kind::make());
  const auto created = kind::created(d);
  for (int i = 0; i < 2; ++i) {
    const auto before = kind::version(d);
    auto c = kind::make("line-7");
    kind::terms(c).iot_edge = true;
    the<typename kind::updated_event>(d.put(with(c, i == 0 ? matching(before) : any)));
    BOOST_TEST((kind::version(d) > before));
    BOOST_TEST(kind::stored(d).iot_edge.value());
    BOOST_TEST((kind::created(d) == created));
    BOOST_TEST((kind::updated(d) == d.now));
    BOOST_TEST(kind::spelling(d) == "Line-7");
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_with_a_stale_etag_is_refused_and_says_the_one_there_is, kind, kinds) {
  domain d;
  d.put(kind::make());
  const auto first = kind::version(d);
  d.put(with(kind::make(), any));
  for (const auto& condition : {matching(first), stale, precondition{precondition::kind::etag, ""}}) {
    const auto refused = d.put(with(kind::make(), condition));
    BOOST_TEST((rejection_of(refused) == rejection_code::precondition_failed));
    BOOST_TEST(refused.rejected->message.find(etag_of(kind::version(d))) != std::string::npos);
    BOOST_TEST(reads(refused, kind::stream));
    BOOST_TEST(refused.events.empty());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_with_a_condition_on_nothing_is_refused, kind, kinds) {
  domain d;
  for (const auto& condition : {any, stale}) {
    const auto refused = d.put(with(kind::make(), condition));
    BOOST_TEST((rejection_of(refused) == rejection_code::precondition_failed));
    BOOST_TEST(!kind::there(d));
    BOOST_TEST(reads(refused, kind::stream));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_delete_without_condition_with_any_or_with_the_right_etag_deletes, kind, kinds) {
  for (int i = 0; i < 3; ++i) {
    domain d;
    d.put(kind::make());
    const auto removed = d.remove(with(kind::removal(), i == 0   ? precondition()
                                                        : i == 1 ? any
                                                                 : matching(kind::version(d))));
    the<typename kind::deleted_event>(removed);
    BOOST_TEST(!kind::there(d));
    BOOST_TEST(reads(removed, kind::stream));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_delete_with_a_stale_etag_is_refused, kind, kinds) {
  domain d;
  d.put(kind::make());
  const auto refused = d.remove(with(kind::removal(), stale));
  BOOST_TEST((rejection_of(refused) == rejection_code::precondition_failed));
  BOOST_TEST(kind::there(d));
  BOOST_TEST(reads(refused, kind::stream));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_delete_of_nothing_is_not_found_whatever_the_condition, kind, kinds) {
  domain d;
  for (const auto& condition : {precondition(), any, stale}) {
    const auto refused = d.remove(with(kind::removal(), condition));
    BOOST_TEST((rejection_of(refused) == kind::not_found));
    BOOST_TEST(reads(refused, kind::stream));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(etags_of_what_was_deleted_never_come_back, kind, kinds) {
  domain d;
  d.put(kind::make());
  const auto first = kind::version(d);
  d.remove(kind::removal());
  d.put(kind::make());
  BOOST_TEST((kind::version(d) > first));
  BOOST_TEST((rejection_of(d.put(with(kind::make(), matching(first)))) == rejection_code::precondition_failed));
}

BOOST_AUTO_TEST_CASE(an_etag_is_base64_of_a_quoted_text) {
  BOOST_TEST((events::from_base64(etag_of(events::stream_version(0xab))) == std::string("\"00000000000000ab\"")));
}

// Keys
// -------------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_left_out_are_generated_with_64_bytes_and_shown_once, kind, kinds) {
  domain d;
  const auto made = d.put(kind::make());
  BOOST_TEST(made.keys_to_show->primary.size() == 64U);
  BOOST_TEST(made.keys_to_show->secondary.size() == 64U);
  BOOST_TEST(made.keys_to_show->primary != made.keys_to_show->secondary);
  BOOST_TEST(kind::keys(d).primary == made.keys_to_show->primary);
  BOOST_TEST(kind::keys(d).secondary == made.keys_to_show->secondary);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_left_out_of_an_update_are_kept_with_their_boxes, kind, kinds) {
  domain d;
  const auto before = *d.put(kind::make()).keys_to_show;
  const auto attestation = kind::stored(d).attestation;
  const auto updated = d.put(with(kind::make(), any));
  BOOST_TEST(updated.keys_to_show->primary == before.primary);
  BOOST_TEST(kind::keys(d).secondary == before.secondary);
  BOOST_TEST((kind::stored(d).attestation == attestation));
  BOOST_TEST(updated.keys.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(given_keys_are_taken_and_the_other_is_generated_or_kept, kind, kinds) {
  domain d;
  auto c = kind::make();
  c.keys.primary = events::to_base64(key_16);
  const auto made = d.put(c);
  BOOST_TEST(kind::keys(d).primary == key_16);
  BOOST_TEST(kind::keys(d).secondary.size() == 64U);
  c = with(kind::make(), any);
  c.keys.secondary = events::to_base64(key_64);
  d.put(c);
  BOOST_TEST(kind::keys(d).primary == key_16);
  BOOST_TEST(kind::keys(d).secondary == key_64);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_data_key_is_fresh_on_create_same_on_update_and_named_in_the_deletion, kind, kinds) {
  domain d;
  const auto made = d.put(kind::make());
  const auto first = kind::stored(d).attestation.data_key;
  BOOST_TEST_REQUIRE(made.keys.size() == 1U);
  BOOST_TEST((made.keys.front().id == first));
  const auto changed = d.put(with(with_keys(kind::make(), key_16, key_64), any));
  BOOST_TEST(changed.keys.empty());
  BOOST_TEST((kind::stored(d).attestation.data_key == first));
  BOOST_TEST((the<typename kind::deleted_event>(d.remove(kind::removal())).data_key == first));
  BOOST_TEST(!d.keys.contains(first));
  d.put(kind::make());
  BOOST_TEST((kind::stored(d).attestation.data_key != first));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_of_16_to_64_bytes_of_base64_are_accepted_and_no_others, kind, kinds) {
  for (const std::size_t size : {16, 32, 64}) {
    domain d;
    const auto made = d.put(with_keys(kind::make(), std::string(size, 'a'), std::string(size, 'b')));
    BOOST_TEST(!made.rejected.has_value());
  }
  for (const auto& bad : {events::to_base64(std::string(15, 'a')), events::to_base64(std::string(65, 'a')),
                          std::string("not base64!"), std::string("AAAA")}) {
    for (const bool primary : {true, false}) {
      domain d;
      auto c = kind::make();
      (primary ? c.keys.primary : c.keys.secondary) = bad;
      const auto refused = d.put(c);
      BOOST_TEST((rejection_of(refused) == rejection_code::invalid));
      BOOST_TEST(refused.rejected->message == "attestation.symmetricKey: each key must be base64 of 16 to 64 bytes.");
      BOOST_TEST(refused.events.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_entry_whose_keys_are_lost_cannot_be_changed_but_deleted_and_made_again, kind, kinds) {
  domain d;
  d.put(kind::make());
  d.keys.erase(kind::stored(d).attestation.data_key);
  BOOST_TEST((rejection_of(d.put(kind::make())) == kind::exists));
  for (const auto& c : {kind::make(), with_keys(kind::make(), key_16, key_64)}) {
    const auto refused = d.put(with(c, any));
    BOOST_TEST((rejection_of(refused) == rejection_code::unavailable));
    BOOST_TEST(refused.events.empty());
    BOOST_TEST(refused.rejected->message.find("not in the keyring") != std::string::npos, refused.rejected->message);
  }
  the<typename kind::deleted_event>(d.remove(kind::removal()));
  the<typename kind::created_event>(d.put(kind::make()));
  BOOST_TEST(kind::version(d).value() == 3U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_update_says_when_the_entry_was_created, kind, kinds) {
  domain d;
  d.put(kind::make());
  const auto created = kind::created(d);
  for (int i = 0; i < 2; ++i)
    BOOST_TEST((the<typename kind::updated_event>(d.put(with(kind::make(), any))).created == created));
}

// What can never work
// ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(hubs_without_a_policy_are_refused, kind, kinds) {
  domain d;
  auto c = kind::make();
  kind::terms(c).hubs = {named<events::hub_name>("hub1")};
  const auto refused = d.put(c);
  BOOST_TEST((rejection_of(refused) == rejection_code::invalid));
  BOOST_TEST(refused.rejected->message.find("allocationPolicy") != std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_static_policy_takes_at_most_one_hub, kind, kinds) {
  domain d;
  auto c = kind::make();
  kind::terms(c).allocation = events::allocation_policy::static_hub;
  kind::terms(c).hubs = {named<events::hub_name>("hub1"), named<events::hub_name>("hub2")};
  BOOST_TEST((rejection_of(d.put(c)) == rejection_code::invalid));
  kind::terms(c).hubs.pop_back();
  BOOST_TEST(!d.put(c).rejected.has_value());
  kind::terms(c).hubs.clear();
  BOOST_TEST(!d.put(with(c, any)).rejected.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_can_never_work_is_said_before_what_is_stored_is_looked_at, kind, kinds) {
  domain d;
  d.put(kind::make());
  auto bad_hubs = kind::make();
  kind::terms(bad_hubs).hubs = {named<events::hub_name>("hub1")};
  BOOST_TEST((rejection_of(d.put(bad_hubs)) == rejection_code::invalid));
  auto bad_keys = kind::make();
  bad_keys.keys.primary = "AAAA";
  BOOST_TEST((rejection_of(d.put(bad_keys)) == rejection_code::invalid));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(everything_else_is_kept_as_it_was_sent, kind, kinds) {
  domain d;
  auto c = kind::make();
  auto& terms = kind::terms(c);
  terms.twin = events::initial_twin{events::json_text{R"({"n":7.0})"}, {}};
  terms.status = events::provisioning_status::disabled;
  terms.reprovision = events::reprovision_policy{true, false};
  terms.custom_allocation = events::json_text{"{}"};
  terms.hub_host_name = named<events::hub_name>("hub1");
  d.put(c);
  auto expected = terms;
  expected.attestation = kind::stored(d).attestation;
  BOOST_TEST((kind::stored(d) == expected));
  d.put(with(kind::make(), any));
  BOOST_TEST(!kind::stored(d).twin.has_value());
  BOOST_TEST(!kind::stored(d).status.has_value());
}

// Each kind's own
// --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(groups_are_limited_by_the_services_setting) {
  domain d;
  d.service.settings.symmetric_key_groups_max = 2;
  d.put(group_of("a"));
  d.put(group_of("b"));
  const auto refused = d.put(group_of("c"));
  BOOST_TEST((rejection_of(refused) == rejection_code::limit_reached));
  BOOST_TEST(reads(refused, "0ne00000001/groups"));
  BOOST_TEST(!d.put(with(group_of("a"), any)).rejected.has_value());
  d.remove(delete_group{d.scope, named<events::group_id>("a"), {}});
  BOOST_TEST(!d.put(group_of("c")).rejected.has_value());
}

BOOST_AUTO_TEST_CASE(every_change_of_a_group_writes_the_key_of_the_set_of_groups) {
  domain d;
  const auto created = d.put(group_of("a"));
  const auto updated = d.put(with(group_of("a"), any));
  const auto deleted = d.remove(delete_group{d.scope, named<events::group_id>("a"), {}});
  for (const auto* each : {&created, &updated, &deleted}) {
    BOOST_TEST_REQUIRE(each->events.size() == 1U);
    BOOST_TEST(each->events.front().index_keys == std::vector<std::string>{"0ne00000001/groups"},
               boost::test_tools::per_element());
  }
  BOOST_TEST(reads(created, "0ne00000001/groups"));
}

BOOST_AUTO_TEST_CASE(record_and_enrollment_have_etags_of_their_own) {
  domain d;
  const auto key = d.put(enrollment_of("dev-1")).keys_to_show->primary;
  const auto enrolled = d.device("dev-1").enrollment->version;
  d.registers("dev-1", key);
  BOOST_TEST((d.device("dev-1").enrollment->version == enrolled));
  BOOST_TEST((d.record("dev-1").version > enrolled));
  BOOST_TEST(!d.put(with(enrollment_of("dev-1"), matching(enrolled))).rejected.has_value());
}

BOOST_AUTO_TEST_CASE(a_record_is_deleted_by_its_own_etag) {
  domain d;
  const auto id = named<events::registration_id>("dev-1");
  const auto key = d.put(enrollment_of("dev-1")).keys_to_show->primary;
  BOOST_TEST((rejection_of(d.remove(delete_registration{d.scope, id, {}})) == rejection_code::registration_not_found));
  d.registers("dev-1", key);
  const auto enrolled = d.device("dev-1").enrollment->version;
  BOOST_TEST((rejection_of(d.remove(delete_registration{d.scope, id, matching(enrolled)})) ==
              rejection_code::precondition_failed));
  BOOST_TEST(!d.remove(delete_registration{d.scope, id, matching(d.record("dev-1").version)}).rejected.has_value());
  BOOST_TEST(!d.device("dev-1").registration.has_value());
  BOOST_TEST(d.device("dev-1").enrollment.has_value());
}

BOOST_AUTO_TEST_CASE(a_deleted_enrollment_leaves_record_and_hub_device) {
  domain d;
  const auto key = d.put(enrollment_of("dev-1")).keys_to_show->primary;
  d.registers("dev-1", key);
  d.remove(delete_enrollment{d.scope, named<events::registration_id>("dev-1"), {}});
  BOOST_TEST(d.device("dev-1").registration.has_value());
  BOOST_TEST(d.hub_device("hub1", "dev-1").identity.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
