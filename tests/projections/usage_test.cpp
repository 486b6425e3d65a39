#include "connectors/memory_journal.hpp"
#include "engine/recount.hpp"
#include "engine/verification.hpp"
#include "tests/projections/projection_fixture.hpp"

/// Counters against the log, over histories that chance made.
namespace muster::tests {

namespace {

using namespace std::chrono_literals;

/// By scope, hour and type: events and operations.
using naive_count = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;

naive_count counted_by_hand(const history_builder& history) {
  naive_count count;
  for (const auto& frame : history.frames()) {
    for (const auto& e : frame.events) {
      auto& [events, operations] = count[std::string(e.meta.stream.scope()) + " " +
                                         events::to_iso8601(e.meta.time).substr(0, 13) + " " + e.meta.type];
      ++events;
      if (e.meta.operation) ++operations;
    }
  }
  return count;
}

naive_count counters_of(engine::shard_view& view) {
  naive_count count;
  for (const auto& scope : {scope_a, scope_b}) {
    const auto hours = view.usage(scope, {}, events::hours_end, 100'000).value();
    for (const auto& hour : hours) {
      for (const auto& type : hour.counts.types) {
        count[scope.text() + " " + events::to_hour_text(hour.hour) + " " + type.type] = {type.events, type.operations};
      }
    }
  }
  return count;
}

/// A journal that holds `history`.
struct journal_of {
  explicit journal_of(const history_builder& history) : journal(identity_of(history)) {
    for (const auto& record : history.log()) journal.put({}, record.bytes);
  }
  static engine::journal_identity identity_of(const history_builder& history) {
    engine::journal_identity identity;
    identity.id = history.journal();
    identity.shards = 1;
    return identity;
  }
  connectors::memory_journal journal;
};

std::string wrong_with(engine::journal& journal, engine::shard_view& view, const events::id_scope& scope) {
  const auto recount = engine::recount_usage(journal, view, shard, scope);
  BOOST_TEST_REQUIRE(recount.has_value(), (recount ? "" : recount.error().text));
  BOOST_TEST((recount->different_hours == 0) == recount->differences.empty());
  return recount->differences.empty() ? std::string() : recount->differences.front();
}

/// Folds `history` as a node does that crashes and starts anew in between: in calls of any size, sometimes through a
/// fold that knows nothing of the calls before, sometimes from the start into another generation.
std::shared_ptr<engine::shard_projection> fold_with_crashes(engine::projection_store& store, unsigned seed,
                                                            const history_builder& history) {
  std::mt19937 dice(seed);
  auto view = store.open(shard).value();
  std::span<const engine::folded_frame> rest = history.frames();
  while (!rest.empty()) {
    const auto now = rest.first(std::min<std::size_t>(1 + dice() % 9, rest.size()));
    BOOST_TEST_REQUIRE(view->apply(now).has_value());
    rest = rest.subspan(now.size());
    if (dice() % 4 == 0) {
      view.reset();
      view = store.open(shard).value();
    } else if (dice() % 16 == 0) {
      auto anew = store.begin_generation(shard).value();
      const auto done = history.frames().size() - rest.size();
      apply_in_calls(*anew, std::span(history.frames()).first(done), 1 + dice() % 50);
      BOOST_TEST_REQUIRE(store.switch_generation(shard).has_value());
      view = std::move(anew);
    }
  }
  return view;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(usage_of_histories)

BOOST_AUTO_TEST_CASE(counters_a_recount_and_a_naive_count_agree_on_a_thousand_histories) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    const auto history = make_eventful_history(seed, 5 + seed % 40);
    memory_store kind;
    const auto view = fold_with_crashes(*kind.store, seed, history);
    BOOST_TEST_REQUIRE((counters_of(*view) == counted_by_hand(history)), "seed " << seed);
    journal_of kept(history);
    for (const auto& scope : {scope_a, scope_b})
      BOOST_TEST_REQUIRE(wrong_with(kept.journal, *view, scope) == "", "seed " << seed);
    const auto anew = kind.store->begin_generation(shard).value();
    apply_in_calls(*anew, history.frames(), 1 + seed % 30);
    BOOST_TEST_REQUIRE(same_rows(kind.store->fingerprint_of(*anew).value(), kind.store->fingerprint_of(*view).value()),
                       "seed " << seed);
  }
}

BOOST_AUTO_TEST_CASE(so_they_do_on_disk) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const auto history = make_eventful_history(seed, 60);
    disk_store kind;
    const auto view = fold_with_crashes(*kind.store, seed, history);
    BOOST_TEST_REQUIRE((counters_of(*view) == counted_by_hand(history)), "seed " << seed);
    journal_of kept(history);
    for (const auto& scope : {scope_a, scope_b})
      BOOST_TEST_REQUIRE(wrong_with(kept.journal, *view, scope) == "", "seed " << seed);
  }
}

BOOST_AUTO_TEST_CASE(a_recount_says_where_counters_differ) {
  history_builder history;
  history.add(registered(scope_a, "dev-1")).commit();
  history.advance(1h).add(registered(scope_a, "dev-1")).add(refused_as_unknown(scope_a, "x")).commit();
  history.advance(1h).add(registered(scope_a, "dev-1")).commit();
  journal_of kept(history);

  // These rows come from a history with an event less in its second hour.
  history_builder other;
  other.add(registered(scope_a, "dev-1")).commit();
  other.advance(1h).add(registered(scope_a, "dev-1")).add(registered(scope_a, "dev-1")).commit();
  other.advance(1h).add(registered(scope_a, "dev-1")).commit();
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  apply_in_calls(*view, other.frames(), 2);

  const auto recount = engine::recount_usage(kept.journal, *view, shard, scope_a).value();
  BOOST_TEST(recount.hours == 3U);
  BOOST_TEST(recount.events == 4U);
  BOOST_TEST(recount.operations == 3U);
  BOOST_TEST(recount.different_hours == 1U);
  BOOST_TEST_REQUIRE(recount.differences.size() == 1U);
  BOOST_TEST(recount.differences[0].starts_with(
      "0ne00000001, hour 2026-01-01T01: muster.device_registered.v1: the log has 1 events, 1 operations, the counters "
      "say 2 events, 2 operations; muster.registration_refused.v1: the log has 1 events, 0 operations, the counters "
      "say none; end of the hour: the log has sequence 3, head "));
  BOOST_TEST(engine::to_json(recount).starts_with(
      R"({"ok":false,"hours":3,"events":4,"operations":3,"differentHours":1,"differences":["0ne00000001, hour )"));
  BOOST_TEST(wrong_with(kept.journal, *view, scope_b) == "");
}

BOOST_AUTO_TEST_CASE(a_recount_finds_hours_that_only_one_side_has) {
  history_builder history;
  history.add(registered(scope_a, "dev-1")).commit();
  history.advance(2h).add(registered(scope_a, "dev-1")).commit();
  history_builder other;
  other.add(registered(scope_a, "dev-1")).commit();
  other.advance(1h).add(registered(scope_a, "dev-1")).commit();
  journal_of kept(history);
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  apply_in_calls(*view, other.frames(), 2);
  const auto recount = engine::recount_usage(kept.journal, *view, shard, scope_a).value();
  BOOST_TEST_REQUIRE(recount.differences.size() == 2U);
  BOOST_TEST(recount.differences[0].find("hour 2026-01-01T01") != std::string::npos);
  BOOST_TEST(recount.differences[0].find("the log has none") != std::string::npos);
  BOOST_TEST(recount.differences[1].find("hour 2026-01-01T02") != std::string::npos);
  BOOST_TEST(recount.differences[1].find("the counters say none") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_verification_counts_usage_too) {
  const auto history = make_eventful_history(7, 100);
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  apply_in_calls(*view, history.frames(), 7);
  journal_of kept(history);
  const auto report = engine::verify_shard(kept.journal, *kind.store, shard, view.get(), {});
  BOOST_TEST_REQUIRE(report.has_value());
  BOOST_TEST(report->wrong == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
