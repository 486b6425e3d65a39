#include "connectors/storage/master_key.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "engine/migration.hpp"
#include "engine/replay.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

using connectors::memory_journal;
using connectors::memory_keyring;

named_key key_named(std::string_view name) {
  const auto digest = events::sha256("key", name);
  return {data_key_named(name), data_key(events::as_bytes(digest))};
}

/// Two shards: one with a few thousand frames, two claims among them, and one that has only been claimed.
struct fixture {
  history_builder history;
  history_builder quiet{events::shard_id(1)};
  journal_identity identity;
  data_key master{std::string(32, 'm')};
  std::optional<memory_journal> from;
  std::optional<memory_journal> to;
  memory_keyring old_keys{master};
  memory_keyring new_keys{master};
  std::stop_source stop;

  fixture() {
    history.add(service_created_in(scope_a)).commit();
    for (int i = 0; i < 2000; ++i) {
      history.add(enrolled(scope_a, "dev-" + std::to_string(i))).commit();
      if (i == 1000) history.claim();
    }
    identity = {history.journal(), 2, connectors::fingerprint_of(master)};
    from.emplace(identity);
    to.emplace(identity, false);
    for (const auto& record : history.log()) from->put({}, record.bytes);
    for (const auto& record : quiet.log()) from->put(events::shard_id(1), record.bytes);
    BOOST_REQUIRE(old_keys.store(std::vector{key_named("a"), key_named("b")}));
  }

  /// The caller's mark: set and, once all is copied, removed.
  bool marked = false;
  std::uint64_t times_set = 0;

  result<migration_report> run() {
    const auto length = frames_of(*to, {}).size();
    const auto keys = new_keys.size();
    const auto set = [&]() -> result<void> {
      BOOST_TEST(frames_of(*to, {}).size() == length);
      BOOST_TEST(new_keys.size() == keys);
      ++times_set;
      marked = true;
      return {};
    };
    auto report =
        migrate({*from, old_keys}, {*to, new_keys}, {marked, set}, [](const migrated_shard&) {}, stop.get_token());
    if (report) marked = false;
    return report;
  }
  std::vector<std::string> frames_of(memory_journal& log, events::shard_id shard) {
    std::vector<std::string> all;
    events::log_offset next;
    while (true) {
      const auto some = log.read(shard, next, 1 << 20);
      BOOST_REQUIRE(some);
      if (some->empty()) return all;
      for (const auto& record : *some) all.push_back(record.bytes);
      next = events::log_offset(some->back().offset.value() + 1);
    }
  }
  bool equal() {
    for (const events::shard_id shard : {events::shard_id(0), events::shard_id(1)}) {
      if (frames_of(*from, shard) != frames_of(*to, shard)) return false;
    }
    return true;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(migrations, fixture)

BOOST_AUTO_TEST_CASE(a_history_is_copied_byte_for_byte_with_its_keys) {
  const auto report = run();
  BOOST_REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
  BOOST_TEST(equal());
  BOOST_TEST(report->keys == 2U);
  BOOST_TEST(new_keys.find(key_named("a").id)->bytes() == key_named("a").key.bytes());
  BOOST_TEST_REQUIRE(report->shards.size() == 2U);
  const auto& first = report->shards[0];
  BOOST_TEST(first.frames == history.log().size());
  BOOST_TEST(first.copied == first.frames);
  BOOST_TEST(first.events == 2001U);
  BOOST_TEST((first.end.head == history.position().head));
  BOOST_TEST(first.end.sequence.value() == 2001U);
  BOOST_TEST(report->shards[1].frames == 1U);
}

BOOST_AUTO_TEST_CASE(a_migration_that_is_done_copies_nothing_again) {
  BOOST_REQUIRE(run());
  const auto again = run();
  BOOST_REQUIRE_MESSAGE(again, (again ? "" : again.error().text));
  BOOST_TEST(again->shards[0].copied == 0U);
  BOOST_TEST(again->shards[0].frames == history.log().size());
  BOOST_TEST(again->keys == 2U);
  BOOST_TEST(times_set == 1U);
  BOOST_TEST(equal());
}

BOOST_AUTO_TEST_CASE(a_migration_goes_on_where_it_was_interrupted) {
  for (std::size_t i = 0; i < 700; ++i) to->put({}, history.log()[i].bytes);
  const auto report = run();
  BOOST_REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
  BOOST_TEST(report->shards[0].copied == history.log().size() - 700);
  BOOST_TEST(equal());
}

BOOST_AUTO_TEST_CASE(the_mark_is_set_before_anything_is_written_and_stays_until_all_is_copied) {
  to->decide_next(memory_journal::fate::refused);
  BOOST_REQUIRE(!run());
  BOOST_TEST(marked);
  BOOST_REQUIRE(run());
  BOOST_TEST(!marked);
  BOOST_TEST(times_set == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_is_written_where_the_mark_cannot_be_set) {
  const auto no = [] { return fail(errc::unavailable, "no"); };
  const auto report = migrate({*from, old_keys}, {*to, new_keys}, {false, no}, [](const auto&) {}, {});
  BOOST_REQUIRE(!report);
  BOOST_TEST(report.error().text == "no");
  BOOST_TEST(frames_of(*to, {}).empty());
  BOOST_TEST(new_keys.size() == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_written_to_the_old_journal_since_is_brought_along_under_a_new_mark) {
  BOOST_REQUIRE(run());
  history.add(enrolled(scope_a, "late")).commit();
  from->put({}, history.log().back().bytes);
  const auto report = run();
  BOOST_REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
  BOOST_TEST(report->shards[0].copied == 1U);
  BOOST_TEST(times_set == 2U);
  BOOST_TEST(equal());
}

BOOST_AUTO_TEST_CASE(an_append_of_unknown_outcome_ends_it_and_the_next_one_completes_it_whatever_became_of_the_frames) {
  using fate = memory_journal::fate;
  for (const auto lost : {fate::refused, fate::unknown_landed, fate::unknown_lost, fate::unknown_delayed}) {
    to.emplace(identity, false);
    to->decide_next(lost);
    const auto ended = run();
    BOOST_REQUIRE(!ended);
    BOOST_TEST((ended.error().code == errc::unavailable));
    BOOST_TEST(ended.error().text.find("run it again") != std::string::npos);
    const auto report = run();
    BOOST_REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
    BOOST_TEST((report->shards[0].end.head == history.position().head));
    to->release_delayed();  // too late: they are void
    const auto end = replay(*to, {}, {}, {}, [](auto) { return result<void>(); });
    BOOST_REQUIRE(end);
    BOOST_TEST((end->end.head == history.position().head));
    BOOST_TEST(run().has_value());
  }
}

BOOST_AUTO_TEST_CASE(it_ends_soon_when_it_is_to_stop) {
  stop.request_stop();
  const auto report = run();
  BOOST_REQUIRE(!report);
  BOOST_TEST((report.error().code == errc::unavailable));
}

BOOST_AUTO_TEST_CASE(void_frames_stay_behind) {
  from->put({}, history.log().back().bytes);
  from->put({}, claim_frame(history.journal(), {}, 1));
  const auto report = run();
  BOOST_REQUIRE_MESSAGE(report, (report ? "" : report.error().text));
  BOOST_TEST(report->shards[0].void_frames == 2U);
  BOOST_TEST(frames_of(*to, {}).size() == history.log().size());
  BOOST_REQUIRE(run());
  BOOST_TEST(times_set == 1U);
}

BOOST_AUTO_TEST_CASE(a_key_destroyed_since_an_earlier_try_is_destroyed_in_the_new_keyring) {
  BOOST_REQUIRE(new_keys.store(std::vector{key_named("destroyed")}));
  BOOST_REQUIRE(run());
  BOOST_TEST(!new_keys.find(key_named("destroyed").id));
  BOOST_TEST(new_keys.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_journal_that_has_gone_on_by_itself_is_not_written_to_and_keeps_its_keys) {
  BOOST_REQUIRE(run());
  auto other = history;
  other.claim();
  to->put({}, other.log().back().bytes);
  BOOST_REQUIRE(new_keys.store(std::vector{key_named("of a device that came later")}));
  const auto length = frames_of(*to, {}).size();
  const auto report = run();
  BOOST_REQUIRE(!report);
  BOOST_TEST((report.error().code == errc::conflict));
  BOOST_TEST(report.error().text.contains("shard 0"));
  BOOST_TEST(report.error().text.contains("goes on behind its end"));
  BOOST_TEST(frames_of(*to, {}).size() == length);
  BOOST_TEST(new_keys.size() == 3U);
  BOOST_TEST(times_set == 1U);
}

BOOST_AUTO_TEST_CASE(a_journal_that_others_wrote_is_not_written_to_and_the_message_says_what_to_do) {
  history_builder other;
  other.add(service_created_in(scope_a)).commit();
  other.add(enrolled(scope_a, "another")).commit();
  for (const auto& record : other.log()) to->put({}, record.bytes);
  const auto report = run();
  BOOST_REQUIRE(!report);
  BOOST_TEST((report.error().code == errc::conflict));
  BOOST_TEST(report.error().text.contains("written by others"));
  BOOST_TEST(report.error().text.contains("choose another kafka.topic_prefix"));
  BOOST_TEST(frames_of(*to, {}).size() == other.log().size());
  BOOST_TEST(times_set == 0U);
}

BOOST_AUTO_TEST_CASE(a_journal_that_was_made_for_another_history_is_refused) {
  for (const auto change : {0, 1, 2}) {
    auto other = identity;
    if (change == 0) other.id.bytes[0] ^= 1;
    if (change == 1) other.shards = 3;
    if (change == 2) other.master_key_fingerprint[0] ^= 1;
    to.emplace(other, false);
    const auto report = run();
    BOOST_REQUIRE(!report);
    BOOST_TEST((report.error().code == errc::conflict));
    BOOST_TEST(frames_of(*to, {}).empty());
  }
}

BOOST_AUTO_TEST_CASE(damage_in_the_old_journal_is_not_copied) {
  auto bytes = history.log()[900].bytes;
  bytes[bytes.size() / 2] ^= 1;
  from.emplace(identity);
  for (std::size_t i = 0; i < history.log().size(); ++i) from->put({}, i == 900 ? bytes : history.log()[i].bytes);
  const auto report = run();
  BOOST_REQUIRE(!report);
  BOOST_TEST((report.error().code == errc::corrupt));
  BOOST_TEST(report.error().text.find("the old journal, shard 0, offset 900") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
