#include "tests/engine/shard_fixture.hpp"

#include <set>

namespace muster::tests {

BOOST_FIXTURE_TEST_SUITE(shard_claims_test, shard_fixture)

BOOST_AUTO_TEST_CASE(a_shard_is_open_once_its_claim_was_read_back) {
  owner->propose(make("a", {1}));
  const auto claim = send();
  BOOST_TEST((header(claim).kind == frame_kind::claim));
  BOOST_TEST(!owner->open());
  BOOST_TEST(!next());
  const auto accepted = fold(claim);
  BOOST_REQUIRE(accepted);
  BOOST_TEST(accepted->records.empty());
  BOOST_TEST(owner->open());
  const auto batch = send();
  BOOST_TEST((header(batch).kind == frame_kind::batch));
  BOOST_TEST(settled.empty());
  const auto frame = fold(batch);
  BOOST_REQUIRE(frame);
  BOOST_TEST(frame->records.size() == 1U);
  BOOST_TEST(frame->after.sequence.value() == 1U);
  BOOST_TEST(kind("a") == settlement_kind::committed);
  BOOST_TEST(settled.at("a").first_sequence.value() == 1U);
  BOOST_TEST((settled.at("a").time == now));
  BOOST_TEST(owner->idle());
}

BOOST_AUTO_TEST_CASE(only_a_node_that_should_own_and_has_caught_up_claims) {
  BOOST_TEST(!next(false));
  owner->should_own(false);
  BOOST_TEST(!next());
  owner->should_own(true);
  BOOST_TEST(next().has_value());
}

BOOST_AUTO_TEST_CASE(every_claim_has_an_incarnation_of_its_own) {
  const auto first = send(append_outcome::unknown);
  now += limits::claim_backoff_max;
  const auto second = send();
  BOOST_TEST(header(first).epoch.value() == header(second).epoch.value());
  BOOST_TEST((header(first).incarnation != header(second).incarnation));
}

BOOST_AUTO_TEST_CASE(the_next_claim_comes_after_a_pause_of_bounded_length) {
  send(append_outcome::refused);
  BOOST_TEST(!owner->open());
  now += limits::claim_backoff_max;
  BOOST_TEST(next().has_value());
}

BOOST_AUTO_TEST_CASE(the_pauses_between_claims_are_spread_over_their_range) {
  std::set<std::chrono::milliseconds> pauses;
  for (int i = 0; i < 64; ++i) {
    const auto began = now;
    send(append_outcome::refused);
    auto next_claim = owner->next_frame(now, true);
    while (!next_claim) next_claim = owner->next_frame(now += 1ms, true);
    pauses.insert(std::chrono::duration_cast<std::chrono::milliseconds>(now - began));
    owner->appended(append_outcome::refused, now);
    now += limits::claim_backoff_max;
  }
  BOOST_TEST(pauses.size() > 40U);
  BOOST_TEST((*pauses.begin() < 200ms));
  BOOST_TEST((*pauses.rbegin() > 1800ms));
  BOOST_TEST((*pauses.rbegin() <= limits::claim_backoff_max));
}

BOOST_AUTO_TEST_CASE(a_claim_that_was_not_sent_leaves_the_open_batch_as_it_is) {
  open();
  owner->propose(make("a", {1}));
  const auto batch = send(append_outcome::unknown);
  now += limits::claim_backoff_max;
  BOOST_REQUIRE(next().has_value());
  owner->not_sent();
  settle();
  BOOST_TEST(settled.empty());
  now += limits::claim_backoff_max;
  BOOST_TEST((header(send()).kind == frame_kind::claim));  // at once, not after the time for settling
  fold(batch);
  BOOST_TEST(kind("a") == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_claim_given_up_is_adopted_when_it_is_accepted) {
  const auto late = send(append_outcome::unknown);
  now += limits::claim_backoff_max;
  const auto second = send();
  fold(late);
  BOOST_TEST(owner->open());
  owner->propose(make("a", {1}));
  BOOST_TEST(!next());  // not while a claim of its own is open
  BOOST_TEST(!fold(second));
  const auto batch = send();
  BOOST_TEST((header(batch).incarnation == header(late).incarnation));
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_is_settled_only_by_a_later_claim) {
  open();
  owner->propose(make("a", {1}));
  const auto batch = send(append_outcome::unknown);
  BOOST_TEST(!owner->idle());
  now += limits::claim_backoff_max;
  const auto claim = send();
  BOOST_TEST((header(claim).kind == frame_kind::claim));
  BOOST_TEST(settled.empty());
  fold(claim);
  BOOST_TEST(settled.empty());
  const auto again = send();
  BOOST_TEST(!fold(batch));  // it lands after all, and is void
  BOOST_TEST(owner->void_frames() == 1U);
  fold(again);
  BOOST_TEST(kind("a") == settlement_kind::committed);
  BOOST_TEST(settled.at("a").first_sequence.value() == 1U);
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_that_landed_before_the_claim_is_committed) {
  open();
  owner->propose(make("a", {1}));
  const auto batch = send(append_outcome::unknown);
  now += limits::claim_backoff_max;
  const auto claim = send();
  BOOST_TEST(fold(batch).has_value());
  BOOST_TEST(kind("a") == settlement_kind::committed);
  fold(claim);
  BOOST_TEST(owner->idle());
}

BOOST_AUTO_TEST_CASE(a_durable_frame_that_is_not_read_back_in_time_is_of_unknown_outcome) {
  open();
  owner->propose(make("a", {1}));
  send();
  now += limits::settle_timeout;
  BOOST_TEST(!next());
  now += 1us;
  BOOST_TEST((header(send()).kind == frame_kind::claim));
}

BOOST_AUTO_TEST_CASE(a_node_that_no_longer_should_own_waits_for_the_new_owners_claim) {
  open();
  owner->propose(make("a", {1}));
  send(append_outcome::unknown);
  owner->should_own(false);
  now += 10s;
  BOOST_TEST(!next());
  BOOST_TEST(settled.empty());
  fold(foreign_claim());
  BOOST_TEST(!owner->open());
  BOOST_TEST(settled.empty());
  now += 10s;
  BOOST_TEST(!next());
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(owner->idle());
}

BOOST_AUTO_TEST_CASE(a_lost_claim_puts_what_was_in_flight_back_in_its_order) {
  open();
  owner->propose(make("a", {1}));
  owner->propose(make("b", {2}, {1}));
  const auto zombie = send();
  owner->propose(make("c", {3}));
  fold(foreign_claim());
  BOOST_TEST(!owner->open());
  BOOST_TEST(!fold(zombie));
  now += limits::claim_backoff_max;
  fold(send());
  BOOST_TEST(owner->open());
  fold(send());
  BOOST_TEST(order == (std::vector<std::string>{"a", "c"}), boost::test_tools::per_element());
  BOOST_TEST(!next());
  BOOST_TEST(kind("b") == settlement_kind::conflict);
}

BOOST_AUTO_TEST_CASE(a_draining_shard_writes_what_is_queued_and_takes_nothing_more) {
  open();
  owner->propose(make("a", {1}));
  owner->drain();
  owner->propose(make("b", {2}));
  fold(send());
  BOOST_TEST(kind("a") == settlement_kind::committed);
  BOOST_TEST(kind("b") == settlement_kind::unavailable);
  BOOST_TEST(owner->idle());
}

BOOST_AUTO_TEST_CASE(a_draining_shard_claims_no_more) {
  owner->drain();
  BOOST_TEST(!next());
}

BOOST_AUTO_TEST_CASE(a_divergent_log_stops_the_shard_for_good) {
  open();
  owner->propose(make("a", {1}));
  events::frame stranger;
  stranger.journal = options.journal;
  stranger.shard = options.id;
  stranger.epoch = events::shard_epoch(9);
  stranger.node = "node-c";
  BOOST_TEST(!fold(events::encode_frame(stranger)));
  BOOST_REQUIRE(owner->stopped().has_value());
  BOOST_TEST(*owner->stopped() == "a batch of epoch 9 by node 'node-c' follows a claim that this fold never saw");
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(!owner->open());
  BOOST_TEST(!next());
  owner->propose(make("b", {1}));
  settle();
  BOOST_TEST(kind("b") == settlement_kind::unavailable);
  BOOST_TEST(owner->idle());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
