#include "connectors/kafka/kafka_feed.hpp"
#include "tests/support/feed_fixture.hpp"
#include "tests/support/https_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <condition_variable>

using namespace muster;
using namespace std::chrono_literals;
using engine::append_outcome;

namespace {

/// Keeps records, and settles them as a test wants.
class fake_kafka {
public:
  void send(std::vector<connectors::kafka_record> records, const connectors::kafka_delivered& delivered) {
    const std::lock_guard lock(mutex_);
    for (auto& record : records) {
      sent_.push_back(std::move(record));
      waiting_.push_back(delivered);
    }
    changed_.notify_all();
    if (settles_) settle_all(append_outcome::durable);
  }

  /// Waits until so many were sent in all.
  std::vector<connectors::kafka_record> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    BOOST_TEST_REQUIRE(changed_.wait_for(lock, 10s, [&] { return sent_.size() >= count; }), sent_.size());
    return sent_;
  }
  void settle(append_outcome outcome) {
    const std::lock_guard lock(mutex_);
    settle_all(outcome);
  }
  void settle_from_now_on() {
    const std::lock_guard lock(mutex_);
    settles_ = true;
    settle_all(append_outcome::durable);
  }

private:
  void settle_all(append_outcome outcome) {
    for (const auto& each : std::exchange(waiting_, {})) each({outcome, 0, "away"});
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<connectors::kafka_record> sent_;
  std::vector<connectors::kafka_delivered> waiting_;
  bool settles_ = false;
};

struct kafka_feed_fixture : tests::feed_fixture {
  fake_kafka kafka;
  tests::kept_log log;
  engine::telemetry telemetry;
  std::mutex topic_mutex;
  engine::result<std::uint32_t> topic{4};  ///< under `topic_mutex`: what is known of it
  std::unique_ptr<connectors::kafka_feed> publishing;

  void start() {
    publishing = std::make_unique<connectors::kafka_feed>(
        connectors::kafka_feed_options{"muster.events", 1ms, 0ms},
        [this](auto records, const auto& delivered) { kafka.send(std::move(records), delivered); },
        [this] {
          const std::lock_guard lock(topic_mutex);
          return topic;
        },
        feed, catalog, 1, log, telemetry);
  }
  void topic_is(engine::result<std::uint32_t> now) {
    const std::lock_guard lock(topic_mutex);
    topic = std::move(now);
  }
  std::uint64_t kept() const {
    const auto at = catalog.rows->reactions.find("kafka");
    return at == catalog.rows->reactions.end() ? 0 : at->second.done.value();
  }
};

std::string header(const connectors::kafka_record& record, std::string_view name) {
  for (const auto& [each, value] : record.headers) {
    if (each == name) return value;
  }
  return {};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kafka_feed_, kafka_feed_fixture)

BOOST_AUTO_TEST_CASE(a_record_is_a_cloud_event_in_binary_mode) {
  auto event = record(demo, "dev-1");
  event.meta.sequence = events::log_sequence(7);
  event.meta.operation = true;
  const auto made = connectors::feed_record(event, events::shard_id(6), "muster.events", 4);
  BOOST_TEST(made.topic == "muster.events");
  BOOST_TEST(made.partition == 2);
  BOOST_TEST(*made.key == "0ne00000001");
  BOOST_TEST(*made.value == event.data);
  BOOST_TEST(header(made, "ce_specversion") == "1.0");
  BOOST_TEST(header(made, "ce_id") == "6-7");
  BOOST_TEST(header(made, "ce_type") == "muster.registration_deleted.v1");
  BOOST_TEST(header(made, "ce_source") == "/services/0ne00000001");
  BOOST_TEST(header(made, "ce_subject") == "devices/dev-1");
  BOOST_TEST(header(made, "ce_time") == "1970-01-01T00:00:00.0000000Z");
  BOOST_TEST(header(made, "content-type") == "application/json");
  BOOST_TEST(header(made, "ce_operation") == "true");
}

BOOST_AUTO_TEST_CASE(the_position_moves_only_when_everything_before_it_is_delivered) {
  write({record(demo, "a"), record(other, "b")});
  start();
  kafka.wait_for(2);
  publishing.reset();
  BOOST_TEST(kept() == 0U);
  kafka.settle(append_outcome::durable);
  // The next process sends them again, and goes on.
  start();
  kafka.wait_for(4);
  kafka.settle_from_now_on();
  write({record(demo, "c")});
  const auto sent = kafka.wait_for(5);
  BOOST_TEST(header(sent[2], "ce_id") == "0-1");
  BOOST_TEST(header(sent[4], "ce_id") == "0-3");
  while (telemetry.feed_events_published < 3) std::this_thread::yield();
  publishing.reset();
  BOOST_TEST(kept() == 3U);
}

BOOST_AUTO_TEST_CASE(what_fails_is_sent_again_from_where_it_failed_and_nothing_overtakes_it) {
  write({record(demo, "a"), record(demo, "b")});
  start();
  kafka.wait_for(2);
  write({record(demo, "c")});
  kafka.settle(append_outcome::unknown);
  auto sent = kafka.wait_for(5);
  kafka.settle_from_now_on();
  BOOST_TEST(header(sent[2], "ce_id") == "0-1");
  BOOST_TEST(header(sent[3], "ce_id") == "0-2");
  BOOST_TEST(header(sent[4], "ce_id") == "0-3");
  while (telemetry.feed_events_published < 3) std::this_thread::yield();
  BOOST_TEST(telemetry.feed_publish_failures == 1U);
}

BOOST_AUTO_TEST_CASE(events_of_the_directory_are_passed_over) {
  auto placed = record(demo, "x");
  placed.meta.stream = events::stream_name::directory();
  write({placed});
  write({placed, record(demo, "a")});
  write({placed});
  start();
  kafka.settle_from_now_on();
  const auto sent = kafka.wait_for(1);
  BOOST_TEST(header(sent[0], "ce_id") == "0-3");
  while (telemetry.feed_events_published < 1) std::this_thread::yield();
  write({record(demo, "b")});
  BOOST_TEST(header(kafka.wait_for(2)[1], "ce_id") == "0-5");
  while (telemetry.feed_events_published < 2) std::this_thread::yield();
  publishing.reset();
  BOOST_TEST(kept() == 5U);
}

BOOST_AUTO_TEST_CASE(to_a_topic_that_is_not_fit_nothing_is_sent_until_it_is_mended) {
  topic_is(engine::fail(engine::errc::invalid, "set max.message.bytes=1048576"));
  write({record(demo, "a")});
  start();
  while (!publishing->trouble(false)) std::this_thread::yield();
  BOOST_TEST(*publishing->trouble(false) == "no events are published on Kafka; see the log");
  BOOST_TEST(*publishing->trouble(true) == "no events are published on Kafka: set max.message.bytes=1048576");
  BOOST_TEST(telemetry.feed_shards_failing == 1U);
  kafka.settle_from_now_on();
  topic_is(4);
  kafka.wait_for(1);
  BOOST_TEST(!publishing->trouble(true));
}

BOOST_AUTO_TEST_CASE(a_feed_that_is_stuck_says_so_once_and_looks_at_its_topic_before_it_sends_again) {
  write({record(demo, "a")});
  start();
  kafka.wait_for(1);
  topic_is(engine::fail(engine::errc::invalid, "set cleanup.policy=delete"));
  kafka.settle(append_outcome::refused);
  while (!publishing->trouble(true).value_or("").contains("set cleanup.policy=delete")) std::this_thread::yield();
  topic_is(4);
  kafka.wait_for(2);
  kafka.settle(append_outcome::refused);
  kafka.wait_for(3);
  while (!publishing->trouble(false)) std::this_thread::yield();
  BOOST_TEST(*publishing->trouble(false) == "events of shard 0 are not published on Kafka; see the log");
  kafka.settle_from_now_on();
  while (telemetry.feed_events_published < 1) std::this_thread::yield();
  while (publishing->trouble(false)) std::this_thread::yield();
  BOOST_TEST(telemetry.feed_shards_failing == 0U);
  BOOST_TEST(log.count("the feed is stuck") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
