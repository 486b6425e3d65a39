#include "engine/key_hash.hpp"
#include "tests/engine/shard_fixture.hpp"

namespace muster::tests {

BOOST_FIXTURE_TEST_SUITE(shard_test, shard_fixture)

BOOST_AUTO_TEST_CASE(proposals_of_one_frame_are_committed_in_their_order) {
  open();
  owner->propose(make("a", {1, 2}));
  owner->propose(make("b", {}));
  owner->propose(make("c", {3}));
  const auto batch = send();
  BOOST_TEST(header(batch).count == 3U);
  fold(batch);
  BOOST_TEST(settled.at("a").first_sequence.value() == 1U);
  BOOST_TEST(settled.at("b").first_sequence.value() == 3U);
  BOOST_TEST(settled.at("c").first_sequence.value() == 3U);
  BOOST_TEST(order == (std::vector<std::string>{"a", "b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_frame_is_in_flight_at_a_time) {
  open();
  owner->propose(make("a", {1}));
  const auto batch = send();
  owner->propose(make("b", {2}));
  BOOST_TEST(!next());
  fold(batch);
  BOOST_TEST(next().has_value());
}

BOOST_AUTO_TEST_CASE(no_frame_is_sent_before_the_journal_has_spoken_of_the_last) {
  open();
  owner->propose(make("a", {1}));
  const auto batch = next();
  fold(batch->frame.bytes);
  BOOST_TEST(kind("a") == settlement_kind::committed);
  owner->propose(make("b", {2}));
  BOOST_TEST(!next());
  owner->appended(append_outcome::unknown, now);  // it is known better already
  BOOST_TEST((header(send()).kind == frame_kind::batch));
}

BOOST_AUTO_TEST_CASE(a_conflict_inside_the_frame_waits_and_then_conflicts_with_the_fold) {
  open();
  owner->propose(make("a", {7}));
  owner->propose(make("b", {8}, {7}));
  const auto batch = send();
  BOOST_TEST(header(batch).count == 1U);
  BOOST_TEST(settled.empty());
  BOOST_TEST(owner->queued() == 1U);
  fold(batch);
  BOOST_TEST(!next());
  BOOST_TEST(kind("b") == settlement_kind::conflict);
  BOOST_TEST(settled.at("b").reload_at.value() == 1U);
}

BOOST_AUTO_TEST_CASE(what_waited_for_a_frame_that_never_counted_is_written) {
  open();
  owner->propose(make("a", {7}));
  owner->propose(make("b", {8}, {7}));
  owner->propose(make("c", {9}));
  send(append_outcome::refused);
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(kind("c") == settlement_kind::unavailable);
  fold(send());
  BOOST_TEST(kind("b") == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_stream_is_a_key_too) {
  open();
  auto p = make("a", {1});
  const auto key = key_hash(p.events[0].meta.stream.text());
  owner->propose(std::move(p));
  fold(send());
  owner->propose(make("b", {2}, {key}, 0));
  owner->propose(make("c", {3}, {key}, 1));
  const auto batch = send();
  BOOST_TEST(kind("b") == settlement_kind::conflict);
  fold(batch);
  BOOST_TEST(kind("c") == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_conflict_names_the_latest_change) {
  open();
  owner->propose(make("a", {1, 2, 3}));
  fold(send());
  owner->propose(make("b", {}, {1, 3, 2}));
  BOOST_TEST(!next());
  BOOST_TEST(settled.at("b").reload_at.value() == 3U);
}

BOOST_AUTO_TEST_CASE(a_read_below_the_floor_is_a_conflict) {
  open();
  owner->propose(make("a", {1}));
  owner->propose(make("b", {2}));
  fold(send());
  restart(owner->position());
  open();
  owner->propose(make("c", {}, {99}, 1));
  BOOST_TEST(!next());
  BOOST_TEST(kind("c") == settlement_kind::conflict);
  BOOST_TEST(settled.at("c").reload_at.value() == 2U);
  owner->propose(make("d", {}, {99}, 2));
  fold(send());
  BOOST_TEST(kind("d") == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(what_passed_its_deadline_is_given_back) {
  open();
  owner->propose(make("a", {1}));
  now += 15s;
  owner->propose(make("b", {2}));
  now += 1us;
  const auto batch = send();
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(header(batch).count == 1U);
}

BOOST_AUTO_TEST_CASE(what_waits_is_given_back_at_its_deadline_although_the_frame_before_it_is_not_settled) {
  open();
  owner->propose(make("a", {1}));
  owner->propose(make("b", {2}, {1}));
  const auto frame = next();
  owner->propose(make("c", {3}));
  now += 16s;
  BOOST_TEST(!next());  // the journal has not spoken yet
  BOOST_TEST(kind("b") == settlement_kind::unavailable);
  BOOST_TEST(kind("c") == settlement_kind::unavailable);
  BOOST_TEST(!settled.contains("a"));
  owner->appended(append_outcome::durable, now);
  fold(frame->frame.bytes);
  BOOST_TEST(kind("a") == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_decision_without_events_rides_an_empty_batch) {
  open();
  owner->propose(make("a", {}, {5}));
  const auto batch = send();
  BOOST_TEST(header(batch).count == 0U);
  BOOST_TEST(settled.empty());
  fold(batch);
  BOOST_TEST(kind("a") == settlement_kind::committed);
  BOOST_TEST(settled.at("a").first_sequence.value() == 1U);
}

BOOST_AUTO_TEST_CASE(where_nobody_else_can_append_a_decision_without_events_is_settled_at_once) {
  options.exclusive = true;
  restart({});
  open();
  owner->propose(make("a", {5}));
  fold(send());
  owner->propose(make("b", {}, {5}, 1));
  owner->propose(make("c", {}, {5}, 0));
  BOOST_TEST(!next());
  BOOST_TEST(kind("b") == settlement_kind::committed);
  BOOST_TEST(settled.at("b").first_sequence.value() == 2U);
  BOOST_TEST(kind("c") == settlement_kind::conflict);
}

BOOST_AUTO_TEST_CASE(an_exclusive_shard_waits_for_its_frames_however_slow_the_disk_is) {
  options.exclusive = true;
  restart({});
  const auto send_slowly = [&] {
    const auto frame = next();
    BOOST_REQUIRE(frame.has_value());
    now += 10s;
    BOOST_TEST(!next());
    owner->appended(append_outcome::durable, now);
    BOOST_TEST(!next());  // its fate is known: there is nothing to claim
    return frame->frame.bytes;
  };
  fold(send_slowly());
  BOOST_TEST_REQUIRE(owner->open());
  owner->propose(make("a", {1}));
  fold(send_slowly());
  BOOST_TEST(kind("a") == settlement_kind::committed);
  owner->propose(make("b", {2}));
  const auto after = send();
  BOOST_TEST((header(after).kind == frame_kind::batch));
}

BOOST_AUTO_TEST_CASE(an_exclusive_shard_does_not_settle_at_once_what_the_frame_before_changes) {
  options.exclusive = true;
  restart({});
  open();
  owner->propose(make("a", {5}));
  owner->propose(make("b", {}, {5}));
  const auto batch = send();
  BOOST_TEST(settled.empty());
  fold(batch);
  BOOST_TEST(!next());
  BOOST_TEST(kind("b") == settlement_kind::conflict);
}

BOOST_AUTO_TEST_CASE(a_frame_whose_keys_could_not_be_stored_is_given_up) {
  open();
  auto p = make("a", {1});
  p.keys.emplace_back();
  owner->propose(std::move(p));
  owner->propose(make("b", {2}, {1}));
  const auto frame = next();
  BOOST_REQUIRE(frame);
  BOOST_TEST(frame->keys.size() == 1U);
  owner->not_sent();
  settle();
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  fold(send());
  BOOST_TEST(kind("b") == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(what_was_committed_is_not_answered_so_if_its_rows_cannot_be_written) {
  open();
  owner->propose(make("a", {1}));
  owner->propose(make("b", {2}, {1}));
  const auto batch = next();
  owner->appended(append_outcome::durable, now);
  owner->propose(make("c", {3}));
  BOOST_REQUIRE(owner->fold({log_offset(offset++), batch->frame.bytes}));
  owner->stop("the projections cannot be written");
  settle();
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(settled.at("a").in_doubt);
  BOOST_TEST(kind("b") == settlement_kind::unavailable);
  BOOST_TEST(!settled.at("b").in_doubt);
  BOOST_TEST(!settled.at("c").in_doubt);
}

BOOST_AUTO_TEST_CASE(what_is_in_flight_when_a_shard_stops_is_in_doubt) {
  open();
  owner->propose(make("a", {1}));
  send();
  owner->propose(make("b", {2}));
  owner->stop("the log cannot be read");
  settle();
  BOOST_TEST(kind("a") == settlement_kind::unavailable);
  BOOST_TEST(settled.at("a").in_doubt);
  BOOST_TEST(kind("b") == settlement_kind::unavailable);
  BOOST_TEST(!settled.at("b").in_doubt);
}

BOOST_AUTO_TEST_CASE(a_proposal_that_fits_into_no_frame_is_too_large) {
  options.frame_bytes_max = 4096;
  restart({});
  open();
  auto p = make("a", {1});
  p.events[0].data.assign(4000, 'x');
  owner->propose(std::move(p));
  settle();
  BOOST_TEST(kind("a") == settlement_kind::too_large);
}

BOOST_AUTO_TEST_CASE(a_full_frame_leaves_the_rest_for_the_next) {
  options.frame_bytes_max = 4096;
  restart({});
  open();
  for (const auto* name : {"a", "b", "c"}) {
    auto p = make(name, {1});
    p.events[0].data.assign(1300, 'x');
    owner->propose(std::move(p));
  }
  const auto first = send();
  BOOST_TEST(header(first).count == 2U);
  BOOST_TEST(first.size() <= 4096U);
  fold(first);
  const auto second = send();
  BOOST_TEST(header(second).count == 1U);
  fold(second);
  BOOST_TEST(order == (std::vector<std::string>{"a", "b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_just_fits_into_a_frame_is_written_in_one_that_is_no_larger_than_it_may_be) {
  options.frame_bytes_max = 4096;
  restart({});
  open();
  auto p = make("a", {1});
  auto& record = p.events[0];
  record.data.clear();
  const auto bare = events::encoded_size_max(record) + events::batch_overhead(options.node.size());
  record.data.assign(4096 - bare, 'x');
  owner->propose(std::move(p));
  const auto bytes = send();
  BOOST_TEST(bytes.size() <= 4096U);
  BOOST_TEST(bytes.size() > 4000U);
  auto larger = make("b", {1});
  larger.events[0].data.assign(4096 - bare + 1, 'x');
  owner->propose(std::move(larger));
  settle();
  BOOST_TEST(kind("b") == settlement_kind::too_large);
}

BOOST_AUTO_TEST_CASE(what_comes_to_a_full_queue_is_refused) {
  for (std::size_t i = 0; i < limits::proposals_queued_max; ++i) owner->propose(make(std::to_string(i), {}));
  owner->propose(make("one more", {}));
  settle();
  BOOST_TEST(kind("one more") == settlement_kind::overloaded);
  BOOST_TEST(settled.size() == 1U);
}

BOOST_AUTO_TEST_CASE(frames_never_carry_a_time_before_the_last) {
  open();
  owner->propose(make("a", {1}));
  fold(send());
  const auto before = now;
  now -= 10s;
  owner->propose(make("b", {2}));
  const auto batch = send();
  BOOST_TEST((header(batch).time == before));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
