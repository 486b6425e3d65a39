#include "engine/directory.hpp"
#include "engine/service_decisions.hpp"
#include "events/describe.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

/// A directory over 4 shards.
struct fixture {
  directory_state state;
  fake_entropy random;
  std::uint32_t shards = 4;

  directory_context context() { return {history_builder::start, random, shards, events::log_sequence(9)}; }

  decision fold(decision d) {
    BOOST_TEST(reads(d, "directory"));
    for (const auto& each : d.events) {
      BOOST_TEST(each.stream.text() == "directory");
      BOOST_TEST(each.version.value() == state.version.value() + 1);
      events::recorded_event e;
      e.meta.version = each.version;
      e.meta.type = events::type_of(each.data);
      e.data = each.data;
      evolve(state, e);
    }
    return d;
  }

  decision create(std::string_view name, std::string_view scope = "", std::vector<events::linked_hub> hubs = {}) {
    create_service c;
    c.name = named<events::service_name>(name);
    if (!scope.empty()) c.scope = named<events::id_scope>(scope);
    c.hubs = std::move(hubs);
    return fold(decide(state, c, context()));
  }
  const placement& placed(std::string_view name) const {
    const auto* found = state.find(named<events::service_name>(name));
    BOOST_TEST_REQUIRE(found != nullptr);
    return *found;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(directory, fixture)

BOOST_AUTO_TEST_CASE(a_service_is_placed_open_with_a_drawn_scope_and_a_first_hub) {
  create("demo");
  BOOST_TEST(placed("demo").open);
  BOOST_TEST(placed("demo").hubs.size() == 1U);
  BOOST_TEST(placed("demo").hubs.front().name.text() == "hub1");
  BOOST_TEST(state.find(placed("demo").scope) == &placed("demo"));
  create("other");
  BOOST_TEST((placed("demo").scope != placed("other").scope));
}

BOOST_AUTO_TEST_CASE(a_service_gets_the_scope_settings_and_hubs_that_were_asked_for) {
  create_service c{named<events::service_name>("demo"),
                   scope_b,
                   {events::allocation_policy::static_hub, true, 3},
                   {{named<events::hub_name>("far"), 7, false}}};
  fold(decide(state, c, context()));
  BOOST_TEST((placed("demo").scope == scope_b));
  BOOST_TEST((placed("demo").settings == c.settings));
  BOOST_TEST((placed("demo").hubs == c.hubs));
}

BOOST_AUTO_TEST_CASE(a_name_or_scope_that_is_taken_is_refused_in_any_spelling) {
  create("demo", "0ne0000000A");
  const auto same_name = create("DEMO");
  BOOST_TEST((rejection_of(same_name) == rejection_code::service_exists));
  BOOST_TEST(same_name.rejected->message == "Service 'DEMO' already exists.");
  const auto same_scope = create("other", "0ne0000000A");
  BOOST_TEST((rejection_of(same_scope) == rejection_code::service_exists));
  BOOST_TEST(same_scope.rejected->message == "ID scope '0ne0000000A' belongs to service 'demo'.");
  BOOST_TEST(state.placements.size() == 1U);
}

BOOST_AUTO_TEST_CASE(hubs_that_can_never_work_are_refused) {
  const auto d = create("demo", "", {{named<events::hub_name>("far"), 0, true}});
  BOOST_TEST((rejection_of(d) == rejection_code::invalid));
  BOOST_TEST(d.events.empty());
}

BOOST_AUTO_TEST_CASE(services_spread_over_the_shards) {
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < 12; ++i) {
    const auto name = "service-" + std::to_string(i);
    create(name);
    ++counts[placed(name).shard.value()];
  }
  BOOST_TEST(counts.size() == 4U);
  for (const auto& [shard, count] : counts) BOOST_TEST(count == 3, shard);
}

BOOST_AUTO_TEST_CASE(a_shard_that_lost_a_service_gets_the_next_one) {
  for (int i = 0; i < 4; ++i) create("service-" + std::to_string(i));
  const auto freed = placed("service-2").shard;
  fold(withdraw_placement(state, placed("service-2").scope, "its shard is full", context()));
  create("another");
  BOOST_TEST((placed("another").shard == freed));
}

BOOST_AUTO_TEST_CASE(a_confirmed_placement_is_closed_once) {
  create("demo");
  const auto scope = placed("demo").scope;
  BOOST_TEST(fold(confirm_placement(state, scope, context())).events.size() == 1U);
  BOOST_TEST(!placed("demo").open);
  BOOST_TEST(fold(confirm_placement(state, scope, context())).events.empty());
  BOOST_TEST(fold(confirm_placement(state, scope_b, context())).events.empty());
}

BOOST_AUTO_TEST_CASE(a_withdrawn_placement_frees_name_and_scope) {
  create("demo", "0ne0000000A");
  const auto d = fold(withdraw_placement(state, placed("demo").scope, "no key could be stored", context()));
  BOOST_TEST(the<events::placement_withdrawn>(d).reason == "no key could be stored");
  BOOST_TEST(state.placements.empty());
  BOOST_TEST(!create("demo", "0ne0000000A").rejected.has_value());
}

BOOST_AUTO_TEST_CASE(a_confirmed_placement_cannot_be_withdrawn) {
  create("demo");
  const auto scope = placed("demo").scope;
  fold(confirm_placement(state, scope, context()));
  BOOST_TEST(fold(withdraw_placement(state, scope, "late", context())).events.empty());
  BOOST_TEST(state.placements.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_scope_that_chance_repeats_is_drawn_again) {
  create("demo");
  fake_entropy same_again;
  const auto d = decide(state, create_service{named<events::service_name>("other"), {}, {}, {}},
                        {history_builder::start, same_again, 4, {}});
  BOOST_TEST((the<events::service_placed>(d).scope != placed("demo").scope));
}

BOOST_AUTO_TEST_CASE(chance_that_never_yields_a_free_scope_is_not_waited_for) {
  struct stuck final : entropy {
    std::string draw(std::size_t size) override { return std::string(size, '\0'); }
  } stuck;
  create("demo", "0ne00000000");
  const auto d = decide(state, create_service{named<events::service_name>("other"), {}, {}, {}},
                        {history_builder::start, stuck, 4, {}});
  BOOST_TEST((rejection_of(d) == rejection_code::unavailable));
}

BOOST_AUTO_TEST_CASE(a_resumed_placement_creates_its_service_and_is_confirmed) {
  create("demo");
  service_state service;
  const auto made = decide_creation(service, placed("demo"), {}, random);
  events::recorded_event e;
  e.meta.stream = made.events.front().stream;
  e.meta.version = made.events.front().version;
  e.data = made.events.front().data;
  evolve(service, e);
  BOOST_TEST(decide_creation(service, placed("demo"), {}, random).events.empty());
  fold(confirm_placement(state, service.scope, context()));
  BOOST_TEST(!placed("demo").open);
}

BOOST_AUTO_TEST_SUITE_END()
