#include "connectors/kafka/cluster_init.hpp"
#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_keyring.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/migration_mark.hpp"
#include "connectors/storage/master_key.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/kafka.hpp"
#include "tests/support/keys.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

/// What is the unfinished target of a migration is used by nobody else, wherever they look from.
namespace muster::tests {

using engine::errc;

namespace {

struct fixture {
  temporary_directory directory;
  connectors::system_entropy entropy;
  fake_clock clock;
  connectors::node_config config;
  connectors::kafka_topics topics;
  engine::journal_identity identity{entropy.draw_id<events::journal_id>(), 2,
                                    connectors::fingerprint_of(test_master_key())};

  fixture() {
    config.journal_kind = "kafka";
    config.kafka_bootstrap = test_brokers().bootstrap;
    config.kafka_topic_prefix = fresh_topic() + ".";
    topics = connectors::kafka_topics_of(config);
  }
  engine::result<connectors::initialized_cluster> make(std::optional<engine::journal_identity> wanted) {
    return connectors::initialize_cluster(config, test_master_key(), wanted, entropy, nullptr);
  }
  engine::result<std::unique_ptr<engine::keyring>> open(const std::string& machine, bool for_migration = false) {
    connectors::kafka_keyring_options keys;
    keys.connection = test_brokers();
    keys.topic = topics.keys;
    keys.directory = directory / machine;
    keys.master_key = test_master_key();
    keys.entropy = &entropy;
    keys.clock = &clock;
    keys.for_migration = for_migration;
    return connectors::open_kafka_keyring(keys);
  }
  void check_refused(const engine::error& error) const {
    BOOST_TEST((error.code == errc::conflict));
    BOOST_TEST(
        error.text.contains("unfinished target of a migration from journal " + events::to_hex(identity.id.view())));
    BOOST_TEST(error.text.contains("Run 'muster migrate --from embedded --to kafka' again"));
  }
  std::optional<std::string> mark() const {
    const auto found = connectors::find_migration_mark(test_brokers(), topics.keys, 20s);
    BOOST_REQUIRE_MESSAGE(found, (found ? "" : found.error().text));
    return *found;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(migration_mark, fixture)

BOOST_AUTO_TEST_CASE(its_form_is_fixed) {
  BOOST_TEST(connectors::encode_migration_mark({}) ==
             R"({"muster":"moving","format":1,"journal":"00000000000000000000000000000000"})");
  BOOST_TEST(connectors::unfinished_migration("muster.keys", "of a later version").text.contains("(unknown)"));
}

BOOST_AUTO_TEST_CASE(a_target_has_it_from_the_beginning_until_it_is_taken_away) {
  const auto made = make(identity);
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  BOOST_TEST(made->unfinished);
  BOOST_TEST((mark() == connectors::encode_migration_mark(identity.id)));
  BOOST_TEST(make(identity)->unfinished);
  BOOST_REQUIRE(connectors::remove_migration_mark(test_brokers(), topics.keys));
  BOOST_TEST(!mark());
  const auto again = make(identity);
  BOOST_REQUIRE_MESSAGE(again, (again ? "" : again.error().text));
  BOOST_TEST(!again->unfinished);
  BOOST_TEST(!mark());
}

BOOST_AUTO_TEST_CASE(it_is_there_before_the_journal_is) {
  auto admin = connectors::kafka_admin::make(test_brokers());
  BOOST_REQUIRE(admin);
  BOOST_REQUIRE((*admin)->create_topic(topics.journal, 1, 1, {}, 10s));  // of somebody else: this ends the making
  BOOST_REQUIRE(!make(identity));
  BOOST_TEST((mark() == connectors::encode_migration_mark(identity.id)));
  const auto other = make({});
  BOOST_REQUIRE(!other);
  check_refused(other.error());
}

BOOST_AUTO_TEST_CASE(a_cluster_that_is_no_target_has_none) {
  const auto made = make({});
  BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  BOOST_TEST(!made->unfinished);
  BOOST_TEST(!mark());
}

BOOST_AUTO_TEST_CASE(nobody_opens_what_has_it_but_the_migration) {
  BOOST_REQUIRE(make(identity));
  const auto opened = open("a machine");
  BOOST_REQUIRE(!opened);
  check_refused(opened.error());
  const engine::named_key key{entropy.draw_id<events::data_key_id>(), engine::data_key(entropy.draw(32))};
  {
    auto migrating = open("a machine", true);
    BOOST_REQUIRE_MESSAGE(migrating, (migrating ? "" : migrating.error().text));
    BOOST_REQUIRE((*migrating)->store({&key, 1}));
    std::vector<engine::named_key> all;
    BOOST_REQUIRE((*migrating)->each([&](const auto& each) { return all.push_back(each), engine::result<void>(); }));
    BOOST_TEST_REQUIRE(all.size() == 1U);  // the mark is no key
    BOOST_TEST((all.front().id == key.id));
  }
  for (const auto* machine : {"a machine", "another machine"}) {
    const auto refused = open(machine);
    BOOST_REQUIRE(!refused);
    check_refused(refused.error());
  }
  BOOST_REQUIRE(connectors::remove_migration_mark(test_brokers(), topics.keys));
  for (const auto* machine : {"a machine", "another machine", "a third"}) {
    const auto whole = open(machine);
    BOOST_REQUIRE_MESSAGE(whole, (whole ? "" : whole.error().text));
    BOOST_TEST((*whole)->find(key.id).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_machine_that_knows_the_keyring_hears_of_it_too) {
  BOOST_REQUIRE(make({}));
  BOOST_REQUIRE(open("a machine"));
  BOOST_REQUIRE(connectors::set_migration_mark(test_brokers(), topics.keys, identity.id));
  const auto opened = open("a machine");
  BOOST_REQUIRE(!opened);
  check_refused(opened.error());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
