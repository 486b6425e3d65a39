#include "connectors/storage/memory_journal.hpp"
#include "engine/repair.hpp"
#include "engine/replay.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

/// A journal whose shard 0 holds a claim and a batch, then a frame from nowhere (offset 2), then another batch.
struct fixture {
  history_builder history;
  connectors::memory_journal journal;
  fake_clock time;
  std::string stranger;

  fixture() : journal(identity_of(history)) {
    history.add(service_created_in(scope_a)).commit();
    for (const auto& record : history.log()) journal.put({}, record.bytes);
    events::frame f;
    f.journal = history.journal();
    f.epoch = events::shard_epoch(9);
    f.node = "node-z";
    stranger = events::encode_frame(f);
    journal.put({}, stranger);
    history.add(enrolled(scope_a, "dev-1")).commit();
    journal.put({}, history.log().back().bytes);
  }

  static journal_identity identity_of(const history_builder& history) {
    journal_identity identity;
    identity.id = history.journal();
    identity.shards = 1;
    return identity;
  }

  repair_order order(const events::digest& hash) const {
    return {events::shard_id(), hash, "operator:ann", "a second cluster wrote here", "node-a"};
  }
  events::digest hash() const { return events::sha256(stranger); }
  result<replay_report> replayed() {
    return replay(journal, {}, {}, {}, [](auto) -> result<void> { return {}; });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(repairs, fixture)

BOOST_AUTO_TEST_CASE(the_frame_at_which_readers_stop_is_found) {
  BOOST_TEST(!replayed().has_value());
  const auto blocked = find_block(journal, {});
  BOOST_REQUIRE(blocked.has_value());
  BOOST_REQUIRE(blocked->has_value());
  BOOST_TEST((*blocked)->offset.value() == 2U);
  BOOST_TEST(((*blocked)->hash == hash()));
  BOOST_TEST((*blocked)->reason == "a batch of epoch 9 by node 'node-z' follows a claim that this fold never saw");
}

BOOST_AUTO_TEST_CASE(behind_a_repair_readers_come_to_the_end) {
  const auto done = repair(journal, order(hash()), time);
  BOOST_TEST_REQUIRE(done.has_value(), (done ? "" : done.error().text));
  BOOST_TEST(done->offset.value() == 2U);
  const auto report = replayed();
  BOOST_TEST_REQUIRE(report.has_value(), (report ? "" : report.error().text));
  BOOST_TEST(report->void_frames == 2U);
  BOOST_TEST(report->end.sequence.value() == history.position().sequence.value());
  BOOST_TEST((report->end.head == history.position().head));
  BOOST_TEST(!find_block(journal, {}).value().has_value());
}

BOOST_AUTO_TEST_CASE(the_repair_says_who_ordered_it_and_why) {
  BOOST_REQUIRE(repair(journal, order(hash()), time).has_value());
  const auto last = journal.read({}, events::log_offset(4), 1);
  BOOST_REQUIRE(last.has_value());
  const auto header = events::read_header(last->front().bytes);
  BOOST_REQUIRE(header.has_value());
  BOOST_TEST((header->kind == events::frame_kind::repair));
  BOOST_TEST(header->by == "operator:ann");
  BOOST_TEST(header->reason == "a second cluster wrote here");
  BOOST_TEST(header->node == "node-a");
  BOOST_TEST((header->time == time.now()));
}

BOOST_AUTO_TEST_CASE(a_repair_of_another_frame_than_the_one_readers_stop_at_is_refused) {
  const auto done = repair(journal, order(events::sha256(history.log()[1].bytes)), time);
  BOOST_REQUIRE(!done.has_value());
  BOOST_TEST((done.error().code == errc::invalid));
  BOOST_TEST(done.error().text.starts_with("who folds shard 0 from its first frame stops at offset 2, at the frame " +
                                           events::to_hex(events::as_bytes(hash()))),
             done.error().text);
  BOOST_TEST(journal.end({})->value() == 4U);
}

BOOST_AUTO_TEST_CASE(where_readers_do_not_stop_there_is_nothing_to_repair) {
  BOOST_REQUIRE(repair(journal, order(hash()), time).has_value());
  const auto again = repair(journal, order(hash()), time);
  BOOST_REQUIRE(!again.has_value());
  BOOST_TEST((again.error().code == errc::invalid));
  BOOST_TEST(
      again.error().text ==
      "who folds shard 0 from its first frame comes to its end: there is nothing to repair. If a node has stopped "
      "there all the same, its projections are what is wrong: run 'muster rebuild' on it");
}

BOOST_AUTO_TEST_CASE(a_repair_needs_an_operator_and_a_reason) {
  auto nameless = order(hash());
  nameless.by.clear();
  BOOST_TEST(repair(journal, nameless, time).error().text ==
             "the operator's name of a repair: expected 1 to 1000 bytes, not 0");
  auto unexplained = order(hash());
  unexplained.reason.assign(1001, 'x');
  BOOST_TEST(repair(journal, unexplained, time).error().text ==
             "the reason of a repair: expected 1 to 1000 bytes, not 1001");
}

BOOST_AUTO_TEST_CASE(two_frames_need_two_repairs) {
  events::frame f;
  f.kind = events::frame_kind::claim;
  f.journal = history.journal();
  f.epoch = events::shard_epoch(20);
  const auto second = events::encode_frame(f);
  journal.put({}, second);
  BOOST_REQUIRE(repair(journal, order(hash()), time).has_value());
  BOOST_TEST(!replayed().has_value());
  BOOST_REQUIRE(repair(journal, order(events::sha256(second)), time).has_value());
  BOOST_TEST(replayed().has_value());
}

BOOST_AUTO_TEST_CASE(a_divergent_frame_that_came_twice_is_passed_twice_if_the_repair_lies_behind_both) {
  journal.put({}, stranger);
  BOOST_REQUIRE(repair(journal, order(hash()), time).has_value());
  BOOST_TEST(replayed().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
