#include "connectors/node/system_clock.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/webhook/webhook_sender.hpp"
#include "engine/sealing.hpp"
#include "engine/usage_feed.hpp"
#include "projections/memory_projection.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/https_fixture.hpp"
#include "tests/support/one_service.hpp"

#include <boost/test/unit_test.hpp>

/// What an endpoint gets of a log with hours that end.
namespace muster::tests {

namespace {

using namespace std::chrono_literals;
using ids = std::vector<std::string>;

/// A service with a webhook that leads to an endpoint here, and a log that the test writes.
struct fixture {
  std::mutex mutex;
  ids got;  ///< under `mutex`; the events that the endpoint took
  std::atomic<int> status = 204;
  https_fixture endpoint{{},
                         [this](connectors::http_request request, connectors::respond answer) {
                           take(request);
                           answer({status, {{"WebHook-Allowed-Origin", "*"}}, {}});
                         },
                         connectors::system_clock().now()};
  fake_clock clock;
  fake_entropy entropy;
  kept_log log;
  engine::telemetry telemetry;
  history_builder history;
  connectors::memory_journal journal{identity_of(history)};
  std::unique_ptr<engine::projection_store> store = projections::make_memory_projection_store();
  std::shared_ptr<engine::shard_projection> view = store->open(events::shard_id()).value();
  one_service services{view};
  engine::feed feed{journal, services};
  std::size_t written = 0;  ///< frames
  std::unique_ptr<connectors::webhook_sender> sender;

  fixture() {
    history.add(service_created_in(scope_a)).commit();
    fold();
    auto& service = services.snapshot();
    service.data_key.key = engine::data_key(std::string(32, 'd'));
    engine::webhook_state webhook;
    webhook.endpoint.url = "https://localhost:" + std::to_string(endpoint.server->port()) + "/hook";
    webhook.endpoint.secret =
        engine::seal(service.data_key, events::stream_name::service(scope_a), "secret", std::string(32, 'k'), entropy);
    webhook.since = webhook.changed = events::log_sequence(1);
    service.service.webhook = webhook;
  }

  static engine::journal_identity identity_of(const history_builder& history) {
    engine::journal_identity identity;
    identity.id = history.journal();
    identity.shards = 1;
    return identity;
  }

  void take(const connectors::http_request& request) {
    if (request.method != "POST" || status != 204) return;
    constexpr std::string_view mark = "\"id\":\"0-";
    const std::lock_guard lock(mutex);
    for (auto at = request.body.find(mark); at != std::string::npos; at = request.body.find(mark, at + 1)) {
      const auto from = at + mark.size();
      got.push_back(request.body.substr(from, request.body.find('"', from) - from));
    }
  }

  void start() {
    connectors::webhook_sender_options options;
    options.client.ca_file = endpoint.tls->ca_file().string();
    options.retry_first = 0ms;
    sender = std::make_unique<connectors::webhook_sender>(options, feed, services, clock, entropy, log, telemetry);
  }

  /// What the builder has made since is on the log, folded and handed on.
  void fold() {
    const auto frames = std::span(history.frames()).subspan(written);
    for (const auto& each : std::span(history.log()).subspan(written)) journal.put({}, each.bytes);
    BOOST_TEST_REQUIRE(view->apply(frames).has_value());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto& happened = frames[i].events;
      if (happened.empty() || !feed.followed()) continue;
      feed.folded({}, {{frames[i].offset, happened.front().meta.sequence, happened.back().meta.sequence,
                        history.log()[written + i].bytes}});
    }
    written = history.frames().size();
  }

  void register_device(const std::string& id) {
    history.add(registered(scope_a, id)).commit();
    fold();
  }
  void pass_an_hour() {
    history.advance(1h).commit();
    fold();
  }

  /// Waits for so many.
  ids events_taken(std::size_t count) {
    const auto enough = [&] {
      const std::lock_guard lock(mutex);
      return got.size() >= count;
    };
    static_cast<void>(eventually(enough));
    const std::lock_guard lock(mutex);
    return got;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(webhook_sender_, fixture)

BOOST_AUTO_TEST_CASE(usage_is_sent_among_the_events_and_once_an_hour_has_ended_without_one) {
  register_device("a");
  pass_an_hour();
  register_device("b");
  start();
  BOOST_TEST(events_taken(3) == (ids{"2", "2-2026-01-01T00", "3"}), boost::test_tools::per_element());
  pass_an_hour();
  BOOST_TEST(events_taken(4).back() == "3-2026-01-01T01");
}

BOOST_AUTO_TEST_CASE(after_a_restart_usage_that_was_taken_does_not_come_again_and_what_was_not_does) {
  register_device("a");
  pass_an_hour();
  start();
  BOOST_TEST(events_taken(2).back() == "2-2026-01-01T00");
  // The position is kept when the endpoint has answered, which is later than it has heard.
  BOOST_TEST(eventually([&] {
    const auto row = view->reaction(connectors::webhook_reaction(scope_a)).value();
    return row && engine::place_of(*row).hour.has_value();
  }));
  sender.reset();
  pass_an_hour();
  register_device("b");
  pass_an_hour();
  start();
  BOOST_TEST(events_taken(4) == (ids{"2", "2-2026-01-01T00", "3", "3-2026-01-01T02"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(usage_alone_can_be_asked_for_and_is_tried_again_like_anything) {
  services.snapshot().service.webhook->endpoint.types = {"muster.usage.v1"};
  status = 500;
  register_device("a");
  pass_an_hour();
  start();
  BOOST_TEST(eventually([&] { return telemetry.webhook_failures > 0U; }));
  status = 204;
  BOOST_TEST(events_taken(1) == (ids{"2-2026-01-01T00"}), boost::test_tools::per_element());
  register_device("b");
  pass_an_hour();
  BOOST_TEST(events_taken(2).back() == "3-2026-01-01T01");
}

BOOST_AUTO_TEST_CASE(who_names_other_types_gets_no_usage) {
  services.snapshot().service.webhook->endpoint.types = {"muster.device_registered.v1"};
  register_device("a");
  pass_an_hour();
  register_device("b");
  start();
  BOOST_TEST(events_taken(2) == (ids{"2", "3"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
