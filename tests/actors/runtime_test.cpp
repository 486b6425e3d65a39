#include "actors/runtime.hpp"
#include "actors/shard_host.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "engine/sealing.hpp"
#include "projections/memory_projection.hpp"
#include "tests/support/domain.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_entropy.hpp"

#include <boost/test/unit_test.hpp>

#include <future>
#include <thread>

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::rejection_code;

struct quiet_log final : engine::log {
  void write(engine::log_level, std::string_view, std::initializer_list<field>) override {}
};

/// Gives the answer to a waiting test; a dropped one breaks the promise.
struct promised_reply final : engine::reply {
  std::promise<engine::answer> promise;
  std::atomic<bool> given{false};
  void deliver(engine::answer a) override {
    if (!given.exchange(true)) promise.set_value(std::move(a));
  }
};

/// A node with its threads over memory.
struct fixture {
  tests::fake_clock clock;
  tests::fake_entropy entropy;
  engine::telemetry telemetry;
  quiet_log log;
  connectors::memory_keyring keyring{engine::data_key(std::string(32, 'm'))};
  connectors::memory_journal journal{{{{7}}, 2, keyring.master_key_fingerprint()}};
  std::unique_ptr<engine::projection_store> projections = projections::make_memory_projection_store();
  actors::scope_catalog catalog{2};
  engine::history history{journal, keyring, catalog};
  std::unique_ptr<actors::shard_host> host;
  std::unique_ptr<actors::actor_runtime> runtime;
  actors::runtime_options options;

  fixture() {
    make_host();
    options.spending.refusals_per_minute_scope = 1;
  }
  void make_host() {
    host = std::make_unique<actors::shard_host>(
        actors::shard_host_options{"node-a", 1, 60s},
        actors::shard_host_dependencies{journal, keyring, *projections, clock, entropy, telemetry, log, catalog});
  }
  ~fixture() {
    if (runtime) runtime->stop(0ms);
    host->stop(1s);
  }

  void start() {
    host->start();
    BOOST_TEST_REQUIRE(host->wait_until_settled(10s));
    start_runtime();
  }
  void start_runtime() {
    runtime = std::make_unique<actors::actor_runtime>(
        options, actors::actor_dependencies{catalog, *host, keyring, history, clock, entropy, telemetry, log, 2});
  }

  std::future<engine::answer> submit(engine::command c) {
    auto reply = std::make_shared<promised_reply>();
    auto answer = reply->promise.get_future();
    runtime->submit(std::move(c), {"test", "01234567-89ab-cdef-0123-456789abcdef", {}, {}}, std::move(reply));
    return answer;
  }
  static engine::answer wait(std::future<engine::answer> answer) {
    BOOST_TEST_REQUIRE((answer.wait_for(10s) == std::future_status::ready));
    return answer.get();
  }
  static bool rejected_as(const engine::answer& a, rejection_code code) {
    const auto* r = std::get_if<engine::rejection>(&a);
    return r != nullptr && r->code == code;
  }

  events::id_scope make_service() {
    const auto made = wait(submit(engine::create_service{tests::named<events::service_name>("demo"), {}, {}, {}}));
    BOOST_TEST_REQUIRE(std::holds_alternative<engine::service_answer>(made));
    return std::get<engine::service_answer>(made).snapshot->service.scope;
  }
  engine::opened_keys make_group(const events::id_scope& scope) {
    engine::put_group c;
    c.scope = scope;
    c.group.id = tests::named<events::group_id>("fleet");
    return *std::get<engine::group_answer>(wait(submit(c))).keys;
  }
  engine::register_device registration(const events::id_scope& scope, const std::string& id,
                                       std::string_view key) const {
    const auto token = tests::sign(key, scope.text() + "%2Fregistrations%2F" + id, clock.now() + 1h);
    return {scope, {tests::named<events::registration_id>(id), token, "https", "2021-06-01", "192.0.2.1"}, {}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(the_actor_runtime, fixture)

BOOST_AUTO_TEST_CASE(takes_a_command_to_its_actor_and_the_answer_back) {
  start();
  const auto scope = make_service();
  const auto keys = make_group(scope);
  const auto a = wait(submit(registration(scope, "truck-7", engine::derive_device_keys(keys, "truck-7").primary)));
  BOOST_TEST_REQUIRE(std::holds_alternative<engine::registration_answer>(a));
  BOOST_TEST(std::get<engine::registration_answer>(a).record.hub->text() == "hub1");
}

BOOST_AUTO_TEST_CASE(ends_an_hour_with_operations_though_nothing_happens_any_more) {
  start();
  const auto scope = make_service();
  make_group(scope);
  const auto shard = catalog.find(scope).value->shard;
  const auto hour = [&] { return catalog.view(shard)->usage(scope, {}, events::hours_end, 1)->front(); };
  BOOST_TEST(!hour().end.has_value());
  clock.advance(1h);
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!hour().end && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  BOOST_TEST_REQUIRE(hour().end.has_value());
  BOOST_TEST((hour().end->sequence == hour().counts.last));
}

BOOST_AUTO_TEST_CASE(ends_an_hour_that_was_left_open_when_the_node_stopped) {
  start();
  const auto scope = make_service();
  make_group(scope);
  const auto shard = catalog.find(scope).value->shard;
  runtime->stop(1s);
  host->stop(1s);
  make_host();
  host->start();
  BOOST_TEST_REQUIRE(host->wait_until_settled(10s));
  const auto hour = [&] { return catalog.view(shard)->usage(scope, {}, events::hours_end, 1)->front(); };
  BOOST_TEST(!hour().end.has_value());
  clock.advance(1h);
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!hour().end && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  BOOST_TEST(hour().end.has_value());
}

BOOST_AUTO_TEST_CASE(knows_no_scope_that_is_on_no_shard) {
  start();
  BOOST_TEST(rejected_as(wait(submit(registration(tests::scope_a, "dev-1", "key"))), rejection_code::scope_not_found));
}

BOOST_AUTO_TEST_CASE(does_not_deny_a_scope_while_a_shard_is_not_open) {
  start_runtime();
  const auto a = wait(submit(registration(tests::scope_a, "dev-1", "key")));
  BOOST_TEST(rejected_as(a, rejection_code::unavailable));
  BOOST_TEST((std::get<engine::rejection>(a).retry_after == 1s));
}

BOOST_AUTO_TEST_CASE(answers_what_is_in_flight_before_it_stops_and_nothing_afterwards) {
  start();
  const auto scope = make_service();
  const auto keys = make_group(scope);
  std::vector<std::future<engine::answer>> answers;
  for (int i = 0; i < 200; ++i) {
    const auto id = "truck-" + std::to_string(i);
    answers.push_back(submit(registration(scope, id, engine::derive_device_keys(keys, id).primary)));
  }
  runtime->stop(10s);
  for (auto& each : answers) {
    BOOST_TEST_REQUIRE((each.wait_for(0s) == std::future_status::ready));
    BOOST_TEST(std::holds_alternative<engine::registration_answer>(each.get()));
  }
  BOOST_TEST(rejected_as(wait(submit(registration(scope, "late", "key"))), rejection_code::unavailable));
  BOOST_TEST(telemetry.device_actors == 0U);
}

BOOST_AUTO_TEST_CASE(drops_what_does_not_come_to_an_end_within_the_drain_time) {
  start();
  const auto scope = make_service();
  const auto keys = make_group(scope);
  journal.decide_next(connectors::memory_journal::fate::unknown_lost);
  auto stuck = submit(registration(scope, "truck-7", engine::derive_device_keys(keys, "truck-7").primary));
  runtime->stop(50ms);
  host->stop(0ms);
  // Dropped, or else settled by another claim in time: whoever waits hears of it either way.
  BOOST_TEST((stuck.wait_for(10s) == std::future_status::ready));
}

BOOST_AUTO_TEST_CASE(sums_up_suppressed_attempts_before_it_stops) {
  start();
  const auto scope = make_service();
  for (int i = 0; i < 4; ++i) wait(submit(registration(scope, "stranger", "wrong")));
  runtime->stop(5s);
  const auto page = history.of_service(scope, {}, 100, false);
  BOOST_TEST_REQUIRE(page.has_value());
  const auto summaries = std::ranges::count_if(
      page->entries, [](const auto& each) { return each.meta.type == "muster.attempts_suppressed.v1"; });
  BOOST_TEST(summaries == 1);
}

BOOST_AUTO_TEST_SUITE_END()
