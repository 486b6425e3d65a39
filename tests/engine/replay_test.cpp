#include "connectors/storage/memory_journal.hpp"
#include "engine/replay.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

/// A journal with a claim (offset 0), a service with two enrollments (1), an empty frame (2) and a registration (3).
struct fixture {
  history_builder history;
  journal_identity identity;

  fixture() {
    history.add(service_created_in(scope_a)).add(enrolled(scope_a, "dev-1")).add(enrolled(scope_a, "dev-2")).commit();
    history.commit();
    history.add(registered(scope_a, "dev-1")).add(hub_device_made(scope_a, "dev-1")).commit();
    identity.id = history.journal();
    identity.shards = 1;
  }

  void fill(connectors::memory_journal& journal) const {
    for (const auto& record : history.log()) journal.put({}, record.bytes);
  }

  std::vector<folded_frame> taken;
  frame_sink sink() {
    return [this](std::span<const folded_frame> frames) -> result<void> {
      taken.insert(taken.end(), frames.begin(), frames.end());
      return {};
    };
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(replays, fixture)

BOOST_AUTO_TEST_CASE(a_replay_takes_every_accepted_frame_in_order) {
  connectors::memory_journal journal(identity);
  fill(journal);
  const auto report = replay(journal, {}, {}, {}, sink());
  BOOST_TEST_REQUIRE(report.has_value());
  BOOST_TEST(report->frames == 4U);
  BOOST_TEST(report->events == 5U);
  BOOST_TEST(report->void_frames == 0U);
  BOOST_TEST((report->end == history.position()));
  BOOST_TEST_REQUIRE(taken.size() == history.frames().size());
  for (std::size_t i = 0; i < taken.size(); ++i) {
    BOOST_TEST((taken[i].after == history.frames()[i].after));
    BOOST_TEST(taken[i].events.size() == history.frames()[i].events.size());
  }
}

BOOST_AUTO_TEST_CASE(a_replay_goes_on_where_another_ended) {
  connectors::memory_journal journal(identity);
  fill(journal);
  const auto first = replay(journal, {}, {}, events::log_offset(2), sink());
  BOOST_TEST_REQUIRE(first.has_value());
  BOOST_TEST(first->end.next_offset.value() == 2U);
  BOOST_TEST(first->events == 3U);
  const auto rest = replay(journal, {}, first->end, {}, sink());
  BOOST_TEST_REQUIRE(rest.has_value());
  BOOST_TEST(rest->events == 2U);
  BOOST_TEST((rest->end == history.position()));
  BOOST_TEST(replay(journal, {}, rest->end, {}, sink())->frames == 0U);
}

BOOST_AUTO_TEST_CASE(void_frames_are_counted_and_passed_for_good) {
  connectors::memory_journal journal(identity);
  fill(journal);
  journal.put({}, history.log().back().bytes);             // a duplicate
  journal.put({}, claim_frame(history.journal(), {}, 1));  // a claim that comes too late
  journal.put({}, "nothing of ours, and long enough to tell: ................................");
  const auto report = replay(journal, {}, {}, {}, sink());
  BOOST_TEST_REQUIRE(report.has_value(), (report ? "" : report.error().text));
  BOOST_TEST(report->void_frames == 3U);
  BOOST_TEST(report->frames == 4U);
  BOOST_TEST(report->end.next_offset.value() == 7U);
  BOOST_TEST(taken.back().after.next_offset.value() == 7U);
  BOOST_TEST(report->end.sequence.value() == 5U);
}

BOOST_AUTO_TEST_CASE(a_frame_changed_in_any_byte_stops_the_replay_and_is_located) {
  auto bytes = history.log()[1].bytes;
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    connectors::memory_journal journal(identity);
    fill(journal);
    journal.truncate({}, events::log_offset(1));
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x40);
    journal.put({}, changed);
    journal.put({}, history.log()[2].bytes);
    const auto report = replay(journal, {}, {}, {}, sink());
    BOOST_TEST_CONTEXT("byte " << i) {
      // A frame that names another journal is nobody's, and what follows it no longer fits.
      BOOST_TEST((!report || report->end.sequence.value() == 0));
      if (!report) BOOST_TEST(report.error().text.starts_with("shard 0, offset "), report.error().text);
    }
  }
}

BOOST_AUTO_TEST_CASE(damage_that_the_journal_reports_stops_the_replay) {
  connectors::memory_journal journal(identity);
  fill(journal);
  journal.damage({}, events::log_offset(2));
  const auto report = replay(journal, {}, {}, {}, sink());
  BOOST_TEST_REQUIRE(!report.has_value());
  BOOST_TEST((report.error().code == errc::corrupt));
}

BOOST_AUTO_TEST_CASE(an_event_that_cannot_be_folded_stops_the_replay) {
  events::frame frame;
  frame.journal = history.journal();
  frame.epoch = history.position().epoch;
  frame.incarnation = history.position().incarnation;
  frame.first_sequence = history.position().sequence.next();
  frame.prev_hash = history.position().head;
  events::event_record record;
  record.meta.stream = *events::stream_name::parse("0ne00000001/service");
  record.meta.version = events::stream_version(2);
  record.meta.type = "muster.service_exploded.v1";
  record.data = "{}";
  frame.records.push_back(record);
  connectors::memory_journal journal(identity);
  fill(journal);
  journal.put({}, events::encode_frame(frame));
  const auto report = replay(journal, {}, {}, {}, sink());
  BOOST_TEST_REQUIRE(!report.has_value());
  BOOST_TEST((report.error().code == errc::corrupt));
  BOOST_TEST(report.error().text.starts_with("shard 0, offset 4: event 6 of stream 0ne00000001/service cannot be read"),
             report.error().text);
}

BOOST_AUTO_TEST_CASE(what_the_taker_says_ends_the_replay) {
  connectors::memory_journal journal(identity);
  fill(journal);
  const auto report =
      replay(journal, {}, {}, {}, [](auto) -> result<void> { return fail(errc::internal, "the disk is full"); });
  BOOST_TEST_REQUIRE(!report.has_value());
  BOOST_TEST(report.error().text == "the disk is full");
}

BOOST_AUTO_TEST_CASE(a_position_continues_in_the_journal_that_led_to_it) {
  connectors::memory_journal journal(identity);
  fill(journal);
  BOOST_TEST(check_continues(journal, {}, {}).has_value());
  for (const auto& frame : history.frames()) BOOST_TEST(check_continues(journal, {}, frame.after).has_value());
}

BOOST_AUTO_TEST_CASE(a_journal_that_ends_before_the_position_is_refused) {
  connectors::memory_journal journal(identity);
  fill(journal);
  journal.truncate({}, events::log_offset(3));
  const auto checked = check_continues(journal, {}, history.position());
  BOOST_TEST_REQUIRE(!checked.has_value());
  BOOST_TEST((checked.error().code == errc::corrupt));
  BOOST_TEST(checked.error().text.find("folded up to offset 4, but the journal ends at 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_journal_with_another_last_frame_is_refused) {
  connectors::memory_journal journal(identity);
  fill(journal);
  journal.truncate({}, events::log_offset(3));
  journal.put({}, history.log()[2].bytes);
  const auto checked = check_continues(journal, {}, history.position());
  BOOST_TEST_REQUIRE(!checked.has_value());
  BOOST_TEST((checked.error().code == errc::corrupt));
  BOOST_TEST(checked.error().text.find("is another journal, or was changed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_journal_that_lost_frames_and_grew_again_is_refused_although_its_last_frame_is_known) {
  connectors::memory_journal journal(identity);
  fill(journal);
  // After the loss others wrote, and what they wrote is void to a fold that had seen what was lost.
  const auto late = claim_frame(history.journal(), {}, 1);
  log_rule fold(history.journal(), {}, history.position());
  BOOST_TEST((fold.judge(events::log_offset(4), late).what == verdict::void_frame));
  journal.truncate({}, events::log_offset(3));
  journal.put({}, "another frame");
  journal.put({}, late);
  const auto checked = check_continues(journal, {}, fold.position());
  BOOST_TEST_REQUIRE(!checked.has_value());
  BOOST_TEST(checked.error().text.starts_with("shard 0, offset 3: the journal does not hold"), checked.error().text);
}

BOOST_AUTO_TEST_SUITE_END()
