#include "tests/support/actor_fixture.hpp"

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::rejection_code;
using engine::service_answer;

struct fixture : tests::actor_fixture {
  bool exists(std::string_view name) const { return catalog.find(tests::named<events::service_name>(name)) != nullptr; }
  void hold(std::string name) {
    shards.hold = [name](const engine::proposal& p) { return tests::writes(p, name); };
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(services_are_created, fixture)

BOOST_AUTO_TEST_CASE(in_three_steps_and_answered_after_the_last) {
  const auto made = done(service("demo")).get<service_answer>();
  BOOST_TEST(made.snapshot->service.name.text() == "demo");
  BOOST_TEST(made.snapshot->service.hubs.front().name.text() == "hub1");
  BOOST_TEST(count_in_directory("service_placed") == 1U);
  BOOST_TEST(count_in_directory("placement_confirmed") == 1U);
}

BOOST_AUTO_TEST_CASE(on_the_shard_that_has_the_fewest) {
  BOOST_TEST(done(service("first")).get<service_answer>().snapshot->shard.value() == 0U);
  BOOST_TEST(done(service("second")).get<service_answer>().snapshot->shard.value() == 1U);
}

BOOST_AUTO_TEST_CASE(once_under_each_name) {
  const auto first = ask(service("demo"));
  const auto second = ask(service("demo"));
  run();
  first->get<service_answer>();
  BOOST_TEST(second->rejected_as(rejection_code::service_exists));
}

BOOST_AUTO_TEST_CASE(also_if_the_node_dies_after_the_placement) {
  shards.refuse_next["service_created"] = engine::settlement_kind::unavailable;
  const auto lost = ask(service("demo"));
  run();
  stop_directory();
  BOOST_TEST(lost->dropped);
  BOOST_TEST(!exists("demo"));
  start_directory();
  run();
  BOOST_TEST(exists("demo"));
  BOOST_TEST(count_in_directory("placement_confirmed") == 1U);
}

BOOST_AUTO_TEST_CASE(once_if_the_node_dies_before_the_confirmation) {
  hold("placement_confirmed");
  ask(service("demo"));
  run();
  stop_directory();
  shards.refuse_next["placement_confirmed"] = engine::settlement_kind::unavailable;
  shards.release();
  run();
  BOOST_TEST(exists("demo"));
  start_directory();
  run();
  scope = catalog.find(tests::named<events::service_name>("demo"))->service.scope;
  BOOST_TEST(count("service_created") == 1U);
  BOOST_TEST(count_in_directory("placement_confirmed") == 1U);
}

BOOST_AUTO_TEST_CASE(once_if_a_creation_from_before_the_crash_lands_late) {
  hold("service_created");
  ask(service("demo"));
  run();
  stop_directory();
  start_directory();
  run();
  BOOST_TEST(shards.held() == 2U);
  shards.release();
  run();
  advance(1s);
  scope = catalog.find(tests::named<events::service_name>("demo"))->service.scope;
  BOOST_TEST(count("service_created") == 1U);
  BOOST_TEST(count_in_directory("placement_confirmed") == 1U);
}

BOOST_AUTO_TEST_CASE(as_soon_as_their_shard_is_open) {
  make_service("first");
  shards.stop_serving(1);
  const auto waiting = ask(service("second"));
  advance(2s);
  BOOST_TEST(waiting->waiting());
  shards.start_serving(1);
  run();
  advance(1s);
  waiting->get<service_answer>();
}

BOOST_AUTO_TEST_CASE(later_if_their_shard_stays_closed_and_others_are_not_held_up) {
  make_service("first");
  shards.stop_serving(1);
  const auto waiting = ask(service("second"));
  run();
  for (int i = 0; i < 20; ++i) advance(1s);
  BOOST_TEST(waiting->rejected_as(rejection_code::unavailable));
  done(service("third")).get<service_answer>();
  BOOST_TEST(done(service("second")).rejected_as(rejection_code::service_exists));
  shards.start_serving(1);
  run();
  advance(1s);
  BOOST_TEST(exists("second"));
  BOOST_TEST(count_in_directory("placement_confirmed") == 3U);
}

BOOST_AUTO_TEST_CASE(or_their_name_is_free_again) {
  shards.refuse_next["service_created"] = engine::settlement_kind::too_large;
  BOOST_TEST(done(service("demo")).rejected_as(rejection_code::invalid));
  BOOST_TEST(count_in_directory("placement_withdrawn") == 1U);
  done(service("demo")).get<service_answer>();
}

BOOST_AUTO_TEST_CASE(not_while_the_directory_is_closed) {
  shards.stop_serving(0);
  BOOST_TEST(done(service("demo")).rejected_as(rejection_code::unavailable));
  shards.start_serving(0);
  advance(1s);
  done(service("demo")).get<service_answer>();
}

BOOST_AUTO_TEST_CASE(again_after_an_exception) {
  entropy.broken = true;
  BOOST_TEST(done(service("demo")).dropped);
  entropy.broken = false;
  advance(1s);
  done(service("demo")).get<service_answer>();
}

BOOST_AUTO_TEST_SUITE_END()
