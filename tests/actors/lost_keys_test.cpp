#include "tests/support/actor_fixture.hpp"

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::rejection_code;
using condition = engine::precondition::kind;

/// A keyring that is newer than its journal: it has forgotten keys whose entries are still there.
struct fixture : tests::actor_fixture {
  fixture() { make_service(); }

  /// Forgets a key, as a keyring would, and lets every actor and snapshot find out.
  void lose(const events::data_key_id& key) {
    BOOST_TEST_REQUIRE(keyring.destroy({&key, 1}).has_value());
    advance(70s);
    shards.reload(catalog.find(scope).value->shard);
  }
  events::data_key_id key_of_group(const std::string& id) {
    return catalog.find(scope).value->groups.at(id)->state.group->terms.attestation.data_key;
  }
  events::data_key_id key_of_enrollment(std::string_view id) {
    return device(id).enrollment->enrollment.terms.attestation.data_key;
  }
  template <class Id>
  static Id id_of(std::string_view text) {
    return tests::named<Id>(text);
  }
  std::string only_error() {
    BOOST_TEST_REQUIRE(log.errors.size() == 1U);
    return std::exchange(log.errors, {}).front();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lost_keys, fixture)

BOOST_AUTO_TEST_CASE(a_group_without_its_keys_is_there_cannot_be_changed_and_can_be_deleted) {
  make_group("fleet");
  lose(key_of_group("fleet"));
  BOOST_TEST(catalog.find(scope).value->groups.contains("fleet"));
  BOOST_TEST(done(group("fleet")).rejected_as(rejection_code::group_exists));
  const auto refused = done(group("fleet", true, condition::any));
  BOOST_TEST(refused.rejected_as(rejection_code::unavailable));
  BOOST_TEST(refused.get<engine::rejection>().message.find("keys of enrollment group 'fleet' are lost") !=
             std::string::npos);
  only_error();
  BOOST_TEST(count("enrollment_group_created") == 1U);
  done(engine::delete_group{scope, id_of<events::group_id>("fleet"), {}}).get<engine::done>();
  const auto anew = done(group("fleet")).get<engine::group_answer>();
  BOOST_TEST(anew.state.version.value() == 3U);
}

BOOST_AUTO_TEST_CASE(devices_of_a_group_without_its_keys_are_refused_and_the_log_says_why) {
  const auto keys = make_group("fleet");
  done(registration("truck-1", key_in(keys, "truck-1"))).get<engine::registration_answer>();
  lose(key_of_group("fleet"));
  for (const auto* id : {"truck-1", "truck-2"}) {
    BOOST_TEST(done(registration(id, key_in(keys, id))).rejected_as(rejection_code::not_attested));
    BOOST_TEST(only_error().find("keys are lost") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(an_enrollment_without_its_keys_cannot_be_changed_and_can_be_deleted) {
  const auto key = enroll("dev-1");
  done(registration("dev-1", key)).get<engine::registration_answer>();
  lose(key_of_enrollment("dev-1"));
  BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::unavailable));
  only_error();
  const auto refused = done(enrollment("dev-1", condition::any));
  BOOST_TEST(refused.rejected_as(rejection_code::unavailable));
  BOOST_TEST(refused.get<engine::rejection>().message.find("keys of enrollment 'dev-1' are lost") != std::string::npos);
  only_error();
  done(engine::delete_registration{scope, id_of<events::registration_id>("dev-1"), {}}).get<engine::done>();
  done(engine::delete_enrollment{scope, id_of<events::registration_id>("dev-1"), {}}).get<engine::done>();
  const auto anew = done(enrollment("dev-1")).get<engine::enrollment_answer>();
  BOOST_TEST(anew.record.version.value() == 5U);
}

BOOST_AUTO_TEST_CASE(a_record_without_its_key_gets_a_new_one) {
  const auto key = enroll("dev-1");
  done(registration("dev-1", key)).get<engine::registration_answer>();
  const auto before = device("dev-1").registration->data_key;
  lose(before);
  done(registration("dev-1", key)).get<engine::registration_answer>();
  BOOST_TEST((device("dev-1").registration->data_key != before));
}

BOOST_AUTO_TEST_CASE(keys_that_the_keyring_has_and_cannot_give_are_no_reason_for_new_ones) {
  const auto key = enroll("dev-1");
  done(registration("dev-1", key)).get<engine::registration_answer>();
  advance(70s);
  for (const auto& unreadable : {device("dev-1").registration->data_key, key_of_enrollment("dev-1")}) {
    keyring.unreadable = unreadable;
    BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::unavailable));
    only_error();
    BOOST_TEST(count("device_registered") == 1U);
  }
  keyring.unreadable.reset();
  done(registration("dev-1", key)).get<engine::registration_answer>();
}

BOOST_AUTO_TEST_SUITE_END()
