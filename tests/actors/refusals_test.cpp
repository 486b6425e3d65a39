#include "tests/support/actor_fixture.hpp"

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::rejection_code;

struct fixture : tests::actor_fixture {
  fixture() {
    options.spending.refusals_per_minute_scope = 5;
    options.spending.refusals_per_minute_address = 2;
    make_service();
  }

  /// Attempts of a stranger with a wrong key; gives how many were answered as beyond the budget.
  int strangers(int attempts, const std::string& address) {
    int suppressed = 0;
    for (int i = 0; i < attempts; ++i) {
      const auto a = done(registration("stranger-" + std::to_string(i), "wrong", address));
      if (!a.rejected_as(rejection_code::too_many_attempts)) continue;
      BOOST_TEST((a.get<engine::rejection>().retry_after == 60s));
      ++suppressed;
    }
    return suppressed;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(refused_attempts, fixture)

BOOST_AUTO_TEST_CASE(beyond_the_budget_are_counted_and_summed_up_once_a_minute) {
  BOOST_TEST(strangers(5, "192.0.2.1") == 3);
  BOOST_TEST(strangers(1, "192.0.2.2") == 0);
  BOOST_TEST(count("registration_refused") == 3U);
  advance(30s);
  BOOST_TEST(count("attempts_suppressed") == 0U);
  advance(35s);
  const auto summaries = events_named("attempts_suppressed");
  BOOST_TEST_REQUIRE(summaries.size() == 1U);
  BOOST_TEST(summaries.front().find(R"("count":3)") != std::string::npos, summaries.front());
  BOOST_TEST(summaries.front().find("192.0.2.1") != std::string::npos, summaries.front());
  advance(120s);
  BOOST_TEST(count("attempts_suppressed") == 1U);
}

BOOST_AUTO_TEST_CASE(stand_on_the_log_without_the_address_in_the_clear) {
  strangers(5, "192.0.2.123");
  advance(65s);
  const auto records = journal.read(events::shard_id(0), {}, 1 << 24);
  BOOST_TEST_REQUIRE(records.has_value());
  for (const auto& record : *records) {
    BOOST_TEST(record.bytes.find("192.0.2.123") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(never_stand_in_the_way_of_a_good_credential) {
  const auto keys = make_group("fleet");
  const auto key = enroll("dev-1");
  BOOST_TEST(strangers(20, "192.0.2.1") == 18);
  for (int i = 0; i < 3; ++i) {
    done(registration("dev-1", key, "192.0.2.1")).get<engine::registration_answer>();
    const auto id = "truck-" + std::to_string(i);
    done(registration(id, key_in(keys, id), "192.0.2.1")).get<engine::registration_answer>();
  }
}

BOOST_AUTO_TEST_CASE(of_known_and_of_unknown_devices_spend_one_budget) {
  enroll("dev-1");
  BOOST_TEST(strangers(2, "192.0.2.1") == 0);
  BOOST_TEST(done(registration("dev-1", "wrong", "192.0.2.1")).rejected_as(rejection_code::too_many_attempts));
  BOOST_TEST(done(registration("dev-1", "wrong", "192.0.2.9")).rejected_as(rejection_code::not_attested));
}

BOOST_AUTO_TEST_CASE(have_a_new_budget_with_every_minute) {
  BOOST_TEST(strangers(3, "192.0.2.1") == 1);
  advance(60s);
  BOOST_TEST(strangers(3, "192.0.2.1") == 1);
  advance(65s);
  BOOST_TEST(count("attempts_suppressed") == 2U);
  BOOST_TEST(count("registration_refused") == 4U);
}

BOOST_AUTO_TEST_CASE(are_summed_up_later_if_the_log_does_not_take_the_summary) {
  strangers(5, "192.0.2.1");
  shards.refuse_next["attempts_suppressed"] = engine::settlement_kind::unavailable;
  advance(65s);
  BOOST_TEST(count("attempts_suppressed") == 0U);
  advance(5s);
  BOOST_TEST_REQUIRE(count("attempts_suppressed") == 1U);
  BOOST_TEST(events_named("attempts_suppressed").front().find(R"("count":3)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
