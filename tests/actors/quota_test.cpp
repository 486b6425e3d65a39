#include "tests/support/actor_fixture.hpp"

#include <malloc.h>

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::registration_answer;
using engine::rejection_code;

struct fixture : tests::actor_fixture {
  /// How many of `tries` registers of a device with a payload of 64 kB get through.
  int registered(int tries, const std::string& key) {
    int through = 0;
    for (int i = 0; i < tries; ++i) {
      auto c = registration("dev-1", key);
      c.payload = events::json_text{"\"" + std::string(64'000, 'x') + "\""};
      const auto a = done(std::move(c));
      if (a.rejected_as(rejection_code::too_many_requests)) {
        BOOST_TEST((a.get<engine::rejection>().retry_after > 0s));
        continue;
      }
      a.get<registration_answer>();
      ++through;
    }
    return through;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(quotas, fixture)

BOOST_AUTO_TEST_CASE(a_device_that_registers_in_a_loop_is_answered_429_and_writes_nothing) {
  options.spending.writes.device_bytes = {1000, 400'000};
  make_service();
  const auto key = enroll("dev-1");
  const auto through = registered(20, key);
  BOOST_TEST(through > 2);
  BOOST_TEST(through < 7);
  BOOST_TEST(count("device_registered") == static_cast<std::size_t>(through));
  done(registration("dev-2", enroll("dev-2"))).get<registration_answer>();  // others do not feel it
  advance(600s);
  BOOST_TEST(registered(1, key) == 1);
}

BOOST_AUTO_TEST_CASE(what_a_device_has_written_outlasts_its_actor) {
  options.spending.writes.device_bytes = {100, 400'000};
  make_service();
  const auto key = enroll("dev-1");
  registered(20, key);
  advance(70s);
  BOOST_TEST(live() == 0U);
  BOOST_TEST(registered(5, key) == 0);
}

BOOST_AUTO_TEST_CASE(polls_are_counted_beyond_the_actor_that_answered_them) {
  options.devices.idle_after = 1s;
  options.spending.writes.polls = {0.01, 4};
  make_service();
  const auto key = enroll("dev-1");
  const auto operation = done(registration("dev-1", key)).get<registration_answer>().operation_id;
  for (int i = 0; i < 5; ++i) done(poll("dev-1", key, operation)).get<registration_answer>();
  advance(10s);
  BOOST_TEST(live() == 0U);
  BOOST_TEST(done(poll("dev-1", key, operation)).rejected_as(rejection_code::too_many_requests));
}

BOOST_AUTO_TEST_CASE(a_scope_beyond_its_quota_is_answered_429_whoever_asks_and_other_scopes_are_not) {
  options.spending.writes.scope_events = {0.1, 2};
  make_service();
  const auto key = enroll("dev-1");
  done(registration("dev-1", key)).get<registration_answer>();
  const auto written = events_named("enrollment_created").size() + events_named("device_registered").size();
  BOOST_TEST(done(registration("dev-1", key)).rejected_as(rejection_code::too_many_requests));
  BOOST_TEST(done(enrollment("dev-2")).rejected_as(rejection_code::too_many_requests));
  BOOST_TEST(done(group("fleet")).rejected_as(rejection_code::too_many_requests));
  BOOST_TEST(events_named("enrollment_created").size() + events_named("device_registered").size() == written);
  done(engine::look_up_registration{scope, shown("dev-1", key)}).get<engine::lookup_answer>();
  const auto first = scope;
  make_service("other");
  enroll("dev-1");
  scope = first;
  advance(60s);
  done(group("fleet")).get<engine::group_answer>();
}

BOOST_AUTO_TEST_CASE(a_refusal_that_is_decided_again_spends_its_budget_once) {
  options.spending.refusals_per_minute_address = 1;
  make_service();
  enroll("dev-1");
  shards.refuse_next["registration_refused"] = engine::settlement_kind::conflict;
  BOOST_TEST(done(registration("dev-1", "wrong", "192.0.2.1")).rejected_as(rejection_code::not_attested));
  shards.refuse_next["registration_refused"] = engine::settlement_kind::conflict;
  BOOST_TEST(done(registration("stranger", "wrong", "192.0.2.2")).rejected_as(rejection_code::not_attested));
  BOOST_TEST(count("registration_refused") == 2U);
}

BOOST_AUTO_TEST_CASE(a_device_that_has_nothing_to_do_takes_little_memory) {
  make_service();
  const auto keys = make_group("fleet");
  constexpr std::size_t devices = 2000;
  for (std::size_t i = 0; i < devices; ++i) {
    const auto id = "truck-" + std::to_string(i);
    done(registration(id, key_in(keys, id))).get<registration_answer>();
  }
  BOOST_TEST(live() == devices);
  const auto before = ::mallinfo2().uordblks;
  advance(70s);  // what goes with the actors is what they took
  advance(70s);
  BOOST_TEST(live() == 0U);
  const auto each = (before - ::mallinfo2().uordblks) / devices;
  BOOST_TEST_MESSAGE("an idle device takes " << each << " bytes");
  BOOST_TEST(each < 2200U);
}

BOOST_AUTO_TEST_SUITE_END()
