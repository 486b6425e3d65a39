#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_consumer.hpp"
#include "connectors/kafka/usage_topic.hpp"
#include "projections/memory_projection.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/kafka.hpp"
#include "tests/support/one_service.hpp"

/// Hourly usage on a topic.
namespace muster::tests {

namespace {

using namespace std::chrono_literals;

struct fixture {
  engine::telemetry telemetry;
  connectors::usage_topic_options options{test_brokers(), fresh_topic(), 5ms, &telemetry};
  std::unique_ptr<engine::projection_store> store = projections::make_memory_projection_store();
  std::shared_ptr<engine::shard_projection> view = store->open(events::shard_id()).value();
  one_service services{view};
  history_builder history;
  std::unique_ptr<connectors::usage_topic> topic;
  std::unique_ptr<connectors::kafka_consumer> consumer;
  std::vector<std::pair<std::string, std::string>> read;  ///< key and value of each record

  fixture() {
    auto admin = std::move(*connectors::kafka_admin::make(options.connection));
    BOOST_TEST_REQUIRE(admin->create_topic(options.topic, 1, 1, {}, 20s).has_value());
    consumer = std::move(*connectors::kafka_consumer::make(options.connection, options.topic));
    BOOST_TEST_REQUIRE(consumer->start(0, connectors::kafka_consumer::from_beginning).has_value());
    history.add(service_created_in(scope_a));
  }

  void start() {
    auto started = connectors::usage_topic::start(options, services, 1);
    BOOST_TEST_REQUIRE(started.has_value(), (started ? "" : started.error().text));
    topic = std::move(*started);
  }

  /// An hour with a registration, which the first frame of the next one ends.
  void pass_an_hour() {
    history.add(registered(scope_a, "dev-1")).commit();
    history.advance(1h).commit();
    BOOST_TEST_REQUIRE(view->apply(history.take_frames()).has_value());
  }

  bool there_are(std::size_t records) {
    return eventually([&] {
      consumer->poll(10ms, 100, [&](const connectors::kafka_event& e) {
        if (e.what == connectors::kafka_event::kind::record)
          read.emplace_back(e.key.value_or(""), e.value.value_or(""));
      });
      return read.size() >= records;
    });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kafka_usage_topic, fixture)

BOOST_AUTO_TEST_CASE(each_hour_with_operations_is_published_once_it_has_ended) {
  start();
  pass_an_hour();
  BOOST_TEST_REQUIRE(there_are(1));
  BOOST_TEST(read[0].first == scope_a.text());
  BOOST_TEST(read[0].second.starts_with(
      R"({"from":"2026-01-01T00:00:00.0000000Z","to":"2026-01-01T01:00:00.0000000Z","operations":1,"types":[)"));
  pass_an_hour();
  BOOST_TEST_REQUIRE(there_are(2));
  BOOST_TEST(read[1].second.starts_with(R"({"from":"2026-01-01T01:00:00.0000000Z")"));
}

BOOST_AUTO_TEST_CASE(a_restart_may_repeat_and_never_skips) {
  start();
  pass_an_hour();
  BOOST_TEST_REQUIRE(there_are(1));
  topic.reset();
  pass_an_hour();
  pass_an_hour();
  start();
  BOOST_TEST_REQUIRE(eventually([&] {
    there_are(read.size() + 1);
    return read.back().second.starts_with(R"({"from":"2026-01-01T02:00:00.0000000Z")");
  }));
  BOOST_TEST(read.size() >= 3U);
  BOOST_TEST(read.size() <= 4U);
}

BOOST_AUTO_TEST_CASE(a_topic_that_takes_nothing_is_told_of_and_tried_again) {
  auto admin = std::move(*connectors::kafka_admin::make(options.connection));
  options.topic = fresh_topic();
  BOOST_TEST_REQUIRE(admin->create_topic(options.topic, 1, 1, {{"max.message.bytes", "100"}}, 20s).has_value());
  start();
  BOOST_TEST(!topic->trouble().has_value());
  pass_an_hour();
  BOOST_TEST_REQUIRE(eventually([&] { return topic->trouble().has_value() && telemetry.usage_publish_failures > 1U; }));
  BOOST_TEST(telemetry.usage_failing == 1U);
}

BOOST_AUTO_TEST_CASE(a_record_is_a_cloud_event_in_binary_mode) {
  pass_an_hour();
  const auto due = engine::usage_between(*view, {}, history.position().sequence.next()).value();
  BOOST_TEST_REQUIRE(due.size() == 1U);
  const auto record = connectors::usage_record("muster.usage", events::shard_id(3), due.front());
  BOOST_TEST(record.topic == "muster.usage");
  BOOST_TEST(record.partition == 0);
  BOOST_TEST(*record.key == scope_a.text());
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"ce_specversion", "1.0"},
      {"ce_id", "3-2-2026-01-01T00"},
      {"ce_type", "muster.usage.v1"},
      {"ce_source", "/services/0ne00000001"},
      {"ce_subject", "usage"},
      {"ce_time", "2026-01-01T01:00:00.0000000Z"},
      {"content-type", "application/json"},
      {"ce_dataschema", "urn:muster:schema:muster.usage.v1"},
      {"ce_sequence", "2"},
      {"ce_by", "muster"},
      {"ce_operation", "false"}};
  BOOST_TEST((record.headers == headers));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
