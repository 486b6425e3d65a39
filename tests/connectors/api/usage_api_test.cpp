#include "engine/usage.hpp"
#include "tests/support/http_api_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using tests::contains;
using tests::error_of;

struct fixture : tests::http_api_fixture {
  fixture() {
    auto& used = catalog.rows->used;
    used.push_back({*engine::read_hour("2026-01-01T10"),
                    {events::log_sequence(3),
                     events::log_sequence(9),
                     {{"muster.device_registered.v1", 5, 5}, {"muster.registration_refused.v1", 2, 0}}},
                    engine::hour_end{events::log_sequence(10), {}}});
    used.push_back({*engine::read_hour("2026-01-02T10"),
                    {events::log_sequence(11), events::log_sequence(11), {{"muster.device_registered.v1", 1, 1}}},
                    {}});
    catalog.rows->folded.time = *engine::read_hour("2026-01-02T10");
  }

  connectors::http_response as_owner(const std::string& target) { return ask("GET", target, {token_of("owner")}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(usage_api, fixture)

BOOST_AUTO_TEST_CASE(usage_is_told_in_total_and_by_period) {
  const auto response = as_owner("/usage");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body ==
             R"({"operations":6,"events":8,"byType":{"muster.device_registered.v1":6},"by":"day","periods":[)"
             R"({"from":"2026-01-01T00:00:00.0000000Z","to":"2026-01-02T00:00:00.0000000Z","open":false,)"
             R"("operations":5,"events":7,"types":[{"type":"muster.device_registered.v1","events":5,"operations":5},)"
             R"({"type":"muster.registration_refused.v1","events":2,"operations":0}],"first":"0-3","last":"0-9",)"
             R"("end":{"sequence":"0-10",)"
             R"("head":"0000000000000000000000000000000000000000000000000000000000000000"}},)"
             R"({"from":"2026-01-02T00:00:00.0000000Z","to":"2026-01-03T00:00:00.0000000Z","open":true,)"
             R"("operations":1,"events":1,"types":[{"type":"muster.device_registered.v1","events":1,"operations":1}],)"
             R"("first":"0-11","last":"0-11"}]})");
  BOOST_TEST(ask("GET", "/operator/services/demo/usage", {{"authorization", bearer}}).body == response.body);
}

BOOST_AUTO_TEST_CASE(a_range_and_a_period_can_be_asked_for) {
  const auto body = as_owner("/usage?from=2026-01-02&to=2026-02&by=hour").body;
  BOOST_TEST(body.starts_with(R"({"operations":1,"events":1,)"));
  BOOST_TEST(
      contains(body, R"("by":"hour","from":"2026-01-02T00:00:00.0000000Z","to":"2026-02-01T00:00:00.0000000Z")"));
  BOOST_TEST(
      contains(body, R"("from":"2026-01-02T10:00:00.0000000Z","to":"2026-01-02T11:00:00.0000000Z","open":true)"));
}

BOOST_AUTO_TEST_CASE(a_wrong_range_is_refused_with_what_would_be_right) {
  BOOST_TEST(error_of(as_owner("/usage?from=yesterday")) ==
             "400 400004 from: expected a month (2026-11), a day (2026-11-21) or a full hour (2026-11-21T06), UTC, not "
             "'yesterday'.");
  BOOST_TEST(error_of(as_owner("/usage?to=2026-02-30")).starts_with("400 400004 to: expected a month"));
  BOOST_TEST(error_of(as_owner("/usage?from=2026-01-02&to=2026-01-02"))
                 .starts_with("400 400004 to: expected a time behind 'from'"));
  BOOST_TEST(error_of(as_owner("/usage?by=year")) == "400 400004 by: expected hour, day or month, not 'year'.");
}

BOOST_AUTO_TEST_CASE(usage_needs_service_config) {
  BOOST_TEST(error_of(ask("GET", "/usage", {token_of("reader")})).starts_with("40"));
  BOOST_TEST(ask("GET", "/usage", {{"authorization", bearer}}).status == 200);
  BOOST_TEST(ask("GET", "/usage", {}).status == 401);
  BOOST_TEST(ask("GET", "/operator/services/demo/usage", {token_of("owner")}).status == 401);
  catalog.open = false;
  BOOST_TEST(as_owner("/usage").status == 503);
}

BOOST_AUTO_TEST_CASE(a_recount_is_the_work_of_maintenance) {
  const auto recount = [&] {
    return ask("POST", "/operator/services/demo/usage/recount", {{"authorization", bearer}});
  };
  BOOST_TEST(recount().body == R"({"shard":0,"scope":"0ne00000001"})");
  BOOST_TEST(ask("POST", "/operator/services/demo/usage/recount", {token_of("owner")}).status == 401);
  worker_full = true;
  BOOST_TEST(recount().status == 429);
}

BOOST_AUTO_TEST_SUITE_END()
