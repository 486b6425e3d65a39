#include "connectors/kafka/journal_topic.hpp"
#include "connectors/kafka/keys_topic.hpp"
#include "connectors/kafka/public_topic.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

/// What the settings of a topic must be, and what they should be.
namespace muster::tests {

namespace {

struct fixture {
  connectors::kafka_topic topic{1, 3};
  std::vector<std::string> warnings;

  static connectors::kafka_settings safe(connectors::kafka_settings settings) {
    settings["min.insync.replicas"] = "2";
    settings["unclean.leader.election.enable"] = "false";
    return settings;
  }
  std::string of_public(connectors::kafka_settings changed = {}) {
    changed.merge(safe(connectors::public_topic_settings()));
    return text(connectors::check_public_topic("muster.events", topic, changed, warnings));
  }
  std::string of_keys(connectors::kafka_settings changed = {}) {
    changed.merge(safe(connectors::keys_topic_settings()));
    return text(connectors::check_keys_topic("muster.keys", topic, changed, warnings));
  }
  static std::string text(const engine::result<void>& checked) {
    return checked ? std::string() : checked.error().text;
  }
  bool warned_of(std::string_view words) const {
    return std::ranges::any_of(warnings, [&](const std::string& each) { return each.contains(words); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(topic_check_, fixture)

BOOST_AUTO_TEST_CASE(topics_as_cluster_init_makes_them_are_right_and_warn_of_nothing) {
  BOOST_TEST(of_public() == "");
  BOOST_TEST(of_keys() == "");
  auto journal = safe(connectors::journal_topic_settings());
  BOOST_TEST(text(connectors::check_journal_topic("muster.journal", topic, journal, warnings)) == "");
  BOOST_TEST(warnings.empty());
}

BOOST_AUTO_TEST_CASE(every_topic_must_take_the_same_size) {
  BOOST_TEST(of_public({{"max.message.bytes", "1048575"}}) ==
             "the topic muster.events has max.message.bytes=1048575, and records and batches of up to 1048576 bytes "
             "must fit: set max.message.bytes=1048576 (kafka-configs.sh --alter --entity-type topics --entity-name "
             "muster.events --add-config max.message.bytes=1048576)");
  BOOST_TEST(of_keys({{"max.message.bytes", "100"}}).contains("set max.message.bytes=1048576"));
  auto journal = safe(connectors::journal_topic_settings());
  journal["max.message.bytes"] = "1048575";
  BOOST_TEST(text(connectors::check_journal_topic("muster.journal", topic, journal, warnings))
                 .contains("set max.message.bytes=1048576"));
}

BOOST_AUTO_TEST_CASE(a_public_topic_that_is_compacted_is_refused) {
  for (const auto* policy : {"compact", "compact,delete"})
    BOOST_TEST(of_public({{"cleanup.policy", policy}}).contains("--add-config cleanup.policy=delete"));
}

BOOST_AUTO_TEST_CASE(a_public_topic_may_forget_what_is_old) {
  BOOST_TEST(of_public({{"retention.ms", "3600000"}}) == "");
}

BOOST_AUTO_TEST_CASE(a_keys_topic_that_forgets_late_is_warned_of) {
  BOOST_TEST(of_keys({{"max.compaction.lag.ms", "900000000000"}}) == "");
  BOOST_TEST(warned_of("max.compaction.lag.ms=900000000000: destroyed keys stay on the brokers that long"));
  BOOST_TEST(of_keys({{"segment.ms", "604800000"}}) == "");
  BOOST_TEST(warned_of("segment.ms=604800000"));
  BOOST_TEST(of_keys({{"delete.retention.ms", "1000"}}) == "");
  BOOST_TEST(warned_of("delete.retention.ms=1000"));
}

BOOST_AUTO_TEST_CASE(a_topic_that_may_lose_records_is_warned_of) {
  BOOST_TEST(of_keys({{"unclean.leader.election.enable", "true"}}) == "");
  BOOST_TEST(warned_of("muster.keys has unclean.leader.election.enable=true"));
  topic.replicas = 1;
  BOOST_TEST(of_keys({{"min.insync.replicas", "1"}}) == "");
  BOOST_TEST(warned_of("muster.keys has 1 replica and min.insync.replicas=1"));
  BOOST_TEST(of_keys({{"min.insync.replicas", "2"}}).contains("nothing could ever be written"));
  BOOST_TEST(of_public({{"min.insync.replicas", "2"}}).contains("nothing could ever be written"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
