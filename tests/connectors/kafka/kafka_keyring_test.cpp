#include "connectors/kafka/kafka_consumer.hpp"
#include "connectors/kafka/kafka_keyring.hpp"
#include "connectors/kafka/key_cache.hpp"
#include "connectors/storage/key_wrap.hpp"
#include "connectors/storage/master_key.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/files.hpp"
#include "tests/support/kafka.hpp"
#include "tests/support/keys.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace muster::tests {

/// A keys topic of its own on the brokers of this run, and one node that follows it.
struct kafka_keyring_adapter {
  temporary_directory directory;
  connectors::system_entropy entropy;
  fake_clock clock;
  connectors::kafka_keyring_options options;
  std::unique_ptr<connectors::kafka_admin> admin;
  std::unique_ptr<engine::keyring> keyring;

  kafka_keyring_adapter() {
    options.connection = test_brokers();
    options.topic = fresh_topic();
    options.directory = directory / "keyring";
    options.master_key = test_master_key();
    options.entropy = &entropy;
    options.clock = &clock;
    admin = std::move(*connectors::kafka_admin::make(options.connection));
    const auto made = make();
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  }
  engine::result<connectors::keyring_header> make() {
    const connectors::keyring_header header{events::to_hex(entropy.draw(16)),
                                            connectors::fingerprint_of(options.master_key)};
    return connectors::make_keys_topic(*admin, options.connection, options.topic, header, 1, 20s);
  }
  engine::keyring& open() {
    auto opened = connectors::open_kafka_keyring(options);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
    keyring = std::move(*opened);
    return *keyring;
  }
  void close() { keyring.reset(); }

  /// What the topic's newest record with a value under `id` says.
  std::string wrapped_on_topic(const events::data_key_id& id) {
    const auto marks = admin->watermarks(options.topic, 0, 10s);
    auto consumer = std::move(*connectors::kafka_consumer::make(options.connection, options.topic));
    BOOST_REQUIRE(consumer->start(0, connectors::kafka_consumer::from_beginning));
    std::string wrapped;
    bool ended = false;
    while (!ended) {
      consumer->poll(100ms, 1000, [&](const connectors::kafka_event& event) {
        ended = ended || event.what == connectors::kafka_event::kind::end;
        if (event.what == connectors::kafka_event::kind::record && event.key == id.view() && event.value)
          wrapped = *event.value;
      });
    }
    return wrapped;
  }
};

using keyring_adapters = boost::mpl::list<kafka_keyring_adapter>;

}  // namespace muster::tests

#include "tests/connectors/storage/keyring_conformance.hpp"

namespace muster::tests {

BOOST_FIXTURE_TEST_SUITE(kafka_keyring, kafka_keyring_adapter)

BOOST_AUTO_TEST_CASE(a_key_stored_by_one_node_is_found_by_another_at_once) {
  auto& one = open();
  auto other_options = options;
  other_options.directory = directory / "other";
  const auto other = connectors::open_kafka_keyring(other_options);
  BOOST_REQUIRE(other);
  for (int i = 0; i < 20; ++i) {
    const auto key = draw_key(entropy);
    BOOST_REQUIRE(one.store({&key, 1}));
    const auto found = (*other)->find(key.id);
    BOOST_REQUIRE_MESSAGE(found, (found ? "" : found.error().text));
    BOOST_TEST(found->bytes() == key.key.bytes());
  }
}

BOOST_AUTO_TEST_CASE(a_key_destroyed_by_one_node_goes_from_the_files_of_another) {
  auto& one = open();
  auto other_options = options;
  other_options.directory = directory / "other";
  auto other = connectors::open_kafka_keyring(other_options);
  BOOST_REQUIRE(other);
  const auto key = draw_key(entropy);
  BOOST_REQUIRE(one.store({&key, 1}));
  BOOST_REQUIRE((*other)->find(key.id));
  const auto wrapped = wrapped_on_topic(key.id);
  BOOST_REQUIRE(files_holding(directory.path(), wrapped) != "");
  BOOST_REQUIRE(one.destroy({&key.id, 1}));
  BOOST_TEST(files_holding(options.directory, wrapped) == "");
  BOOST_REQUIRE(eventually([&] { return !(*other)->find(key.id); }));
  other->reset();  // it erases once a minute, and when it starts
  other = connectors::open_kafka_keyring(other_options);
  BOOST_REQUIRE(other);
  BOOST_TEST(eventually([&] { return files_holding(other_options.directory, wrapped).empty(); }));
}

BOOST_AUTO_TEST_CASE(no_file_and_no_record_holds_a_key_in_the_clear) {
  auto& keys = open();
  const auto key = draw_key(entropy);
  BOOST_REQUIRE(keys.store({&key, 1}));
  const auto wrapped = wrapped_on_topic(key.id);
  BOOST_TEST(wrapped.size() == 61U);
  BOOST_TEST(wrapped.find(key.key.bytes()) == std::string::npos);
  BOOST_TEST(files_holding(directory.path(), key.key.bytes()) == "");
  BOOST_TEST(files_holding(test_broker_files(), key.key.bytes()) == "");
}

BOOST_AUTO_TEST_CASE(the_brokers_forget_a_destroyed_key_when_they_compact) {
  auto quick = connectors::keys_topic_settings();
  quick["max.compaction.lag.ms"] = "100";
  quick["segment.ms"] = "100";
  quick["file.delete.delay.ms"] = "100";
  BOOST_REQUIRE(admin->replace_topic_settings(options.topic, quick, 10s));
  options.roll_after = 1s;
  auto& keys = open();
  const auto doomed = draw_key(entropy);
  const auto kept = draw_key(entropy);
  BOOST_REQUIRE(keys.store(std::vector{doomed, kept}));
  const auto wrapped = wrapped_on_topic(doomed.id);
  BOOST_REQUIRE(files_holding(test_broker_files(), wrapped) != "");
  BOOST_REQUIRE(keys.destroy({&doomed.id, 1}));
  // Nothing else is written: the keyring itself must see to it that the segment is closed.
  BOOST_TEST(eventually([&] { return files_holding(test_broker_files(), wrapped).empty(); }, 90s));
  close();
  std::filesystem::remove_all(options.directory);
  BOOST_TEST(open().find(kept.id)->bytes() == kept.key.bytes());
  BOOST_TEST(!keyring->find(doomed.id));
}

BOOST_AUTO_TEST_CASE(a_copy_that_may_have_missed_destructions_is_made_anew) {
  const auto key = draw_key(entropy);
  const auto ghost = draw_key(entropy);
  BOOST_REQUIRE(open().store({&key, 1}));
  close();
  {
    // As if it had been destroyed while this node was away, and the tombstone were gone already.
    const auto header = connectors::read_keyring_header(options.connection, options.topic, 10s);
    BOOST_REQUIRE(header);
    auto copy = connectors::key_cache::open(options.directory, header->keyring);
    BOOST_REQUIRE(copy);
    BOOST_REQUIRE(
        (*copy)->keep({{std::string(ghost.id.view()), connectors::wrap_key(test_master_key(), ghost, entropy)}}));
  }
  BOOST_TEST(open().find(ghost.id).has_value());
  close();
  clock.set(clock.now() + 13h);
  BOOST_TEST(!open().find(ghost.id));
  BOOST_TEST(keyring->find(key.id).has_value());
}

BOOST_AUTO_TEST_CASE(a_copy_of_another_keyring_is_thrown_away) {
  const auto key = draw_key(entropy);
  BOOST_REQUIRE(open().store({&key, 1}));
  close();
  options.topic = fresh_topic();
  BOOST_REQUIRE(make());
  BOOST_TEST(!open().find(key.id));
}

BOOST_AUTO_TEST_CASE(another_master_key_is_refused) {
  options.master_key = data_key(std::string(32, 'n'));
  const auto opened = connectors::open_kafka_keyring(options);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == errc::denied));
  BOOST_TEST(opened.error().text.contains("give the master key that belongs to this keyring"));
}

BOOST_AUTO_TEST_CASE(a_topic_that_is_not_compacted_is_refused_with_what_to_do) {
  BOOST_REQUIRE(admin->replace_topic_settings(options.topic, {{"cleanup.policy", "delete"}}, 10s));
  const auto opened = connectors::open_kafka_keyring(options);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == errc::invalid));
  BOOST_TEST(opened.error().text.contains("--add-config cleanup.policy=compact"));
}

BOOST_AUTO_TEST_CASE(a_topic_that_takes_no_key_is_refused_with_what_to_do) {
  BOOST_REQUIRE(
      admin->replace_topic_settings(options.topic, {{"cleanup.policy", "compact"}, {"max.message.bytes", "100"}}, 10s));
  const auto opened = connectors::open_kafka_keyring(options);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == errc::invalid));
  BOOST_TEST(opened.error().text.contains("--add-config max.message.bytes=1048576"));
}

BOOST_AUTO_TEST_CASE(a_missing_topic_is_named_with_what_to_do) {
  options.topic = fresh_topic();
  options.start_wait = 2s;
  const auto opened = connectors::open_kafka_keyring(options);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == errc::not_found));
  BOOST_TEST(opened.error().text.contains("muster cluster init"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
