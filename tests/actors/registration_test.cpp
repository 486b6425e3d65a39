#include "tests/support/actor_fixture.hpp"

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::registration_answer;
using engine::rejection_code;

struct fixture : tests::actor_fixture {
  fixture() { make_service(); }

  void disable_group(std::string_view id) {
    BOOST_TEST(
        std::holds_alternative<engine::group_answer>(*done(group(id, false, engine::precondition::kind::any)).answer));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(device_actors_register, fixture)

BOOST_AUTO_TEST_CASE(a_device_with_an_individual_key_is_assigned_and_can_poll_and_look_itself_up) {
  const auto key = enroll("Dev-1");
  const auto first = done(registration("dev-1", key)).get<registration_answer>();
  BOOST_TEST(first.record.hub->text() == "hub1");
  BOOST_TEST(first.record.device->text() == "Dev-1");
  BOOST_TEST(!first.assigning);
  BOOST_TEST(done(poll("dev-1", key, first.operation_id)).get<registration_answer>().record.operations.front() ==
             first.operation_id);
  const engine::look_up_registration look_up{scope, shown("dev-1", key)};
  BOOST_TEST(done(look_up).get<engine::lookup_answer>().record.hub->text() == "hub1");
  BOOST_TEST(count("device_registered") == 1U);
  BOOST_TEST(device("dev-1").registration->version.value() == first.record.version.value());
  BOOST_TEST(telemetry.device_assignments == 1U);
}

BOOST_AUTO_TEST_CASE(a_device_of_a_group_is_assigned_and_its_credential_is_looked_at_once) {
  const auto keys = make_group("fleet");
  const auto answer = done(registration("truck-7", key_in(keys, "truck-7"))).get<registration_answer>();
  BOOST_TEST(answer.record.group->text() == "fleet");
  BOOST_TEST(live() == 1U);
  BOOST_TEST(telemetry.attestation_attempts[0] == 1U);
}

BOOST_AUTO_TEST_CASE(a_wrong_key_is_refused_on_the_stream_of_the_device) {
  enroll("dev-1");
  BOOST_TEST(done(registration("dev-1", "wrong")).rejected_as(rejection_code::not_attested));
  BOOST_TEST(count("registration_refused") == 1U);
  BOOST_TEST(device("dev-1").version.value() == 2U);
  BOOST_TEST(!device("dev-1").registration.has_value());
}

BOOST_AUTO_TEST_CASE(an_unknown_id_leaves_an_event_and_neither_actor_nor_row) {
  make_group("fleet");
  BOOST_TEST(done(registration("nobody", "wrong")).rejected_as(rejection_code::not_attested));
  BOOST_TEST(done(poll("nobody", "wrong", "5.1.2")).rejected_as(rejection_code::not_attested));
  BOOST_TEST(live() == 0U);
  BOOST_TEST(count("registration_refused") == 2U);
  BOOST_TEST(device("nobody").version.value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_device_that_registers_again_keeps_its_hub_and_gets_a_new_operation) {
  const auto key = enroll("dev-1");
  const auto first = done(registration("dev-1", key)).get<registration_answer>();
  const auto second = done(registration("dev-1", key)).get<registration_answer>();
  BOOST_TEST(first.operation_id != second.operation_id);
  BOOST_TEST(second.record.hub->text() == first.record.hub->text());
  BOOST_TEST(count("device_registered") == 2U);
}

BOOST_AUTO_TEST_CASE(an_operation_that_is_not_among_the_last_two_is_not_found) {
  const auto key = enroll("dev-1");
  const auto first = done(registration("dev-1", key)).get<registration_answer>().operation_id;
  done(registration("dev-1", key));
  BOOST_TEST(!done(poll("dev-1", key, first)).rejected_as(rejection_code::operation_not_found));
  done(registration("dev-1", key));
  BOOST_TEST(done(poll("dev-1", key, first)).rejected_as(rejection_code::operation_not_found));
}

BOOST_AUTO_TEST_CASE(a_device_that_never_registered_has_no_registration_to_look_up) {
  const auto key = enroll("dev-1");
  BOOST_TEST(done(engine::look_up_registration{scope, shown("dev-1", key)})
                 .rejected_as(rejection_code::registration_not_found));
}

BOOST_AUTO_TEST_CASE(a_device_may_poll_five_times_in_ten_seconds_and_strangers_do_not_spend_its_polls) {
  const auto key = enroll("dev-1");
  const auto operation = done(registration("dev-1", key)).get<registration_answer>().operation_id;
  for (int i = 0; i < 8; ++i)
    BOOST_TEST(done(poll("dev-1", "wrong", operation)).rejected_as(rejection_code::not_attested));
  for (int i = 0; i < 5; ++i) done(poll("dev-1", key, operation)).get<registration_answer>();
  const auto sixth = done(poll("dev-1", key, operation));
  BOOST_TEST(sixth.rejected_as(rejection_code::too_many_requests));
  BOOST_TEST(sixth.get<engine::rejection>().retry_after.count() > 0);
  advance(10s);
  done(poll("dev-1", key, operation)).get<registration_answer>();
}

BOOST_AUTO_TEST_CASE(the_setting_assigning_first_concerns_registers_and_not_polls) {
  events::service_settings settings;
  settings.assigning_first = true;
  make_service("slow", settings);
  const auto key = enroll("dev-1");
  const auto answer = done(registration("dev-1", key)).get<registration_answer>();
  BOOST_TEST(answer.assigning);
  BOOST_TEST(!done(poll("dev-1", key, answer.operation_id)).get<registration_answer>().assigning);
}

BOOST_AUTO_TEST_CASE(a_group_that_was_disabled_meanwhile_is_never_used) {
  const auto keys = make_group("fleet");
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto waiting = ask(registration("truck-7", key_in(keys, "truck-7")));
  run();
  BOOST_TEST(shards.held() == 1U);
  disable_group("fleet");
  shards.release();
  run();
  BOOST_CHECK(waiting->get<registration_answer>().record.status == events::registration_status::disabled);
  BOOST_TEST(waiting->get<registration_answer>().operation_id == "");
  BOOST_TEST(count("device_registered") == 0U);
  BOOST_TEST(count("registration_refused") == 1U);
}

BOOST_AUTO_TEST_CASE(a_refusal_does_not_outlive_the_group_that_makes_it_wrong) {
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "registration_refused"); };
  const engine::opened_keys keys(std::string(32, 'a'), std::string(32, 'b'));
  const auto waiting = ask(registration("truck-7", key_in(keys, "truck-7")));
  run();
  auto with_keys = group("fleet");
  with_keys.keys = {events::to_base64(keys.primary), events::to_base64(keys.secondary)};
  done(with_keys).get<engine::group_answer>();
  shards.release();
  run();
  BOOST_TEST(waiting->get<registration_answer>().record.group->text() == "fleet");
  BOOST_TEST(count("registration_refused") == 0U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_recorded_is_answered_as_unavailable_and_changes_nothing) {
  const auto key = enroll("dev-1");
  shards.refuse_next["device_registered"] = engine::settlement_kind::unavailable;
  BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::unavailable));
  shards.refuse_next["device_registered"] = engine::settlement_kind::overloaded;
  BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::too_many_requests));
  shards.refuse_next["device_registered"] = engine::settlement_kind::too_large;
  BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::invalid));
  BOOST_TEST(!device("dev-1").registration.has_value());
  BOOST_CHECK(done(registration("dev-1", key)).get<registration_answer>().record.substatus ==
              events::registration_substatus::initial_assignment);
}

BOOST_AUTO_TEST_CASE(a_good_credential_is_not_refused_because_a_key_cannot_be_read) {
  const auto key = enroll("dev-1");
  const auto id = device("dev-1").enrollment->enrollment.terms.attestation.data_key;
  const engine::named_key lost{id, *keyring.find(id)};
  BOOST_TEST(keyring.destroy(std::span(&id, 1)).has_value());
  BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::unavailable));
  BOOST_TEST(keyring.store(std::span(&lost, 1)).has_value());
  done(registration("dev-1", key)).get<registration_answer>();
  BOOST_TEST(count("registration_refused") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
