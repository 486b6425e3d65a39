#include "engine/limits.hpp"
#include "engine/shard.hpp"
#include "tests/support/fake_entropy.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <memory>
#include <ostream>

namespace muster::engine {

static std::ostream& operator<<(std::ostream& out, settlement_kind kind) {
  constexpr const char* names[] = {"committed", "conflict", "unavailable", "overloaded", "too_large"};
  return out << names[static_cast<std::size_t>(kind)];
}

namespace {

using namespace std::chrono_literals;
using events::frame_kind;
using events::log_offset;
using events::log_sequence;

/// One shard, and a log that takes what the test hands it.
struct fixture {
  tests::fake_entropy random;
  shard_options options;
  std::unique_ptr<shard> owner;
  events::timestamp now{1h};
  std::uint64_t offset = 0;
  std::map<std::string, settlement> settled;  ///< by the proposal's name
  std::vector<std::string> order;

  fixture() {
    options.journal.bytes.fill(1);
    options.id = events::shard_id(2);
    options.node = "node-a";
    restart({});
  }

  void restart(log_position start) {
    owner = std::make_unique<shard>(options, start, random);
    owner->should_own(true);
  }

  /// A proposal that writes `writes` and has read `reads` at `seen`. `name` is its data, and what it is settled under.
  proposal make(std::string name, std::vector<std::uint64_t> writes, std::vector<std::uint64_t> reads = {},
                std::uint64_t seen = 0) {
    proposal p;
    for (const auto key : writes) {
      auto& record = p.events.emplace_back();
      record.data = name;
      record.index_keys.push_back(key);
    }
    for (const auto key : reads) p.reads.push_back({key, log_sequence(seen)});
    p.deadline = now + 15s;
    p.settled = [this, name](const settlement& s) {
      BOOST_TEST(!settled.contains(name), name << " was settled twice");
      settled.emplace(name, s);
      order.push_back(name);
    };
    return p;
  }

  std::optional<shard::frame_to_send> next(bool caught_up = true) {
    auto frame = owner->next_frame(now, caught_up);
    settle();
    return frame;
  }

  /// The next frame, which there must be, as the log will have it.
  std::string send(append_outcome outcome = append_outcome::durable) {
    auto frame = next();
    BOOST_REQUIRE(frame.has_value());
    owner->appended(outcome, now);
    settle();
    return frame->frame.bytes;
  }

  std::optional<shard::accepted_frame> fold(const std::string& bytes) {
    auto frame = owner->fold({log_offset(offset++), bytes});
    settle();
    return frame;
  }

  void settle() {
    for (const auto& each : owner->take_settlements()) each.settled(each.what);
  }

  void open() {
    fold(send());
    BOOST_REQUIRE(owner->open());
  }

  /// A claim by another node that knows all there is.
  std::string foreign_claim() const {
    events::frame f;
    f.kind = frame_kind::claim;
    f.journal = options.journal;
    f.shard = options.id;
    f.epoch = owner->position().epoch.next();
    f.incarnation.bytes.fill(0xee);
    f.folded_sequence = owner->position().sequence;
    f.folded_head = owner->position().head;
    f.node = "node-b";
    return events::encode_frame(f);
  }

  settlement_kind kind(const std::string& name) {
    BOOST_REQUIRE_MESSAGE(settled.contains(name), name << " is not settled");
    return settled.at(name).kind;
  }

  static events::frame_header header(const std::string& bytes) { return *events::read_header(bytes); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shard_test, fixture)

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
    p.events[0].data.assign(1200, 'x');
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

BOOST_AUTO_TEST_CASE(what_comes_to_a_full_queue_is_refused) {
  for (std::size_t i = 0; i < limits::proposals_queued_max; ++i) owner->propose(make(std::to_string(i), {}));
  owner->propose(make("one more", {}));
  settle();
  BOOST_TEST(kind("one more") == settlement_kind::overloaded);
  BOOST_TEST(settled.size() == 1U);
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

}  // namespace muster::engine
