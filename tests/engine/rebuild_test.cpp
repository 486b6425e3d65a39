#include "connectors/storage/memory_journal.hpp"
#include "engine/rebuild.hpp"
#include "projections/memory_projection.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

/// Three shards with some events each.
struct fixture {
  std::unique_ptr<connectors::memory_journal> journal;
  std::unique_ptr<projection_store> store = projections::make_memory_projection_store();

  fixture() {
    for (std::uint32_t i = 0; i < 3; ++i) {
      history_builder history{events::shard_id(i)};
      history.add(service_created_in(scope_a)).add(enrolled(scope_a, "dev-1")).commit();
      if (!journal) journal = std::make_unique<connectors::memory_journal>(journal_identity{history.journal(), 3, {}});
      for (const auto& record : history.log()) journal->put(events::shard_id(i), record.bytes);
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(a_rebuild_without_a_node, fixture)

BOOST_AUTO_TEST_CASE(makes_the_read_models_of_every_shard) {
  const auto report = rebuild_all(*journal, *store);
  BOOST_TEST(report.failed.empty());
  BOOST_TEST(report.events == 6U);
  for (std::uint32_t i = 0; i < 3; ++i)
    BOOST_TEST(store->open(events::shard_id(i)).value()->position().sequence.value() == 2U);
  BOOST_TEST(to_json(report) == R"({"events":6,"failed":[]})");
}

BOOST_AUTO_TEST_CASE(goes_on_behind_a_damaged_shard_and_reports_it) {
  journal->damage(events::shard_id(1), events::log_offset(1));
  const auto report = rebuild_all(*journal, *store);
  BOOST_TEST_REQUIRE(report.failed.size() == 1U);
  BOOST_TEST((report.failed[0].first == events::shard_id(1)));
  BOOST_TEST((report.failed[0].second.code == errc::corrupt));
  BOOST_TEST(report.events == 4U);
  BOOST_TEST(store->open(events::shard_id(2)).value()->position().sequence.value() == 2U);
  BOOST_TEST(to_json(report).starts_with(R"({"events":4,"failed":[{"shard":1,"error":")"));
}

BOOST_AUTO_TEST_SUITE_END()
