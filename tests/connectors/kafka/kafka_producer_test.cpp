#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/kafka_settings_rules.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/kafka.hpp"

using namespace std::chrono_literals;

namespace muster::tests {

using engine::append_outcome;

namespace {

struct fixture {
  connectors::kafka_connection connection = test_brokers();
  std::string topic = fresh_topic();

  fixture() {
    const auto admin = std::move(*connectors::kafka_admin::make(connection));
    BOOST_TEST_REQUIRE(admin->create_topic(topic, 2, 1, {}, 20s).has_value());
  }
  std::unique_ptr<connectors::kafka_producer> start(connectors::kafka_settings own = {}) {
    auto made = connectors::kafka_producer::make(connection, {topic}, std::move(own));
    BOOST_TEST_REQUIRE(made.has_value(), (made ? "" : made.error().text));
    return std::move(*made);
  }
  connectors::kafka_record record(std::string value = "x") { return {topic, 0, std::nullopt, std::move(value), {}}; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kafka_producer, fixture)

BOOST_AUTO_TEST_CASE(what_is_durable_is_reported_whatever_the_settings_say) {
  connection.settings["delivery.report.only.error"] = "true";
  const auto delivery = start()->send_and_wait(record());
  BOOST_TEST((delivery.outcome == append_outcome::durable), delivery.error);
  BOOST_TEST(delivery.offset == 0);
}

BOOST_AUTO_TEST_CASE(a_report_that_never_comes_is_waited_for_no_longer_than_said_and_leaves_the_outcome_unknown) {
  const auto producer = start({{"delivery.report.only.error", "true"}, {"message.timeout.ms", "1000"}});
  BOOST_TEST((producer->settles_within() == 6s));
  const auto delivery = producer->send_and_wait(record());
  BOOST_TEST((delivery.outcome == append_outcome::unknown));
  BOOST_TEST(delivery.error.contains("it may have been written"));
}

BOOST_AUTO_TEST_CASE(of_records_that_are_sent_together_none_overtakes_one_that_is_refused) {
  std::atomic<int> durable{0};
  std::atomic<int> refused{0};
  const auto producer = start();
  producer->send({record("a"), record(std::string(2 << 20, 'b')), record("c")},
                 [&](const connectors::kafka_delivery& delivery) {
                   if (delivery.outcome == append_outcome::durable) ++durable;
                   if (delivery.outcome == append_outcome::refused) ++refused;
                 });
  BOOST_TEST(refused == 2);
  BOOST_TEST(eventually([&] { return durable == 1; }));
}

BOOST_AUTO_TEST_CASE(a_record_is_written_and_read_with_the_least_that_the_settings_may_be) {
  connection.settings = {{"batch.size", "1"},
                         {"batch.num.messages", "1"},
                         {"message.timeout.ms", "1000"},
                         {"request.timeout.ms", "500"},
                         {"socket.timeout.ms", "1000"},
                         {"queue.buffering.max.kbytes", "16384"},
                         {"queue.buffering.max.messages", "16384"},
                         {"fetch.wait.max.ms", "10"},
                         {"receive.message.max.bytes", "4194304"},
                         {"fetch.max.bytes", "1048576"},
                         {"max.partition.fetch.bytes", "65536"},
                         {"queued.max.messages.kbytes", "1024"},
                         {"queued.min.messages", "1"},
                         {"metadata.max.age.ms", "1000"},
                         {"message.copy.max.bytes", "0"},
                         {"max.poll.interval.ms", "45000"}};
  for (const auto& [name, value] : connection.settings)
    BOOST_TEST(connectors::kafka_setting_fault(name, value).value_or("") == "", name);
  const auto producer = start();
  const std::string large(900'000, 'x');
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto delivery = producer->send_and_wait(record(large));
    BOOST_TEST((delivery.outcome == append_outcome::durable), delivery.error);
    BOOST_TEST(delivery.offset == i);
  }
  auto consumer = connectors::kafka_consumer::make(connection, topic);
  BOOST_TEST_REQUIRE(consumer.has_value(), (consumer ? "" : consumer.error().text));
  BOOST_TEST_REQUIRE((*consumer)->start(0, connectors::kafka_consumer::from_beginning).has_value());
  std::size_t read = 0;
  BOOST_TEST(eventually([&] {
    (*consumer)->poll(100ms, 10, [&](const connectors::kafka_event& event) {
      if (event.what == connectors::kafka_event::kind::record && event.value == large) ++read;
    });
    return read == 3;
  }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
