#include "engine/failure_budget.hpp"
#include "engine/limits.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using engine::failure_budget;
using events::refusal_reason;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const auto start = tests::history_builder::start;
constexpr auto mismatch = refusal_reason::signature_mismatch;
constexpr auto expired = refusal_reason::token_expired;

std::uint64_t sum(const failure_budget::summary& summary) {
  std::uint64_t all = 0;
  for (const auto& each : summary.counts) all += each.count;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failure_budgets)

BOOST_AUTO_TEST_CASE(an_address_has_so_many_events_a_minute) {
  failure_budget budget(100, 2);
  BOOST_TEST(budget.admit("a", mismatch, start));
  BOOST_TEST(budget.admit("a", mismatch, start + seconds(59)));
  BOOST_TEST(!budget.admit("a", mismatch, start + seconds(59)));
  BOOST_TEST(budget.admit("b", mismatch, start + seconds(59)));
  BOOST_TEST(budget.admit("a", mismatch, start + seconds(60)));
}

BOOST_AUTO_TEST_CASE(a_scope_has_so_many_events_a_minute_from_all_addresses) {
  failure_budget budget(3, 2);
  for (const auto* address : {"a", "b", "c"}) BOOST_TEST(budget.admit(address, mismatch, start));
  BOOST_TEST(!budget.admit("d", mismatch, start));
  BOOST_TEST(budget.admit("d", mismatch, start + minutes(1)));
}

BOOST_AUTO_TEST_CASE(what_an_address_has_too_many_does_not_spend_the_scopes_budget) {
  failure_budget budget(3, 1);
  for (int i = 0; i < 10; ++i) budget.admit("a", mismatch, start);
  BOOST_TEST(budget.admit("b", mismatch, start));
  BOOST_TEST(budget.admit("c", mismatch, start));
}

BOOST_AUTO_TEST_CASE(a_scope_has_so_many_events_a_day_too) {
  failure_budget budget(100, 100, 3);
  for (int minute = 0; minute < 3; ++minute) BOOST_TEST(budget.admit("a", mismatch, start + minutes(minute)));
  BOOST_TEST(!budget.admit("a", mismatch, start + minutes(3)));
  BOOST_TEST(sum(budget.take_summary(start + minutes(4))) == 1U);
  BOOST_TEST(budget.admit("a", mismatch, start + std::chrono::hours(24)));
}

BOOST_AUTO_TEST_CASE(addresses_of_one_ipv6_network_spend_one_budget) {
  failure_budget budget(100, 1);
  BOOST_TEST(budget.admit("2001:db8:1:2::1", mismatch, start));
  BOOST_TEST(!budget.admit("2001:db8:1:2:ffff::2", mismatch, start));
  BOOST_TEST(budget.admit("2001:db8:1:3::1", mismatch, start));
  BOOST_TEST(budget.admit("192.0.2.1", mismatch, start));
  BOOST_TEST(budget.admit("192.0.2.2", mismatch, start));
  BOOST_TEST(!budget.admit("::ffff:192.0.2.2", mismatch, start));
}

BOOST_AUTO_TEST_CASE(networks_are_named_by_their_first_64_bits) {
  for (const auto& [address, network] :
       {std::pair("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), std::pair("2001:0DB8::0:5", "2001:db8:0:0::/64"),
        std::pair("1:2:3", "1:2:3"), std::pair("fe80::1%eth0", "fe80:0:0:0::/64"), std::pair("::1", "0:0:0:0::/64"),
        std::pair("::ffff:192.0.2.7", "192.0.2.7"), std::pair("192.0.2.7", "192.0.2.7"), std::pair("", ""),
        std::pair("not:an:address", "not:an:address")}) {
    BOOST_TEST(engine::network_of(address) == network);
  }
}

BOOST_AUTO_TEST_CASE(what_is_suppressed_is_counted_by_reason_and_address) {
  failure_budget budget(100, 0);
  for (int i = 0; i < 3; ++i) budget.admit("b", mismatch, start);
  budget.admit("a", expired, start);
  budget.admit("a", mismatch, start);
  BOOST_TEST(budget.pending());
  const auto summary = budget.take_summary(start + minutes(1));
  BOOST_TEST((summary.from == start));
  BOOST_TEST((summary.to == start + minutes(1)));
  BOOST_TEST_REQUIRE(summary.counts.size() == 3U);
  BOOST_TEST((summary.counts[0].reason == mismatch));
  BOOST_TEST(summary.counts[0].address == "a");
  BOOST_TEST(summary.counts[1].address == "b");
  BOOST_TEST(summary.counts[1].count == 3U);
  BOOST_TEST((summary.counts[2].reason == expired));
  BOOST_TEST(!budget.pending());
}

BOOST_AUTO_TEST_CASE(a_minute_is_summed_up_once_it_has_ended) {
  failure_budget budget(100, 0);
  budget.admit("a", mismatch, start);
  BOOST_TEST(budget.take_summary(start + seconds(59)).counts.empty());
  BOOST_TEST(budget.pending());
  BOOST_TEST(sum(budget.take_summary(start + seconds(60))) == 1U);
  BOOST_TEST(budget.take_summary(start + seconds(120)).counts.empty());
}

BOOST_AUTO_TEST_CASE(a_summary_leaves_out_the_minute_that_is_not_over) {
  failure_budget budget(100, 0);
  budget.admit("a", mismatch, start);
  budget.admit("a", mismatch, start + seconds(61));
  const auto first = budget.take_summary(start + seconds(62));
  BOOST_TEST(sum(first) == 1U);
  BOOST_TEST((first.to == start + minutes(1)));
  const auto second = budget.take_summary(start + seconds(120));
  BOOST_TEST(sum(second) == 1U);
  BOOST_TEST((second.from == start + minutes(1)));
  BOOST_TEST((second.to == start + minutes(2)));
}

BOOST_AUTO_TEST_CASE(minutes_that_nobody_asked_for_are_summed_up_together) {
  failure_budget budget(100, 0);
  for (int minute = 0; minute < 5; ++minute) budget.admit("a", mismatch, start + minutes(minute));
  const auto summary = budget.take_summary(start + minutes(9));
  BOOST_TEST(sum(summary) == 5U);
  BOOST_TEST(summary.counts.size() == 1U);
  BOOST_TEST((summary.from == start));
  BOOST_TEST((summary.to == start + minutes(5)));
}

BOOST_AUTO_TEST_CASE(addresses_beyond_the_first_so_many_are_counted_together_and_none_is_lost) {
  failure_budget budget(0, 100);
  const int addresses = 3 * static_cast<int>(engine::limits::suppressed_addresses_max);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < addresses; ++i) BOOST_TEST(!budget.admit("address-" + std::to_string(i), mismatch, start));
  }
  const auto summary = budget.take_summary(start + minutes(1));
  BOOST_TEST(summary.counts.size() == engine::limits::suppressed_addresses_max + 1);
  BOOST_TEST(sum(summary) == 2U * static_cast<unsigned>(addresses));
  BOOST_TEST(summary.counts.front().address == "");
}

BOOST_AUTO_TEST_SUITE_END()
