#include "connectors/https/admission.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using muster::connectors::admission;
using muster::connectors::admission_options;
using namespace std::chrono_literals;

namespace {

constexpr admission::time_point start{};

}  // namespace

BOOST_AUTO_TEST_SUITE(admission_)

BOOST_AUTO_TEST_CASE(an_address_may_send_its_burst_and_then_its_rate) {
  admission door({.all = {},
                  .per_address = {.requests_per_second = 2, .burst_requests = 3, .bytes_in_flight_max = 0},
                  .addresses_max = 10});
  for (int i = 0; i < 3; ++i) BOOST_TEST(door.admit("a", 1, start).has_value());
  const auto refused = door.admit("a", 1, start);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().count() == 1);
  BOOST_TEST(!door.admit("a", 1, start + 400ms).has_value());
  BOOST_TEST(door.admit("a", 1, start + 500ms).has_value());
  BOOST_TEST(!door.admit("a", 1, start + 501ms).has_value());
}

BOOST_AUTO_TEST_CASE(the_wait_told_is_long_enough) {
  admission door({.all = {},
                  .per_address = {.requests_per_second = 0.1, .burst_requests = 1, .bytes_in_flight_max = 0},
                  .addresses_max = 10});
  BOOST_TEST(door.admit("a", 1, start).has_value());
  const auto refused = door.admit("a", 1, start + 1s);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().count() == 9);
  BOOST_TEST(door.admit("a", 1, start + 1s + refused.error()).has_value());
}

BOOST_AUTO_TEST_CASE(one_address_does_not_spend_what_another_may) {
  admission door({.all = {},
                  .per_address = {.requests_per_second = 1, .burst_requests = 1, .bytes_in_flight_max = 0},
                  .addresses_max = 10});
  BOOST_TEST(door.admit("a", 1, start).has_value());
  BOOST_TEST(!door.admit("a", 1, start).has_value());
  BOOST_TEST(door.admit("b", 1, start).has_value());
}

BOOST_AUTO_TEST_CASE(all_together_have_a_limit_and_a_refusal_spends_nothing) {
  admission door({.all = {.requests_per_second = 1, .burst_requests = 2, .bytes_in_flight_max = 0},
                  .per_address = {.requests_per_second = 1, .burst_requests = 1, .bytes_in_flight_max = 0},
                  .addresses_max = 10});
  BOOST_TEST(door.admit("a", 1, start).has_value());
  for (int i = 0; i < 5; ++i) BOOST_TEST(!door.admit("a", 1, start).has_value());
  BOOST_TEST(door.admit("b", 1, start).has_value());
  BOOST_TEST(!door.admit("c", 1, start).has_value());
}

BOOST_AUTO_TEST_CASE(bytes_in_flight_are_bounded_until_the_ticket_goes) {
  admission door({.all = {.requests_per_second = 0, .burst_requests = 0, .bytes_in_flight_max = 100},
                  .per_address = {},
                  .addresses_max = 10});
  auto first = door.admit("a", 80, start);
  BOOST_REQUIRE(first.has_value());
  BOOST_TEST(!door.admit("b", 21, start).has_value());
  BOOST_TEST(door.admit("b", 20, start).has_value());
  first->leave();
  first->leave();
  BOOST_TEST(door.admit("b", 100, start).has_value());
}

BOOST_AUTO_TEST_CASE(a_lone_request_is_not_refused_for_its_size) {
  admission door({.all = {.requests_per_second = 0, .burst_requests = 0, .bytes_in_flight_max = 100},
                  .per_address = {},
                  .addresses_max = 10});
  BOOST_TEST(door.admit("a", 1000, start).has_value());
}

BOOST_AUTO_TEST_CASE(a_moved_ticket_gives_back_once) {
  admission door({.all = {.requests_per_second = 0, .burst_requests = 0, .bytes_in_flight_max = 100},
                  .per_address = {},
                  .addresses_max = 10});
  auto kept = door.admit("a", 60, start);
  BOOST_REQUIRE(kept.has_value());
  {
    admission::ticket moved = std::move(*kept);
    BOOST_TEST(!door.admit("a", 60, start).has_value());
  }
  BOOST_TEST(door.admit("a", 60, start).has_value());
}

BOOST_AUTO_TEST_CASE(the_address_unseen_for_longest_is_forgotten) {
  admission door({.all = {},
                  .per_address = {.requests_per_second = 1, .burst_requests = 1, .bytes_in_flight_max = 100},
                  .addresses_max = 2});
  auto a = door.admit("a", 50, start);
  BOOST_TEST(door.admit("b", 1, start).has_value());
  BOOST_TEST(!door.admit("a", 1, start).has_value());
  BOOST_TEST(door.admit("c", 1, start).has_value());
  BOOST_TEST(door.addresses() == 2);
  BOOST_TEST(!door.admit("a", 1, start).has_value());
  BOOST_TEST(door.admit("b", 1, start).has_value());
  a->leave();
}

BOOST_AUTO_TEST_CASE(time_that_goes_back_gives_no_tokens) {
  admission door({.all = {},
                  .per_address = {.requests_per_second = 1, .burst_requests = 1, .bytes_in_flight_max = 0},
                  .addresses_max = 2});
  BOOST_TEST(door.admit("a", 1, start + 10s).has_value());
  BOOST_TEST(!door.admit("a", 1, start).has_value());
  BOOST_TEST(!door.admit("a", 1, start + 10s).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
