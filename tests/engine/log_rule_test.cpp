#include "engine/limits.hpp"
#include "engine/log_rule.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <ostream>

namespace muster::engine {

static std::ostream& operator<<(std::ostream& out, verdict v) {
  constexpr const char* names[] = {"accepted", "void", "divergent", "unreadable"};
  return out << names[static_cast<std::size_t>(v)];
}

namespace {

using events::frame;
using events::frame_kind;
using events::log_offset;
using events::log_sequence;
using events::shard_epoch;

events::journal_id journal_named(std::uint8_t byte) {
  events::journal_id id;
  id.bytes.fill(byte);
  return id;
}

events::incarnation_id incarnation(std::uint8_t byte) {
  events::incarnation_id id;
  id.bytes.fill(byte);
  return id;
}

/// A log that is written as it should be, and the rule that follows it.
struct fixture {
  const events::journal_id journal = journal_named(1);
  const events::shard_id shard = events::shard_id(2);
  std::vector<events::digest> repaired;  ///< what a repair names that lies behind
  log_rule rule{journal, shard, {}, [this](log_offset, const events::digest& hash) {
                  return std::ranges::find(repaired, hash) != repaired.end();
                }};
  std::uint64_t offset = 0;

  frame claim(std::uint64_t epoch, std::uint8_t by) const {
    frame f;
    f.kind = frame_kind::claim;
    f.journal = journal;
    f.shard = shard;
    f.epoch = shard_epoch(epoch);
    f.incarnation = incarnation(by);
    f.first_sequence = rule.position().sequence.next();
    f.prev_hash = rule.position().head;
    f.folded_sequence = rule.position().sequence;
    f.folded_head = rule.position().head;
    f.node = "node-a";
    return f;
  }

  frame batch(std::size_t count) const {
    frame f = claim(rule.position().epoch.value(), 0);
    f.kind = frame_kind::batch;
    f.incarnation = rule.position().incarnation;
    f.records.resize(count);
    return f;
  }

  frame repair(const events::digest& hash) const {
    frame f;
    f.kind = frame_kind::repair;
    f.journal = journal;
    f.shard = shard;
    f.repaired = hash;
    f.by = "operator:ann";
    f.reason = "test";
    return f;
  }

  judgement judge(const std::string& bytes) { return rule.judge(log_offset(offset++), bytes); }
  judgement judge(const frame& f) { return judge(events::encode_frame(f)); }

  void expect(const frame& f, verdict what, const std::string& reason = {}) {
    const auto before = rule.position();
    const auto seen = judge(f);
    BOOST_TEST(seen.what == what);
    BOOST_TEST(seen.reason == reason);
    const bool moved = what == verdict::accepted || what == verdict::void_frame;
    BOOST_TEST((rule.position().next_offset != before.next_offset) == moved);
    BOOST_TEST((rule.position().head != before.head) == (what == verdict::accepted));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(log_rule_test, fixture)

BOOST_AUTO_TEST_CASE(a_claim_and_its_batches_count) {
  expect(claim(1, 1), verdict::accepted);
  expect(batch(2), verdict::accepted);
  expect(batch(0), verdict::accepted);
  expect(batch(1), verdict::accepted);
  BOOST_TEST(rule.position().sequence.value() == 3U);
  BOOST_TEST(rule.position().epoch.value() == 1U);
  BOOST_TEST((rule.position().incarnation == incarnation(1)));
}

BOOST_AUTO_TEST_CASE(the_head_chains_every_frame_that_counts) {
  const auto bytes = events::encode_frame(claim(1, 1));
  const auto before = rule.position().head;
  const auto seen = judge(bytes);
  BOOST_TEST((seen.hash == events::sha256(bytes)));
  BOOST_TEST((rule.position().head == events::sha256(events::as_bytes(before), events::as_bytes(seen.hash))));
  BOOST_TEST((rule.position().last_hash == seen.hash));
  BOOST_TEST(rule.position().last_offset.value() == 0U);
  BOOST_TEST(rule.position().next_offset.value() == 1U);
}

BOOST_AUTO_TEST_CASE(the_last_frame_that_counts_is_remembered_over_void_ones) {
  const auto counted = judge(claim(1, 1)).hash;
  const auto skipped = judge(claim(1, 2)).hash;
  BOOST_TEST(rule.position().counted_offset.value() == 0U);
  BOOST_TEST((rule.position().counted_hash == counted));
  BOOST_TEST(rule.position().last_offset.value() == 1U);
  BOOST_TEST((rule.position().last_hash == skipped));
}

BOOST_AUTO_TEST_CASE(a_claim_counts_although_batches_came_between) {
  judge(claim(1, 1));
  const auto slow = claim(2, 2);
  judge(batch(1));
  judge(batch(1));
  expect(slow, verdict::accepted);
}

BOOST_AUTO_TEST_CASE(a_claim_of_an_epoch_that_has_passed_is_void) {
  const auto late = claim(1, 2);
  judge(claim(1, 1));
  expect(late, verdict::void_frame, "a claim that came too late");
  BOOST_TEST((rule.position().incarnation == incarnation(1)));
}

BOOST_AUTO_TEST_CASE(a_claim_that_came_twice_is_void) {
  const auto twice = claim(1, 1);
  judge(twice);
  expect(twice, verdict::void_frame, "a claim that came too late");
}

BOOST_AUTO_TEST_CASE(a_claim_that_skips_epochs_is_divergent) {
  judge(claim(1, 1));
  expect(claim(3, 2), verdict::divergent, "the claim of epoch 3 by node 'node-a' skips epochs: the current one is 1");
}

BOOST_AUTO_TEST_CASE(a_claim_that_rests_on_an_unknown_head_is_divergent) {
  judge(claim(1, 1));
  judge(batch(2));
  auto other = claim(2, 2);
  other.folded_head.fill(9);
  expect(other, verdict::divergent,
         "the claim of epoch 2 by node 'node-a' rests on sequence 2 with a head that this fold never had");
  auto ahead = claim(2, 2);
  ahead.folded_sequence = log_sequence(5);
  expect(ahead, verdict::divergent,
         "the claim of epoch 2 by node 'node-a' rests on sequence 5 with a head that this fold never had");
}

BOOST_AUTO_TEST_CASE(a_batch_of_a_former_owner_is_void) {
  judge(claim(1, 1));
  const auto zombie = batch(1);
  judge(claim(2, 2));
  expect(zombie, verdict::void_frame, "a batch of a former owner");
}

BOOST_AUTO_TEST_CASE(a_batch_that_came_twice_is_void) {
  judge(claim(1, 1));
  const auto twice = batch(1);
  expect(twice, verdict::accepted);
  expect(twice, verdict::void_frame, "a batch that came twice");
  judge(batch(3));
  expect(twice, verdict::void_frame, "a batch that came twice");
}

BOOST_AUTO_TEST_CASE(an_empty_batch_that_came_twice_is_void) {
  judge(claim(1, 1));
  const auto twice = batch(0);
  expect(twice, verdict::accepted);
  expect(twice, verdict::void_frame, "a batch that came twice");
}

BOOST_AUTO_TEST_CASE(a_batch_of_a_claim_never_seen_is_divergent) {
  judge(claim(1, 1));
  auto same_epoch = batch(1);
  same_epoch.incarnation = incarnation(7);
  expect(same_epoch, verdict::divergent,
         "a batch of epoch 1 by node 'node-a' follows a claim that this fold never saw");
  auto later = same_epoch;
  later.epoch = shard_epoch(4);
  expect(later, verdict::divergent, "a batch of epoch 4 by node 'node-a' follows a claim that this fold never saw");
}

BOOST_AUTO_TEST_CASE(a_batch_with_the_right_incarnation_and_another_epoch_is_divergent) {
  judge(claim(1, 1));
  auto f = batch(1);
  f.epoch = shard_epoch(2);
  expect(f, verdict::divergent, "a batch of the current claim names epoch 2");
}

BOOST_AUTO_TEST_CASE(a_batch_that_leaves_a_gap_is_divergent) {
  judge(claim(1, 1));
  auto f = batch(1);
  f.first_sequence = log_sequence(4);
  expect(f, verdict::divergent, "a batch of the current claim follows sequence 3 with a head that this fold never had");
}

BOOST_AUTO_TEST_CASE(a_batch_with_the_next_sequence_and_another_head_is_divergent) {
  judge(claim(1, 1));
  judge(batch(1));
  auto f = batch(1);
  f.prev_hash.fill(9);
  expect(f, verdict::divergent, "a batch of the current claim follows sequence 1 with a head that this fold never had");
}

BOOST_AUTO_TEST_CASE(what_is_not_a_frame_is_void) {
  const auto seen = judge("not a frame");
  BOOST_TEST(seen.what == verdict::void_frame);
  BOOST_TEST(seen.reason == "not a frame of this journal");
  BOOST_TEST(rule.position().next_offset.value() == 1U);
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_journal_is_void) {
  auto f = claim(1, 1);
  f.journal = journal_named(8);
  expect(f, verdict::void_frame, "a frame of another journal");
  auto damaged = events::encode_frame(f);
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  BOOST_TEST(judge(damaged).what == verdict::void_frame);
}

BOOST_AUTO_TEST_CASE(a_damaged_frame_of_this_journal_is_unreadable) {
  auto bytes = events::encode_frame(claim(1, 1));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  const auto seen = judge(bytes);
  BOOST_TEST(seen.what == verdict::unreadable);
  BOOST_TEST(seen.reason == "the frame at offset 0 cannot be read: its checksum is wrong");
  BOOST_TEST(rule.position().next_offset.value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_shard_is_unreadable) {
  auto f = claim(1, 1);
  f.shard = events::shard_id(6);
  expect(f, verdict::unreadable, "the frame at offset 0 belongs to shard 6, not to shard 2");
}

BOOST_AUTO_TEST_CASE(log_time_never_goes_back) {
  auto f = claim(1, 1);
  f.time = events::timestamp(std::chrono::seconds(100));
  judge(f);
  auto slow_clock = claim(2, 2);
  slow_clock.time = events::timestamp(std::chrono::seconds(50));
  expect(slow_clock, verdict::accepted);
  BOOST_TEST((rule.position().time == events::timestamp(std::chrono::seconds(100))));
}

BOOST_AUTO_TEST_CASE(offsets_may_leave_numbers_out) {
  judge(claim(1, 1));
  offset = 40;
  expect(batch(1), verdict::accepted);
  BOOST_TEST(rule.position().next_offset.value() == 41U);
}

BOOST_AUTO_TEST_CASE(a_fold_that_continues_comes_to_the_same_verdicts) {
  judge(claim(1, 1));
  judge(batch(2));
  log_rule continued(journal, shard, rule.position());
  const auto next = events::encode_frame(batch(1));
  BOOST_TEST(continued.judge(log_offset(offset), next).what == verdict::accepted);
  judge(next);
  BOOST_TEST((continued.position() == rule.position()));
}

BOOST_AUTO_TEST_CASE(what_lies_at_or_below_the_start_is_not_judged) {
  judge(claim(1, 1));
  judge(batch(2));
  const auto twice = batch(1);
  auto slow = claim(2, 2);
  judge(twice);
  log_rule continued(journal, shard, rule.position());
  BOOST_TEST(continued.judge(log_offset(offset), events::encode_frame(twice)).reason == "a batch that came twice");
  slow.folded_head.fill(9);
  BOOST_TEST(continued.judge(log_offset(offset + 1), events::encode_frame(slow)).what == verdict::accepted);
}

BOOST_AUTO_TEST_CASE(who_knows_the_log_from_its_first_claim_judges_heads_of_its_beginning) {
  judge(claim(1, 1));
  auto other = claim(2, 2);
  other.folded_head.fill(9);  // of a claim that the log has lost
  BOOST_TEST((judge(other).what == verdict::divergent));
}

BOOST_AUTO_TEST_CASE(heads_forgotten_long_ago_are_not_judged) {
  judge(claim(1, 1));
  judge(batch(1));
  const auto old_batch = batch(1);
  auto old_claim = claim(2, 2);
  old_claim.folded_head.fill(9);
  for (std::size_t i = 0; i < limits::remembered_heads_max + 5; ++i) judge(batch(1));
  expect(old_batch, verdict::void_frame, "a batch that came twice");
  expect(old_claim, verdict::accepted);
}

BOOST_AUTO_TEST_CASE(a_divergent_frame_that_a_repair_names_is_void) {
  judge(claim(1, 1));
  judge(batch(1));
  const auto stranger = claim(7, 7);
  const auto hash = events::sha256(events::encode_frame(stranger));
  BOOST_TEST((judge(stranger).what == verdict::divergent));
  --offset;
  repaired.push_back(hash);
  expect(stranger, verdict::void_frame,
         "passed by an operator's repair: the claim of epoch 7 by node 'node-a' skips epochs: the current one is 1");
  expect(repair(hash), verdict::void_frame, "a repair by operator 'operator:ann': test");
  expect(batch(1), verdict::accepted);
}

BOOST_AUTO_TEST_CASE(an_unreadable_frame_that_a_repair_names_is_void) {
  auto damaged = events::encode_frame(claim(1, 1));
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  repaired.push_back(events::sha256(damaged));
  BOOST_TEST(judge(damaged).what == verdict::void_frame);
  expect(claim(1, 2), verdict::accepted);
}

BOOST_AUTO_TEST_CASE(a_repair_passes_no_other_frame) {
  judge(claim(1, 1));
  repaired.push_back(events::sha256("another"));
  BOOST_TEST(judge(claim(7, 7)).what == verdict::divergent);
}

BOOST_AUTO_TEST_CASE(a_repair_of_a_frame_that_counts_changes_nothing_before_it_is_met) {
  judge(claim(1, 1));
  const auto good = batch(1);
  repaired.push_back(events::sha256(events::encode_frame(good)));
  expect(good, verdict::accepted);
}

BOOST_AUTO_TEST_CASE(a_fold_that_counted_what_a_repair_declares_void_stops) {
  judge(claim(1, 1));
  const auto counted = judge(batch(1)).hash;
  judge(batch(1));
  expect(repair(counted), verdict::divergent,
         "operator 'operator:ann' says that the frame " + events::to_hex(events::as_bytes(counted)) +
             " does not count (test), but this fold has counted it");
}

BOOST_AUTO_TEST_CASE(a_fold_that_continues_behind_a_passed_frame_goes_on_over_its_repair) {
  judge(claim(1, 1));
  const auto stranger = claim(7, 7);
  const auto hash = events::sha256(events::encode_frame(stranger));
  repaired.push_back(hash);
  judge(stranger);
  log_rule continued(journal, shard, rule.position());
  BOOST_TEST(continued.judge(log_offset(offset), events::encode_frame(repair(hash))).what == verdict::void_frame);
}

BOOST_AUTO_TEST_CASE(a_frame_whose_beginning_was_damaged_is_unreadable) {
  auto damaged = events::encode_frame(claim(1, 1));
  damaged.front() = 'X';
  BOOST_TEST(judge(damaged).what == verdict::unreadable);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::engine
