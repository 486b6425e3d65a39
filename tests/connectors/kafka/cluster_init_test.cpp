#include "connectors/kafka/cluster_init.hpp"
#include "connectors/kafka/kafka_journal.hpp"
#include "connectors/kafka/kafka_keyring.hpp"
#include "connectors/kafka/keys_topic.hpp"
#include "connectors/kafka/public_topic.hpp"
#include "connectors/storage/master_key.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/kafka.hpp"
#include "tests/support/keys.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace muster::tests {

using engine::errc;

namespace {

struct fixture {
  connectors::system_entropy entropy;
  connectors::node_config config;

  fixture() {
    config.journal_kind = "kafka";
    config.kafka_bootstrap = test_brokers().bootstrap;
    config.kafka_topic_prefix = fresh_topic() + ".";
    config.journal_shards = 3;
  }
  auto run(const engine::data_key& master = test_master_key(), std::optional<engine::journal_identity> wanted = {}) {
    return connectors::initialize_cluster(config, master, wanted, entropy, nullptr);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cluster_init, fixture)

BOOST_AUTO_TEST_CASE(it_makes_everything_that_a_node_needs_and_changes_nothing_when_repeated) {
  const auto made = run();
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  BOOST_TEST(made->made);
  BOOST_TEST(made->replicas == 1U);
  BOOST_TEST(made->journal.shards == 3U);
  const auto again = run();
  BOOST_REQUIRE_MESSAGE(again, (again ? "" : again.error().text));
  BOOST_TEST(!again->made);
  BOOST_TEST((again->journal.id == made->journal.id));

  connectors::kafka_journal_options journal;
  journal.connection = test_brokers();
  journal.topic = made->topics.journal;
  journal.expected.id = made->journal.id;
  journal.expected.master_key_fingerprint = connectors::fingerprint_of(test_master_key());
  const auto opened = connectors::open_kafka_journal(journal);
  BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
  BOOST_TEST((*opened)->identity().shards == 3U);

  const temporary_directory scratch;
  const fake_clock clock;
  connectors::kafka_keyring_options keys;
  keys.connection = test_brokers();
  keys.topic = made->topics.keys;
  keys.directory = scratch / "keyring";
  keys.master_key = test_master_key();
  keys.entropy = &entropy;
  keys.clock = &clock;
  const auto keyring = connectors::open_kafka_keyring(keys);
  BOOST_REQUIRE_MESSAGE(keyring, (keyring ? "" : keyring.error().text));
}

BOOST_AUTO_TEST_CASE(a_cluster_of_another_master_key_is_refused) {
  BOOST_REQUIRE(run());
  const auto other = run(engine::data_key(std::string(32, 'n')));
  BOOST_REQUIRE(!other);
  BOOST_TEST((other.error().code == errc::conflict));
  BOOST_TEST(other.error().text.contains("another master key"));
}

BOOST_AUTO_TEST_CASE(whose_key_a_cluster_has_is_known_before_a_key_is_made_for_it) {
  const auto before = connectors::find_cluster_key(config, nullptr);
  BOOST_REQUIRE_MESSAGE(before, (before ? "" : before.error().text));
  BOOST_TEST(!*before);
  BOOST_REQUIRE(run());
  const auto after = connectors::find_cluster_key(config, nullptr);
  BOOST_REQUIRE_MESSAGE(after, (after ? "" : after.error().text));
  BOOST_TEST((*after == connectors::fingerprint_of(test_master_key())));
}

BOOST_AUTO_TEST_CASE(a_cluster_that_was_made_only_in_part_has_a_key_too) {
  auto admin = connectors::kafka_admin::make(test_brokers());
  BOOST_REQUIRE(admin);
  const connectors::keyring_header header{events::to_hex(entropy.draw(16)),
                                          connectors::fingerprint_of(test_master_key())};
  BOOST_REQUIRE(
      connectors::make_keys_topic(**admin, test_brokers(), connectors::kafka_topics_of(config).keys, header, 1, 20s));
  const auto found = connectors::find_cluster_key(config, nullptr);
  BOOST_REQUIRE_MESSAGE(found, (found ? "" : found.error().text));
  BOOST_TEST((*found == connectors::fingerprint_of(test_master_key())));
}

BOOST_AUTO_TEST_CASE(the_topics_of_the_feed_are_fit_for_it_until_somebody_changes_them) {
  const auto made = run();
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  auto admin = std::move(*connectors::kafka_admin::make(test_brokers()));
  for (const auto& topic : {made->topics.events, made->topics.usage}) {
    BOOST_TEST(connectors::find_public_topic(*admin, topic, 10s, nullptr).has_value());
    BOOST_REQUIRE(admin->replace_topic_settings(topic, {{"max.message.bytes", "1000"}}, 10s));
    BOOST_TEST(eventually([&] {
      const auto found = connectors::find_public_topic(*admin, topic, 10s, nullptr);
      return !found && found.error().code == errc::invalid &&
             found.error().text.contains("--add-config max.message.bytes=1048576");
    }));
    BOOST_REQUIRE(admin->replace_topic_settings(topic, connectors::public_topic_settings(), 10s));
    BOOST_TEST(eventually([&] { return connectors::find_public_topic(*admin, topic, 10s, nullptr).has_value(); }));
  }
}

BOOST_AUTO_TEST_CASE(another_number_of_shards_is_refused) {
  BOOST_REQUIRE(run());
  config.journal_shards = 4;
  const auto other = run();
  BOOST_REQUIRE(!other);
  BOOST_TEST((other.error().code == errc::conflict));
  BOOST_TEST(other.error().text.contains("3 shards already"));
}

BOOST_AUTO_TEST_CASE(a_topic_of_somebody_else_is_left_alone) {
  auto admin = connectors::kafka_admin::make(test_brokers());
  BOOST_REQUIRE(admin);
  const auto topics = connectors::kafka_topics_of(config);
  BOOST_REQUIRE((*admin)->create_topic(topics.journal, 7, 1, {}, 10s));
  const auto refused = run();
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == errc::conflict));
  BOOST_TEST(refused.error().text.contains("7 partitions instead of 3"));
}

BOOST_AUTO_TEST_CASE(a_history_that_is_brought_along_keeps_its_identity) {
  const engine::journal_identity wanted{entropy.draw_id<events::journal_id>(), 5,
                                        connectors::fingerprint_of(test_master_key())};
  config.journal_shards = 0;
  const auto made = run(test_master_key(), wanted);
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  BOOST_TEST((made->journal.id == wanted.id));
  BOOST_TEST(made->journal.shards == 5U);
  const auto another = run(test_master_key(), engine::journal_identity{{}, 5, wanted.master_key_fingerprint});
  BOOST_REQUIRE(!another);
  BOOST_TEST((another.error().code == errc::conflict));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
