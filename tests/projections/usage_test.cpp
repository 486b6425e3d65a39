#include "connectors/api/event_selection.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "engine/history.hpp"
#include "engine/recount.hpp"
#include "engine/usage_publisher.hpp"
#include "engine/verification.hpp"
#include "events/cloud_event.hpp"
#include "tests/projections/projection_fixture.hpp"
#include "tests/support/one_service.hpp"

/// Counters against the log, over histories that chance made.
namespace muster::tests {

namespace {

using namespace std::chrono_literals;
using ids = std::vector<std::string>;

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

std::string id_of(const engine::history_entry& entry) {
  return entry.usage ? events::id_of(*entry.usage, shard) : connectors::place_text(shard, entry.meta.sequence);
}

/// The ids in the feed of `scope_a`, from what a reader of the frames would say: before the first event after an hour's
/// end, the usage of that hour if it had operations.
ids feed_by_hand(const history_builder& history) {
  ids feed;
  std::optional<events::log_hour> hour;
  events::log_sequence at_the_end;
  bool operations = false;
  for (const auto& frame : history.frames()) {
    const auto now = events::hour_of(frame.after.time);
    if (hour && now != *hour && std::exchange(operations, false))
      feed.push_back("0-" + std::to_string(at_the_end.value()) + "-" + events::to_hour_text(*hour));
    hour = now;
    at_the_end = frame.after.sequence;
    for (const auto& e : frame.events) {
      if (e.meta.stream.scope() != scope_a.text()) continue;
      feed.push_back("0-" + std::to_string(e.meta.sequence.value()));
      operations = operations || e.meta.operation;
    }
  }
  return feed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(usage_of_histories)

BOOST_AUTO_TEST_CASE(the_feed_reports_each_hour_before_the_first_event_after_it_wherever_pages_end) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const auto history = make_eventful_history(seed, 5 + seed % 60);
    memory_store kind;
    const auto view = fold_with_crashes(*kind.store, seed, history);
    journal_of kept(history);
    connectors::memory_keyring keyring{engine::data_key(std::string(32, 'm'))};
    one_service services(view);
    engine::history past(kept.journal, keyring, services);
    engine::event_filter filter;
    filter.usage = true;
    std::mt19937 dice(seed);
    ids seen;
    for (std::string after;;) {
      const auto place = connectors::read_place(after, shard);
      BOOST_TEST_REQUIRE(place.has_value(), after);
      const auto page = past.of_service(scope_a, *place, 1 + dice() % 6, false, filter);
      BOOST_TEST_REQUIRE(page.has_value(), (page ? "" : page.error().text));
      for (const auto& entry : page->entries) seen.push_back(id_of(entry));
      after = connectors::place_text(shard, page->next);
      if (!page->more) break;
    }
    BOOST_TEST_REQUIRE((seen == feed_by_hand(history)), "seed " << seed);
  }
}

BOOST_AUTO_TEST_CASE(a_report_says_what_the_hour_had_and_comes_once_it_has_ended) {
  history_builder history;
  history.add(registered(scope_a, "dev-1")).add(registered(scope_b, "dev-1")).add(refused_as_unknown(scope_a, "x"));
  history.commit();
  const auto at_the_end = history.position();
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  apply_in_calls(*view, history.frames(), 2);
  const auto behind = [&](const engine::feed_place& after) {
    return engine::usage_between(*view, scope_a, after, after.sequence.next()).value();
  };
  BOOST_TEST(behind(events::log_sequence(3)).empty());  // the hour is open

  history.take_frames();
  history.advance(1h).commit();
  BOOST_TEST_REQUIRE(view->apply(history.frames()).has_value());
  const auto reports = behind(events::log_sequence(3));
  BOOST_TEST_REQUIRE(reports.size() == 1U);
  const auto& report = reports.front();
  BOOST_TEST((report.from == history_builder::start));
  BOOST_TEST((report.to == history_builder::start + 1h));
  BOOST_TEST(report.operations == 1U);
  BOOST_TEST((report.types == std::vector<events::type_count>{{"muster.device_registered.v1", 1, 1},
                                                              {"muster.registration_refused.v1", 1, 0}}));
  BOOST_TEST(report.first.value() == 1U);
  BOOST_TEST(report.last.value() == 3U);
  BOOST_TEST(report.sequence.value() == 3U);
  BOOST_TEST(report.head == events::to_hex(events::as_bytes(at_the_end.head)));
  BOOST_TEST(events::id_of(report, shard) == "0-3-2026-01-01T00");
  BOOST_TEST(behind(engine::place_of(report)).empty());
  BOOST_TEST(behind(*connectors::read_place("0-3-2026-01-01T00", shard)).empty());
}

BOOST_AUTO_TEST_CASE(an_hour_without_operations_is_not_reported) {
  history_builder history;
  history.add(service_created_in(scope_a)).add(service_created_in(scope_b, "other"));
  history.add(refused_as_unknown(scope_a, "x")).commit();
  history.advance(1h).add(registered(scope_b, "dev-1")).commit();
  history.advance(1h).commit();
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  apply_in_calls(*view, history.frames(), 9);
  BOOST_TEST(engine::usage_between(*view, scope_a, {}, events::log_sequence(99))->empty());
  BOOST_TEST(engine::usage_between(*view, scope_b, {}, events::log_sequence(99))->size() == 1U);
  BOOST_TEST(engine::usage_between(*view, {}, events::log_sequence(99))->size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_reports_of_a_shard_are_those_of_its_services_in_order) {
  const auto history = make_eventful_history(3, 200);
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  apply_in_calls(*view, history.frames(), 9);
  const events::log_sequence end(history.position().sequence.next());
  const auto all = engine::usage_between(*view, {}, end).value();
  std::map<std::string, std::size_t> count;
  engine::feed_place before;
  for (const auto& each : all) {
    BOOST_TEST((engine::place_of(each.report) >= before));
    before = engine::place_of(each.report);
    ++count[each.scope.text()];
  }
  for (const auto& scope : {scope_a, scope_b})
    BOOST_TEST(engine::usage_between(*view, scope, {}, end)->size() == count[scope.text()]);
  BOOST_TEST_REQUIRE(all.size() > 20U);
  const auto behind = engine::usage_between(*view, engine::place_of(all[10].report), end).value();
  BOOST_TEST((engine::place_of(behind.front().report) > engine::place_of(all[10].report)));
  BOOST_TEST(behind.size() >= all.size() - 12);
  BOOST_TEST(engine::usage_between(*view, before, end)->empty());
}

BOOST_AUTO_TEST_CASE(a_publisher_hands_each_report_on_in_order_and_none_is_skipped) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto history = make_eventful_history(seed, 80);
    memory_store kind;
    const auto view = kind.store->open(shard).value();
    one_service services(view);
    std::mt19937 dice(seed);
    std::map<std::string, ids> taken;  // by scope, repetitions dropped
    const auto take = [&](events::shard_id, const engine::shard_usage& usage) {
      if (dice() % 4 == 0) return false;  // the world outside is away
      auto& of_scope = taken[usage.scope.text()];
      const auto id = events::id_of(usage.report, shard);
      if (std::ranges::find(of_scope, id) == of_scope.end()) of_scope.push_back(id);
      return true;
    };
    auto publisher = std::make_unique<engine::usage_publisher>(services, 1, "test", take);
    std::span<const engine::folded_frame> rest = history.frames();
    while (!rest.empty()) {
      const auto now = rest.first(std::min<std::size_t>(1 + dice() % 9, rest.size()));
      BOOST_TEST_REQUIRE(view->apply(now).has_value());
      rest = rest.subspan(now.size());
      BOOST_TEST_REQUIRE(publisher->step().has_value());
      if (dice() % 5 == 0) publisher = std::make_unique<engine::usage_publisher>(services, 1, "test", take);
    }
    for (int i = 0; i < 2000; ++i) BOOST_TEST_REQUIRE(publisher->step().has_value());
    for (const auto& scope : {scope_a, scope_b}) {
      const auto all = engine::usage_between(*view, scope, {}, history.position().sequence.next()).value();
      ids expected;
      for (const auto& each : all) expected.push_back(events::id_of(each, shard));
      BOOST_TEST_REQUIRE((taken[scope.text()] == expected), "seed " << seed);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_shard_knows_whether_its_open_hour_has_operations) {
  history_builder history;
  memory_store kind;
  const auto view = kind.store->open(shard).value();
  const auto fold = [&] {
    BOOST_TEST_REQUIRE(view->apply(history.take_frames()).has_value());
    return engine::has_operations_now(*view).value();
  };
  history.add(service_created_in(scope_a)).add(refused_as_unknown(scope_a, "x")).commit();
  BOOST_TEST(!fold());
  history.add(registered(scope_a, "dev-1")).commit();
  BOOST_TEST(fold());
  history.advance(1h).commit();
  BOOST_TEST(!fold());
}

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

BOOST_AUTO_TEST_CASE(a_recount_of_a_stopped_node_finds_the_service_by_name_or_scope) {
  history_builder history;
  history.add(service_created_in(scope_a)).add(registered(scope_a, "dev-1")).commit();
  journal_of kept(history);
  disk_store kind;
  apply_in_calls(*kind.store->open(shard).value(), history.frames(), 1);
  for (const auto* name : {"demo", "0ne00000001"}) {
    const auto recount = engine::recount_usage(kept.journal, *kind.store, name);
    BOOST_TEST_REQUIRE(recount.has_value(), (recount ? "" : recount.error().text));
    BOOST_TEST(recount->events == 2U);
    BOOST_TEST(recount->different_hours == 0U);
  }
  BOOST_TEST((engine::recount_usage(kept.journal, *kind.store, "nobody").error().code == engine::errc::not_found));
}

BOOST_AUTO_TEST_CASE(a_recount_of_a_stopped_node_makes_no_projections_where_there_are_none) {
  history_builder history;
  history.add(service_created_in(scope_a)).commit();
  journal_of kept(history);
  const temporary_directory directory;
  const auto store = std::move(projections::make_projection_store({.directory = directory / "projections"}).value());
  const auto recount = engine::recount_usage(kept.journal, *store, "demo");
  BOOST_TEST_REQUIRE(!recount.has_value());
  BOOST_TEST((recount.error().code == engine::errc::unavailable));
  BOOST_TEST(recount.error().text.find("run 'muster rebuild'") != std::string::npos);
  BOOST_TEST(!std::filesystem::exists(directory / "projections"));
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
