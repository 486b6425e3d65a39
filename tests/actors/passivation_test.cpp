#include "tests/support/actor_fixture.hpp"

#include <random>

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::registration_answer;
using engine::rejection_code;

struct fixture : tests::actor_fixture {
  fixture() {
    options.devices.idle_after = 60s;
    options.devices.device_actors_max = 3;
    make_service();
  }

  std::map<std::string, std::string> keys;  ///< by registration id
  void enroll_all(int devices) {
    for (int i = 0; i < devices; ++i) {
      const auto id = "dev-" + std::to_string(i);
      keys[id] = enroll(id);
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(device_actors_come_and_go, fixture)

BOOST_AUTO_TEST_CASE(an_idle_actor_goes_and_the_next_command_finds_everything_again) {
  enroll_all(1);
  const auto operation = done(registration("dev-0", keys["dev-0"])).get<registration_answer>().operation_id;
  advance(50s);
  BOOST_TEST(live() == 1U);
  advance(20s);
  BOOST_TEST(live() == 0U);
  BOOST_TEST(telemetry.device_actors_passivated == 1U);
  BOOST_TEST(done(poll("dev-0", keys["dev-0"], operation)).get<registration_answer>().operation_id == operation);
  BOOST_TEST(live() == 1U);
}

BOOST_AUTO_TEST_CASE(a_command_that_crosses_the_passivation_is_not_lost) {
  enroll_all(1);
  let_pass(70s);
  // The sweep stands in the scope actor's mailbox before the command: it asks the device while the command is on its
  // way.
  const auto crossing = ask(registration("dev-0", keys["dev-0"]));
  run();
  crossing->get<registration_answer>();
  BOOST_TEST(telemetry.device_actors_passivated == 0U);
  advance(70s);
  BOOST_TEST(live() == 0U);
}

// Few devices, all of them always about to go, and every step of actors, shards, clients and clock in random order.
BOOST_AUTO_TEST_CASE(no_interleaving_of_commands_and_passivation_loses_a_command_or_an_event) {
  options.devices.device_actors_max = 1;
  options.devices.idle_after = 0s;
  options.sweep_interval = 1s;
  make_service("busy");
  enroll_all(3);
  const auto fleet = make_group("fleet");
  std::mt19937 dice(20261121);
  const auto roll = [&](unsigned sides) { return static_cast<unsigned>(dice() % sides); };
  std::vector<asked_ptr> all;
  std::size_t most_passivated = telemetry.device_actors_passivated;
  for (int step = 0; step < 60'000; ++step) {
    switch (roll(16)) {
    case 0: {
      const auto id = "dev-" + std::to_string(roll(3));
      all.push_back(ask(registration(id, keys[id])));
      break;
    }
    case 1: {
      const auto id = "truck-" + std::to_string(roll(3));
      all.push_back(ask(registration(id, key_in(fleet, id))));
      break;
    }
    case 2:
      if (roll(4) == 0) let_pass(1s);
      break;
    case 3:
    case 4:
    case 5:
      shards.step();
      break;
    default:
      run_one_actor(roll(2) == 0);
    }
    if (step % 500 == 0) run();
  }
  run();
  std::size_t registered = 0;
  for (const auto& each : all) {
    BOOST_TEST_REQUIRE(!each->dropped);
    if (each->rejected_as(rejection_code::too_many_requests)) continue;
    each->get<registration_answer>();
    ++registered;
  }
  BOOST_TEST(registered > 3000U);
  BOOST_TEST(telemetry.device_actors_passivated > most_passivated + 1000U);
  BOOST_TEST(count_all("device_registered") + count_all("registration_joined") == registered);
  BOOST_TEST(log.errors.empty());
}

BOOST_AUTO_TEST_CASE(a_busy_actor_is_never_let_go) {
  enroll_all(1);
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "enrollment_updated"); };
  const auto busy = ask(enrollment("dev-0", engine::precondition::kind::any));
  run();
  advance(300s);
  BOOST_TEST(live() == 1U);
  BOOST_TEST(busy->waiting());
}

BOOST_AUTO_TEST_CASE(what_a_predecessor_said_lets_nobody_go) {
  enroll_all(1);
  advance(70s);
  BOOST_TEST(live() == 0U);
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto busy = ask(registration("dev-0", keys["dev-0"]));
  tell_scope(actors::ready_to_go{1, 0});
  run();
  BOOST_TEST(live() == 1U);
  shards.release();
  run();
  busy->get<registration_answer>();
}

BOOST_AUTO_TEST_CASE(beyond_the_cap_the_least_recently_used_goes) {
  enroll_all(3);
  BOOST_TEST(live() == 3U);
  done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
  keys["dev-3"] = enroll("dev-3");
  BOOST_TEST(telemetry.device_actors_passivated == 1U);
  BOOST_TEST(live() == 3U);
  done(registration("dev-0", keys["dev-0"])).get<registration_answer>();  // used last before that: it stayed
  BOOST_TEST(telemetry.device_actors_passivated == 1U);
  for (const auto& [id, key] : keys) {
    const auto answer = done(registration(id, key)).get<registration_answer>();
    BOOST_TEST(answer.record.id.text() == id);
  }
  BOOST_TEST(live() <= 3U);
}

BOOST_AUTO_TEST_CASE(busy_actors_may_exceed_the_cap_until_they_are_done) {
  enroll_all(5);
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  std::vector<asked_ptr> all;
  for (const auto& [id, key] : keys) all.push_back(ask(registration(id, key)));
  run();
  BOOST_TEST(live() == 5U);
  shards.release();
  run();
  for (const auto& each : all) each->get<registration_answer>();
  advance(5s);
  BOOST_TEST(live() == 3U);
}

BOOST_AUTO_TEST_CASE(an_exception_costs_one_command_and_the_next_one_works) {
  enroll_all(2);
  entropy.broken = true;
  const auto failed = done(registration("dev-0", keys["dev-0"]));
  BOOST_TEST(failed.dropped);
  BOOST_TEST(log.errors.size() == 1U);
  BOOST_TEST(live() == 1U);
  entropy.broken = false;
  done(registration("dev-1", keys["dev-1"])).get<registration_answer>();
  for (int i = 0; i < 2; ++i) done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
  BOOST_TEST(device("dev-0").version.value() == 3U);
}

BOOST_AUTO_TEST_CASE(commands_that_wait_for_an_actor_that_dies_are_answered_by_their_replies) {
  enroll_all(1);
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto first = ask(registration("dev-0", keys["dev-0"]));
  auto other = registration("dev-0", keys["dev-0"]);
  other.payload = events::json_text{"{}"};
  const auto second = ask(other);
  const auto third = ask(engine::look_up_registration{scope, shown("dev-0", keys["dev-0"])});
  run();
  shards.release();
  entropy.broken = true;
  run();
  first->get<registration_answer>();
  BOOST_TEST(second->dropped);
  BOOST_TEST(third->dropped);
  entropy.broken = false;
  done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
}

BOOST_AUTO_TEST_CASE(the_successor_of_a_dead_actor_expects_that_a_proposal_of_it_still_lands) {
  enroll_all(1);
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto late = ask(registration("dev-0", keys["dev-0"]));
  run();
  const auto successor = this->successor();
  const engine::look_up_registration look_up{scope, shown("dev-0", keys["dev-0"])};
  BOOST_TEST(done_by(successor, look_up).rejected_as(rejection_code::registration_not_found));
  shards.release();
  run();
  late->get<registration_answer>();
  const auto next = done_by(successor, registration("dev-0", keys["dev-0"])).get<registration_answer>();
  BOOST_TEST(next.record.version.value() == 3U);
  BOOST_TEST(next.record.operations.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_exception_in_the_scope_actor_takes_nobody_down) {
  enroll_all(1);
  entropy.broken = true;
  BOOST_TEST(done(group("fleet")).rejected_as(rejection_code::unavailable));
  BOOST_TEST(done(registration("nobody", "wrong")).rejected_as(rejection_code::unavailable));
  entropy.broken = false;
  done(group("fleet")).get<engine::group_answer>();
  done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
}

BOOST_AUTO_TEST_CASE(after_another_node_wrote_the_shard_devices_are_loaded_anew) {
  enroll_all(1);
  done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
  const auto before = device("dev-0");
  const auto& record = *before.registration;
  engine::decision deletion;
  deletion.events.push_back({events::stream_name::device(scope, record.id),
                             before.version.next(),
                             events::registration_deleted{record.id, record.data_key},
                             {}});
  auto p = engine::to_proposal(deletion, {"test", "c", {}, {}}, nullptr, {}, clock.now() + 1min);
  p.settled = [](const engine::settlement&) {};
  shards.write_elsewhere(0, std::move(p));
  run();  // sees it, and pauses before it claims again
  advance(5s);
  BOOST_TEST(!device("dev-0").registration.has_value());
  BOOST_TEST(live() == 1U);
  const auto anew = done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
  BOOST_TEST(anew.record.operations.size() == 1U);
  BOOST_TEST(anew.record.version.value() == 4U);
}

BOOST_AUTO_TEST_CASE(a_shard_that_is_closed_answers_unavailable_and_goes_on_when_it_opens) {
  enroll_all(1);
  shards.stop_serving(0);
  const auto refused = done(registration("dev-0", keys["dev-0"]));
  BOOST_TEST(refused.rejected_as(rejection_code::unavailable));
  BOOST_TEST((refused.get<engine::rejection>().retry_after == 1s));
  BOOST_TEST(done(registration("other", "wrong")).rejected_as(rejection_code::unavailable));
  BOOST_TEST(done(group("fleet")).rejected_as(rejection_code::unavailable));
  shards.start_serving(0);
  run();
  done(registration("dev-0", keys["dev-0"])).get<registration_answer>();
}

BOOST_AUTO_TEST_SUITE_END()
