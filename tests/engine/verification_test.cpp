#include "connectors/storage/memory_journal.hpp"
#include "engine/verification.hpp"
#include "projections/memory_projection.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

/// A journal with a claim (offset 0), a service with an enrollment (1) and a registration (2), and no projections yet.
struct fixture {
  history_builder history;
  std::unique_ptr<connectors::memory_journal> journal;
  std::unique_ptr<projection_store> store = projections::make_memory_projection_store();

  fixture() {
    history.add(service_created_in(scope_a)).add(enrolled(scope_a, "dev-1")).commit();
    history.add(registered(scope_a, "dev-1")).commit();
    journal_identity identity;
    identity.id = history.journal();
    identity.shards = 1;
    journal = std::make_unique<connectors::memory_journal>(identity);
    for (const auto& record : history.log()) journal->put({}, record.bytes);
  }

  std::shared_ptr<shard_projection> fold(std::size_t frames) {
    auto projection = store->open({}).value();
    BOOST_TEST_REQUIRE(projection->apply(std::span(history.frames()).first(frames)).has_value());
    return projection;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(a_verification, fixture)

BOOST_AUTO_TEST_CASE(finds_nothing_wrong_with_projections_that_hold_what_the_log_leads_to) {
  const auto projection = fold(3);
  const auto report = verify_shard(*journal, *store, {}, projection.get(), {}).value();
  BOOST_TEST(report.wrong == "");
  BOOST_TEST(report.frames == 3U);
  BOOST_TEST(report.events == 3U);
  BOOST_TEST(report.behind == 0U);
  BOOST_TEST(report.rows > 0U);
}

BOOST_AUTO_TEST_CASE(goes_on_to_the_end_of_the_log_behind_the_projections) {
  const auto projection = fold(2);
  const auto report = verify_shard(*journal, *store, {}, projection.get(), {}).value();
  BOOST_TEST(report.wrong == "");
  BOOST_TEST(report.events == 3U);
  BOOST_TEST(report.behind == 1U);
}

BOOST_AUTO_TEST_CASE(finds_damage_that_the_projections_have_not_reached) {
  const auto projection = fold(2);
  journal->damage({}, events::log_offset(2));
  const auto report = verify_shard(*journal, *store, {}, projection.get(), {}).value();
  BOOST_TEST(report.wrong != "");
}

BOOST_AUTO_TEST_CASE(finds_damage_where_there_are_no_projections_and_makes_none) {
  BOOST_TEST(verify_all(*journal, *store).value().front().wrong == "");
  journal->damage({}, events::log_offset(1));
  BOOST_TEST(verify_all(*journal, *store).value().front().wrong != "");
  BOOST_TEST(store->open_existing({}).value() == nullptr);
}

BOOST_AUTO_TEST_CASE(finds_rows_that_the_log_does_not_lead_to) {
  const auto projection = fold(2);
  history_builder other;
  other.add(service_created_in(scope_a)).add(enrolled(scope_a, "dev-2")).commit();
  auto frames = other.frames();
  frames.back().after = history.frames()[1].after;
  const auto wrong = store->begin_generation({}).value();
  BOOST_TEST_REQUIRE(wrong->apply(frames).has_value());
  const auto report = verify_shard(*journal, *store, {}, wrong.get(), {}).value();
  BOOST_TEST(report.wrong.find("muster rebuild") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(ends_when_it_is_asked_to) {
  std::stop_source stop;
  stop.request_stop();
  const auto projection = fold(3);
  BOOST_TEST((verify_shard(*journal, *store, {}, projection.get(), stop.get_token()).error().code == errc::cancelled));
}

BOOST_AUTO_TEST_SUITE_END()
