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
    auto next_claim = next_frame(true);
    while (!next_claim) {
      now += 1ms;
      next_claim = next_frame(true);
    }
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
  next();
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
  BOOST_TEST(owner->stopped()->starts_with(
                 "a batch of epoch 9 by node 'node-c' follows a claim that this fold never saw. Nothing at or behind "
                 "offset 1 was taken over. "),
             *owner->stopped());
  const auto hash = events::sha256(events::encode_frame(stranger));
  BOOST_TEST(owner->stopped()->ends_with("run 'muster repair --shard 2 --hash " +
                                         events::to_hex(events::as_bytes(hash)) + " --reason TEXT'"),
             *owner->stopped());
  BOOST_REQUIRE(owner->stopped_at().has_value());
  BOOST_TEST((owner->stopped_at()->hash == hash));
  BOOST_TEST(owner->stopped_at()->offset.value() == 1U);
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(!owner->open());
  BOOST_TEST(!next());
  owner->propose(make("b", {1}));
  settle();
  BOOST_TEST(kind("b") == settlement_kind::unavailable);
  BOOST_TEST(owner->idle());
}

BOOST_AUTO_TEST_CASE(a_divergent_log_names_the_repair_only_where_it_helps) {
  open();
  events::frame said;
  said.kind = frame_kind::repair;
  said.journal = options.journal;
  said.shard = options.id;
  said.by = "operator:ann";
  said.reason = "test";
  const auto batch = [&] {
    owner->propose(make("a", {1}));
    return send();
  }();
  fold(batch);
  said.repaired = events::sha256(batch);
  fold(events::encode_frame(said));
  BOOST_REQUIRE(owner->stopped().has_value());
  BOOST_TEST(owner->stopped()->ends_with("Run 'muster rebuild', so that the projections follow the log as it is"),
             *owner->stopped());
}

BOOST_AUTO_TEST_CASE(what_a_repair_passes_does_not_stop_the_shard) {
  std::string stranger = foreign_claim();
  options.repaired = [&](log_offset at, const events::digest& hash) {
    return at.value() == 1 && hash == events::sha256(stranger);
  };
  restart({});
  open();
  events::frame f;
  f.journal = options.journal;
  f.shard = options.id;
  f.epoch = events::shard_epoch(9);
  stranger = events::encode_frame(f);
  BOOST_TEST(!fold(stranger));
  BOOST_TEST(!owner->stopped().has_value());
  BOOST_TEST(owner->open());
}

BOOST_AUTO_TEST_CASE(a_void_frame_is_counted_and_explained_but_a_repair_is_none) {
  open();
  events::frame f;
  f.kind = frame_kind::repair;
  f.journal = options.journal;
  f.shard = options.id;
  fold(events::encode_frame(f));
  BOOST_TEST(owner->void_frames() == 0U);
  f.kind = frame_kind::claim;
  f.epoch = events::shard_epoch(1);
  f.node = "node-b";
  fold(events::encode_frame(f));
  BOOST_TEST(owner->void_frames() == 1U);
  BOOST_TEST(owner->last_void_frame() == "offset 2: a claim that came too late (sent by node 'node-b')");
}

BOOST_AUTO_TEST_CASE(each_claim_waits_for_a_comparison_of_the_log_with_the_fold) {
  BOOST_TEST(!owner->next_frame(now, true));
  const auto asked = owner->next_check(now, true);
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST((*asked == owner->position()));
  BOOST_TEST(!owner->next_check(now, true));
  BOOST_TEST(!owner->next_frame(now, true));
  owner->checked({}, now);
  send(append_outcome::refused);
  now += limits::claim_backoff_max;
  BOOST_TEST(!owner->next_frame(now, true));
  BOOST_TEST(owner->next_check(now, true).has_value());
}

BOOST_AUTO_TEST_CASE(an_old_comparison_does_not_serve_a_claim) {
  BOOST_REQUIRE(owner->next_check(now, true));
  owner->checked({}, now);
  now += limits::log_check_valid + 1us;
  BOOST_TEST(!owner->next_frame(now, true));
  BOOST_TEST(owner->next_check(now, true).has_value());
}

BOOST_AUTO_TEST_CASE(a_log_that_cannot_be_asked_is_not_claimed_and_asked_again_after_a_pause) {
  log_found = fail(errc::unavailable, "the broker is away");
  BOOST_TEST(!next());
  BOOST_TEST(!next());
  BOOST_TEST(checks == 1);
  BOOST_TEST(!owner->stopped().has_value());
  now += limits::log_check_pause;
  log_found = {};
  BOOST_TEST(next().has_value());
}

BOOST_AUTO_TEST_CASE(a_log_that_lost_what_was_folded_stops_the_shard) {
  open();
  owner->propose(make("a", {1}));
  now += limits::log_check_interval;
  log_found = fail(errc::corrupt, "the log ends too early");
  BOOST_REQUIRE(owner->next_check(now, true));
  owner->checked(log_found, now);
  settle();
  BOOST_TEST(owner->stopped().value_or("") == "the log ends too early");
  BOOST_TEST(!owner->stopped_at().has_value());
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(!next());
}

BOOST_AUTO_TEST_CASE(the_log_is_compared_every_few_seconds_although_nothing_happens) {
  open();
  const auto before = checks;
  for (int i = 0; i < 60; ++i) {
    now += 1s;
    next();
  }
  BOOST_TEST(checks - before == 60 / limits::log_check_interval.count());
}

BOOST_AUTO_TEST_CASE(a_log_that_nobody_else_writes_is_not_compared) {
  options.exclusive = true;
  restart({});
  open();
  BOOST_TEST(checks == 0);
  now += 1h;
  BOOST_TEST(!owner->next_check(now, true));
}

BOOST_AUTO_TEST_CASE(a_node_that_lost_its_claim_pauses_before_the_next) {
  open();
  now += 10s;
  std::set<std::chrono::milliseconds> pauses;
  for (int i = 0; i < 20; ++i) {
    fold(foreign_claim());
    const auto lost = now;
    auto claim = next_frame(true);
    while (!claim) {
      now += 10ms;
      claim = next_frame(true);
    }
    pauses.insert(std::chrono::duration_cast<std::chrono::milliseconds>(now - lost));
    owner->appended(append_outcome::durable, now);
    fold(claim->frame.bytes);
    now += 10s;
  }
  BOOST_TEST(pauses.size() > 10U);
  BOOST_TEST((*pauses.rbegin() <= limits::claim_backoff_max + 10ms));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_told_to_own_claims_at_once) {
  open();
  fold(foreign_claim());
  owner->should_own(false);
  now += 10s;
  BOOST_TEST(!next());
  owner->should_own(true);
  BOOST_TEST(next().has_value());
}

BOOST_AUTO_TEST_CASE(an_owner_knows_until_when_it_was_the_only_one) {
  BOOST_TEST(!owner->confirmed().has_value());
  const auto claim = send();
  const auto claimed = now;
  now += 1s;
  fold(claim);
  BOOST_TEST((owner->confirmed() == claimed));
  owner->propose(make("a", {}));
  const auto sent = now;
  const auto batch = send();
  now += 1s;
  BOOST_TEST((owner->confirmed() == claimed));
  fold(batch);
  BOOST_TEST((owner->confirmed() == sent));
  fold(foreign_claim());
  BOOST_TEST(!owner->confirmed().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
