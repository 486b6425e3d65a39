#include "connectors/kafka/kafka_config.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

/// What a configuration means for Kafka's clients. It needs no broker.
namespace muster::tests {

namespace {

connectors::node_config on_kafka() {
  connectors::node_config config;
  config.journal_kind = "kafka";
  config.kafka_bootstrap = "journal:9092";
  config.kafka_settings["client.id"] = "of the journal";
  return config;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kafka_config)

BOOST_AUTO_TEST_CASE(the_feed_goes_where_the_journal_is_unless_told_otherwise) {
  auto config = on_kafka();
  config.kafka_topic_prefix = "ours.";
  const auto target = connectors::kafka_feed_target_of(config, nullptr);
  BOOST_REQUIRE(target);
  BOOST_REQUIRE(*target);
  BOOST_TEST((*target)->connection.bootstrap == "journal:9092");
  BOOST_TEST((*target)->connection.settings.at("client.id") == "of the journal");
  BOOST_TEST((*target)->events_topic == "ours.events");
  BOOST_TEST((*target)->usage_topic == "ours.usage");
}

BOOST_AUTO_TEST_CASE(the_feed_has_brokers_and_settings_of_its_own) {
  auto config = on_kafka();
  config.feed_kafka_bootstrap = "public:9093";
  config.feed_kafka_settings["security.protocol"] = "SSL";
  const auto target = connectors::kafka_feed_target_of(config, nullptr);
  BOOST_REQUIRE(target);
  BOOST_REQUIRE(*target);
  BOOST_TEST((*target)->connection.section == "feed.kafka");
  BOOST_TEST((*target)->connection.bootstrap == "public:9093");
  BOOST_TEST((*target)->connection.settings.size() == 1U);
  BOOST_TEST((*target)->connection.settings.at("security.protocol") == "SSL");
  BOOST_TEST((*target)->events_topic == "muster.events");
}

BOOST_AUTO_TEST_CASE(without_kafka_there_is_no_feed_on_it) {
  const auto target = connectors::kafka_feed_target_of({}, nullptr);
  BOOST_REQUIRE(target);
  BOOST_TEST(!*target);
}

BOOST_AUTO_TEST_CASE(settings_of_a_feed_without_brokers_are_not_passed_over) {
  auto config = on_kafka();
  config.feed_kafka_settings["security.protocol"] = "SSL";
  const auto target = connectors::kafka_feed_target_of(config, nullptr);
  BOOST_REQUIRE(!target);
  BOOST_TEST(target.error().text.starts_with("feed.kafka.bootstrap is missing"));
}

BOOST_AUTO_TEST_CASE(oauthbearer_needs_the_file_of_the_token) {
  for (const auto* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    auto config = on_kafka();
    config.kafka_settings["security.protocol"] = "SASL_SSL";
    config.kafka_settings[name] = "OAUTHBEARER";
    const auto connection = connectors::kafka_connection_of(config, nullptr);
    BOOST_REQUIRE(!connection);
    BOOST_TEST(connection.error().text.starts_with("kafka.oauth_token_file is missing"));
    config.kafka_oauth_token_file = "token";
    BOOST_TEST(connectors::kafka_connection_of(config, nullptr).has_value());
    config.kafka_oauth_token_file.clear();
    config.kafka_settings["sasl.oauthbearer.method"] = "oidc";
    BOOST_TEST(connectors::kafka_connection_of(config, nullptr).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_token_file_says_who_it_is_for_and_how_long) {
  const temporary_directory directory;
  const auto file = directory / "token";
  write_file(file, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtdXN0ZXIiLCJleHAiOjE3MDAwMDAwMDB9.\n");
  const auto token = connectors::read_oauth_token("kafka.oauth_token_file", file);
  BOOST_REQUIRE(token);
  BOOST_TEST(token->principal == "muster");
  BOOST_TEST((token->expires == std::chrono::seconds(1'700'000'000)));
}

BOOST_AUTO_TEST_CASE(a_token_file_that_holds_no_token_is_named_and_its_content_is_not) {
  const temporary_directory directory;
  const auto file = directory / "token";
  const auto complaint = [&](const std::string& content) {
    write_file(file, content);
    const auto token = connectors::read_oauth_token("feed.kafka.oauth_token_file", file);
    return token ? std::string("none") : token.error().text;
  };
  const auto begin = "feed.kafka.oauth_token_file " + file.string() + ": ";
  BOOST_TEST(complaint("") == begin + "it cannot be read, or is empty");
  BOOST_TEST(complaint("secret") == begin + "it holds no JWT (three parts with dots between)");
  BOOST_TEST(complaint("a.secret.c") == begin + "the token's claims are no JSON in base64url");
  BOOST_TEST(complaint("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtdXN0ZXIifQ.") ==
             begin + "the token has no claim exp, a number of seconds");
}

BOOST_AUTO_TEST_CASE(credentials_that_the_protocol_passes_over_are_refused) {
  const auto refusal = [](std::map<std::string, std::string> settings) {
    auto config = on_kafka();
    config.kafka_settings = std::move(settings);
    const auto made = connectors::kafka_connection_of(config, nullptr);
    return made ? std::string() : made.error().text;
  };
  BOOST_TEST(refusal({{"sasl.mechanism", "PLAIN"}}) ==
             "kafka.sasl.mechanism has no effect while kafka.security.protocol is plaintext: set "
             "kafka.security.protocol to SASL_SSL, or leave it out");
  BOOST_TEST(refusal({{"sasl.username", "muster"}, {"security.protocol", "SSL"}}).contains("SASL_SSL"));
  BOOST_TEST(refusal({{"ssl.ca.location", "ca.pem"}}).contains("set kafka.security.protocol to SSL"));
  BOOST_TEST(refusal({{"ssl.ca.location", "ca.pem"}, {"security.protocol", "SASL_PLAINTEXT"}}).contains("SASL_SSL"));
  BOOST_TEST(refusal({{"sasl.mechanism", "PLAIN"}, {"ssl.ca.location", "ca.pem"}, {"security.protocol", "SASL_SSL"}}) ==
             "");
  BOOST_TEST(refusal({{"sasl.mechanism", "PLAIN"}, {"security.protocol", "sasl_plaintext"}}) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
