#include "connectors/kafka/journal_header.hpp"
#include "connectors/kafka/kafka_journal.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/kafka.hpp"

#include <boost/test/unit_test.hpp>

#include <mutex>

/// What only the Kafka journal does: it checks the topic, and tells what happened to it.
namespace muster::tests {

using engine::append_and_wait;
using engine::append_outcome;
using engine::errc;
using events::log_offset;
using events::shard_id;

namespace {

using namespace std::chrono_literals;

/// Keeps what was logged.
class kept_log final : public engine::log {
public:
  void write(engine::log_level /*level*/, std::string_view what, std::initializer_list<field> fields) override {
    const std::lock_guard lock(mutex_);
    text_.append(what);
    for (const auto& [name, value] : fields) text_.append(" ").append(name).append("=").append(value);
    text_.append("\n");
  }
  bool has(std::string_view words) const {
    const std::lock_guard lock(mutex_);
    return text_.contains(words);
  }

private:
  mutable std::mutex mutex_;
  std::string text_;
};

struct topic_fixture {
  kept_log log;
  connectors::kafka_journal_options options;
  std::unique_ptr<connectors::kafka_admin> admin;

  topic_fixture() {
    options.connection = test_brokers(&log);
    options.topic = fresh_topic();
    admin = std::move(*connectors::kafka_admin::make(options.connection));
  }

  void make(std::uint32_t shards = 2) {
    const auto made =
        connectors::make_journal_topic(*admin, options.connection, options.topic, test_journal(shards), 1, 20s);
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  }

  std::unique_ptr<engine::journal> open() {
    auto opened = connectors::open_kafka_journal(options);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
    return std::move(*opened);
  }

  engine::error refusal() {
    const auto opened = connectors::open_kafka_journal(options);
    BOOST_REQUIRE(!opened);
    BOOST_TEST_MESSAGE(opened.error().text);
    return opened.error();
  }

  /// The refusal of the topic with one setting changed.
  engine::error refusal_with(const std::string& name, const std::string& value) {
    auto settings = connectors::journal_topic_settings();
    settings[name] = value;
    const auto changed = admin->replace_topic_settings(options.topic, settings, 10s);
    BOOST_REQUIRE_MESSAGE(changed, (changed ? "" : changed.error().text));
    BOOST_REQUIRE(eventually([&] { return admin->topic_settings(options.topic, 10s)->at(name) == value; }));
    return refusal();
  }

  std::int64_t put(std::int32_t partition, std::string bytes) {
    const auto producer = connectors::kafka_producer::make(options.connection, {options.topic});
    const auto put = (*producer)->send_and_wait({options.topic, partition, std::nullopt, std::move(bytes), {}});
    BOOST_REQUIRE((put.outcome == append_outcome::durable));
    return put.offset;
  }
};

append_outcome append(engine::journal& journal, std::uint64_t number, std::size_t bytes = 100) {
  return append_and_wait(journal, {{shard_id(0), batch_frame(journal.identity().id, shard_id(0), number, bytes)}})
      .front();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kafka_journal, topic_fixture)

BOOST_AUTO_TEST_CASE(it_is_not_exclusive_and_knows_what_it_is) {
  make(3);
  const auto journal = open();
  BOOST_TEST(!journal->exclusive());
  BOOST_TEST((journal->identity().id == test_journal().id));
  BOOST_TEST(journal->identity().shards == 3U);
  BOOST_TEST((journal->identity().master_key_fingerprint == test_journal().master_key_fingerprint));
  BOOST_TEST(log.has("1 replica and min.insync.replicas=1"));
}

BOOST_AUTO_TEST_CASE(making_a_journal_topic_twice_changes_nothing) {
  make();
  make();
  BOOST_TEST(open()->end(shard_id(0))->value() == 0U);
  BOOST_TEST(admin->watermarks(options.topic, 0, 5s)->high == 1);
}

BOOST_AUTO_TEST_CASE(making_a_journal_topic_over_another_one_is_refused) {
  make();
  auto other = test_journal(2);
  other.id.bytes.fill(0x99);
  const auto made = connectors::make_journal_topic(*admin, options.connection, options.topic, other, 1, 20s);
  BOOST_REQUIRE(!made);
  BOOST_TEST((made.error().code == errc::conflict));
  BOOST_TEST(made.error().text.contains("holds something already"));
  BOOST_TEST((open()->identity().id == test_journal().id));
}

BOOST_AUTO_TEST_CASE(a_missing_topic_is_refused_and_not_made) {
  const auto error = refusal();
  BOOST_TEST((error.code == errc::not_found));
  BOOST_TEST(error.text.contains("muster cluster init"));
  BOOST_TEST((admin->topic(options.topic, 5s).error().code == errc::not_found));
}

BOOST_AUTO_TEST_CASE(brokers_that_do_not_answer_are_named) {
  options.connection.bootstrap = "127.0.0.1:1";
  options.start_wait = 1s;
  const auto error = refusal();
  BOOST_TEST((error.code == errc::unavailable));
  BOOST_TEST(error.text.contains("127.0.0.1:1"));
  BOOST_TEST(error.text.contains("refused"));
}

BOOST_AUTO_TEST_CASE(a_setting_that_librdkafka_does_not_know_is_refused_by_name) {
  options.connection.settings["socket.timeout"] = "5";
  const auto error = refusal();
  BOOST_TEST((error.code == errc::invalid));
  BOOST_TEST(error.text.contains("kafka.socket.timeout"));
}

BOOST_AUTO_TEST_CASE(a_topic_without_headers_is_refused) {
  BOOST_REQUIRE(admin->create_topic(options.topic, 2, 1, connectors::journal_topic_settings(), 20s));
  BOOST_REQUIRE(eventually([&] { return admin->topic(options.topic, 5s).has_value(); }));
  BOOST_TEST(refusal().text.contains("does not begin with the header of a journal"));
  put(0, "something else");
  put(1, "something else");
  BOOST_TEST(refusal().text.contains("not the header of a Muster journal"));
}

BOOST_AUTO_TEST_CASE(topic_settings_that_would_lose_the_journal_are_refused_with_what_mends_them) {
  make();
  const auto mends = [&](const std::string& name, const std::string& value, std::string_view repair) {
    const auto error = refusal_with(name, value);
    BOOST_TEST((error.code == errc::invalid));
    BOOST_TEST(error.text.contains(name + "=" + value));
    BOOST_TEST(error.text.contains(repair));
  };
  mends("cleanup.policy", "compact", "--add-config cleanup.policy=delete");
  mends("cleanup.policy", "compact,delete", "--add-config cleanup.policy=delete");
  mends("retention.ms", "604800000", "--add-config retention.ms=-1");
  mends("retention.bytes", "1073741824", "--add-config retention.bytes=-1");
  mends("max.message.bytes", "100000", "--add-config max.message.bytes=1048576");
  mends("min.insync.replicas", "2", "nothing could ever be written");
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_not_the_expected_one_is_refused) {
  make(2);
  options.expected.shards = 4;
  BOOST_TEST(refusal().text.contains("leave journal.shards out"));
  options.expected.shards = 2;
  options.expected.master_key_fingerprint = events::digest{};
  BOOST_TEST(refusal().text.contains("give the master key that belongs to this journal"));
  options.expected.master_key_fingerprint = test_journal().master_key_fingerprint;
  options.expected.id = events::journal_id{};
  BOOST_TEST(refusal().text.contains("holds the journal 4a4a"));
  options.expected.id = test_journal().id;
  BOOST_TEST(open()->identity().shards == 2U);
}

BOOST_AUTO_TEST_CASE(a_partition_of_another_journal_or_shard_is_refused) {
  BOOST_REQUIRE(admin->create_topic(options.topic, 2, 1, connectors::journal_topic_settings(), 20s));
  BOOST_REQUIRE(eventually([&] { return admin->topic(options.topic, 5s).has_value(); }));
  put(0, connectors::encode_journal_header({test_journal(2), shard_id(0)}));
  put(1, connectors::encode_journal_header({test_journal(2), shard_id(0)}));
  BOOST_TEST(refusal().text.contains("says that it is shard 0"));
}

BOOST_AUTO_TEST_CASE(a_topic_with_another_number_of_partitions_than_shards_is_refused) {
  BOOST_REQUIRE(admin->create_topic(options.topic, 2, 1, connectors::journal_topic_settings(), 20s));
  BOOST_REQUIRE(eventually([&] { return admin->topic(options.topic, 5s).has_value(); }));
  for (int i = 0; i < 2; ++i)
    put(i, connectors::encode_journal_header({test_journal(1), shard_id(static_cast<std::uint64_t>(i))}));
  BOOST_TEST(refusal().text.contains("partitions must never be added"));
}

BOOST_AUTO_TEST_CASE(a_frame_beyond_what_the_topic_takes_is_refused_and_later_ones_go_on) {
  make();
  const auto journal = open();
  BOOST_TEST((append(*journal, 1, 2 << 20) == append_outcome::refused));
  BOOST_TEST((append(*journal, 2) == append_outcome::durable));
  BOOST_TEST(journal->end(shard_id(0))->value() == 1U);
}

BOOST_AUTO_TEST_CASE(frames_deleted_from_the_front_are_corrupt_and_never_passed_over) {
  make();
  {
    const auto journal = open();
    for (std::uint64_t number = 0; number < 10; ++number) append(*journal, number);
    BOOST_REQUIRE(admin->delete_records(options.topic, 0, 5, 10s));
    options.recent_bytes_max = 1;
    for (int i = 0; i < 2; ++i) {
      const auto again = connectors::open_kafka_journal(options);
      BOOST_REQUIRE(!again);
      BOOST_TEST((again.error().code == errc::corrupt));
      BOOST_TEST(again.error().text.contains("its first records were deleted"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reader_hears_that_frames_were_deleted_while_it_ran) {
  make();
  options.recent_bytes_max = 1;
  const auto journal = open();
  for (std::uint64_t number = 0; number < 10; ++number) append(*journal, number);
  BOOST_REQUIRE(admin->delete_records(options.topic, 0, 5, 10s));
  for (int i = 0; i < 2; ++i) {
    const auto page = journal->read(shard_id(0), log_offset(1), 1000);
    BOOST_REQUIRE(!page);
    BOOST_TEST((page.error().code == errc::corrupt));
    BOOST_TEST(page.error().text.contains("were deleted"));
  }
  BOOST_TEST(journal->read(shard_id(0), log_offset(7), 1000)->front().offset.value() == 7U);
}

BOOST_AUTO_TEST_CASE(records_of_others_are_given_as_they_are) {
  make();
  const auto journal = open();
  append(*journal, 1);
  BOOST_TEST(put(0, "poison") == 2);
  BOOST_TEST(put(0, batch_frame(events::journal_id{}, shard_id(0), 7)) == 3);
  append(*journal, 2);
  BOOST_REQUIRE(eventually([&] { return journal->read(shard_id(0), log_offset(3), 1)->size() == 1; }));
  const auto page = journal->read(shard_id(0), {}, 1 << 20);
  BOOST_REQUIRE(page);
  BOOST_REQUIRE_EQUAL(page->size(), 4U);
  BOOST_TEST((*page)[1].bytes == "poison");
}

BOOST_AUTO_TEST_CASE(what_is_on_its_way_is_settled_when_the_journal_ends) {
  make();
  auto journal = open();
  std::atomic<int> settled{0};
  std::vector<engine::outgoing_frame> frames;
  for (std::uint64_t i = 0; i < 200; ++i)
    frames.push_back({shard_id(i % 2), batch_frame(journal->identity().id, shard_id(i % 2), i, 1000)});
  journal->append(std::move(frames), [&](std::size_t, append_outcome) { ++settled; });
  journal.reset();
  BOOST_TEST(settled == 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
