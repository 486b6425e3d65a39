#include "engine/limits.hpp"
#include "tests/support/fake_catalog.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace std::chrono_literals;
using tests::scope_a;

namespace {

events::log_hour at(const char* text) {
  const auto hour = read_hour(text);
  BOOST_TEST_REQUIRE(hour.has_value());
  return *hour;
}

struct fixture {
  tests::fake_shard_view view;

  void use(const char* hour, std::uint64_t first, std::uint64_t last, std::uint64_t events, bool ended = true) {
    usage_hour used{at(hour), {events::log_sequence(first), events::log_sequence(last), {}}, {}};
    used.counts.types = {{"muster.device_registered.v1", events, events}, {"muster.registration_refused.v1", 1, 0}};
    if (ended) used.end = hour_end{events::log_sequence(last + 1), {}};
    view.used.push_back(std::move(used));
    view.folded.time = at(hour);
  }

  usage_report report(const usage_query& query) { return report_usage(view, scope_a, query).value(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(usage, fixture)

BOOST_AUTO_TEST_CASE(a_counter_goes_on_from_what_was_counted) {
  tests::history_builder history;
  history.add(tests::registered(scope_a, "dev-1")).add(tests::refused_as_unknown(scope_a, "x")).commit();
  history.add(tests::registered(scope_a, "dev-1")).commit();
  usage_counter counter;
  for (const auto& frame : history.frames()) {
    if (const auto so_far = counter.counts(); !so_far.types.empty()) counter = usage_counter::from(so_far).value();
    for (const auto& e : frame.events) counter.add(e);
  }
  const usage_counts all{events::log_sequence(1),
                         events::log_sequence(3),
                         {{"muster.device_registered.v1", 2, 2}, {"muster.registration_refused.v1", 1, 0}}};
  BOOST_TEST((counter.counts() == all));
  BOOST_TEST(operations_of(all) == 2U);
  BOOST_TEST((usage_counter::from({{}, {}, {{"muster.nonsense.v1", 1, 1}}}).error().code == errc::corrupt));
}

BOOST_AUTO_TEST_CASE(days_and_months_are_sums_of_hours) {
  use("2026-01-31T22", 1, 9, 5);
  use("2026-01-31T23", 11, 12, 1);
  use("2026-02-01T00", 14, 20, 3);
  view.folded.time = at("2026-02-02");

  const auto hours = report({{}, {}, usage_period::hour});
  BOOST_TEST(hours.lines.size() == 3U);
  BOOST_TEST(hours.total.operations == 9U);
  BOOST_TEST(hours.total.events == 12U);
  BOOST_TEST(hours.total.types.at("muster.registration_refused.v1").events == 3U);

  const auto days = report({{}, {}, usage_period::day});
  BOOST_TEST_REQUIRE(days.lines.size() == 2U);
  BOOST_TEST((days.lines[0].from == at("2026-01-31")));
  BOOST_TEST((days.lines[0].to == at("2026-02-01")));
  BOOST_TEST(days.lines[0].sum.operations == 6U);
  BOOST_TEST(days.lines[0].first.value() == 1U);
  BOOST_TEST(days.lines[0].last.value() == 12U);
  BOOST_TEST(days.lines[0].end->sequence.value() == 13U);
  BOOST_TEST(days.lines[1].sum.operations == 3U);

  const auto months = report({{}, {}, usage_period::month});
  BOOST_TEST_REQUIRE(months.lines.size() == 2U);
  BOOST_TEST((months.lines[1].from == at("2026-02")));
  BOOST_TEST((months.lines[1].to == at("2026-03")));
  BOOST_TEST(months.total.operations == 9U);
}

BOOST_AUTO_TEST_CASE(a_line_is_open_until_its_last_hour_has_ended) {
  use("2026-01-31T22", 1, 9, 5);
  use("2026-01-31T23", 11, 12, 1, false);
  const auto hours = report({{}, {}, usage_period::hour});
  BOOST_TEST(!hours.lines[0].open);
  BOOST_TEST(hours.lines[1].open);
  BOOST_TEST(!hours.lines[1].end.has_value());
  BOOST_TEST(report({{}, {}, usage_period::day}).lines[0].open);
  BOOST_TEST(!report({{}, at("2026-01-31T23"), usage_period::day}).lines[0].open);
  view.folded.time = at("2026-02-01");
  BOOST_TEST(!report({{}, {}, usage_period::day}).lines[0].open);
  BOOST_TEST(report({{}, {}, usage_period::month}).lines.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_question_cuts_what_it_does_not_reach) {
  use("2026-01-31T22", 1, 9, 5);
  use("2026-01-31T23", 11, 12, 1);
  use("2026-02-01T00", 14, 20, 3);
  const auto cut = report({at("2026-01-31T23"), at("2026-02-15"), usage_period::month});
  BOOST_TEST_REQUIRE(cut.lines.size() == 2U);
  BOOST_TEST((cut.lines[0].from == at("2026-01-31T23")));
  BOOST_TEST((cut.lines[0].to == at("2026-02-01")));
  BOOST_TEST(cut.lines[0].sum.operations == 1U);
  BOOST_TEST((cut.lines[1].to == at("2026-02-15")));
  BOOST_TEST(cut.total.operations == 4U);
  BOOST_TEST(report({at("2026-03"), {}, usage_period::day}).lines.empty());
}

BOOST_AUTO_TEST_CASE(an_answer_is_bounded_by_its_lines_not_by_its_hours) {
  for (std::size_t i = 0; i <= limits::usage_lines_max; ++i) {
    view.used.push_back(
        {at("2026-01-01") + std::chrono::hours(i), {{}, {}, {{"muster.device_registered.v1", 1, 1}}}, {}});
  }
  BOOST_TEST((report_usage(view, scope_a, {{}, {}, usage_period::hour}).error().code == errc::invalid));
  BOOST_TEST(report({{}, {}, usage_period::day}).total.operations == limits::usage_lines_max + 1);
  BOOST_TEST(report({at("2026-01-01T01"), {}, usage_period::hour}).lines.size() == limits::usage_lines_max);
}

BOOST_AUTO_TEST_CASE(hours_are_read_as_people_write_them) {
  BOOST_TEST((at("2026-11") == at("2026-11-01")));
  BOOST_TEST((at("2026-11-21T06") == at("2026-11-21") + 6h));
  BOOST_TEST((at("2026-11-21T06:00:00Z") == at("2026-11-21T06")));
  BOOST_TEST(events::to_hour_text(at("2026-11-21T06")) == "2026-11-21T06");
  for (const auto* wrong : {"", "2026", "2026-13", "2026-02-30", "2026-11-21T24", "2026-11-21T06:30:00Z", "yesterday",
                            "2026-11-21T06:00:00+01:00", "2026-1-1", "-026-11", "26-11-2026"}) {
    BOOST_TEST(!read_hour(wrong).has_value(), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()
