#include "connectors/node/config.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using connectors::node_config;

/// Reads `text` as muster.toml; gives what is wrong with it, without the directory.
std::string complaint_about(const std::string& text, node_config& config) {
  const tests::temporary_directory directory;
  const auto file = directory.path() / "muster.toml";
  tests::write_file(file, text);
  const auto read = connectors::read_config_file(file, config);
  if (read) return {};
  const auto& complaint = read.error().text;
  const auto at = complaint.find("muster.toml");
  return at == std::string::npos ? complaint : complaint.substr(at);
}

std::string complaint_about(const std::string& text) {
  node_config config;
  return complaint_about(text, config);
}

std::string complaint_about_set(const std::string& assignment) {
  node_config config;
  const auto set = connectors::set_option(assignment, config);
  return set ? std::string() : set.error().text;
}

const std::string token_hash(64, 'a');

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(options_of_every_kind_are_read) {
  node_config config;
  const auto complaint = complaint_about("[node]\n"
                                         "data = \"/var/lib/muster\"\n"
                                         "[https]\n"
                                         "address = \"0.0.0.0:443\"\n"
                                         "threads = 4\n"
                                         "names = [\"dps.example\", \"10.0.0.1\"]\n"
                                         "[operators]\n"
                                         "ana = \"" +
                                             token_hash + "\"\n",
                                         config);
  BOOST_TEST(complaint == "");
  BOOST_TEST(config.data == "/var/lib/muster");
  BOOST_TEST(config.https_address == "0.0.0.0:443");
  BOOST_TEST(config.https_threads == 4);
  BOOST_TEST((config.https_names == std::vector<std::string>{"dps.example", "10.0.0.1"}));
  BOOST_TEST(config.operators.at("ana") == token_hash);
}

BOOST_AUTO_TEST_CASE(a_body_and_where_the_log_goes_can_be_set) {
  node_config config;
  BOOST_TEST(complaint_about("[https]\nbody_bytes_max = 4096\n[log]\nfile = \"/var/log/muster.log\"\n", config) == "");
  BOOST_TEST(config.https_body_bytes_max == 4096U);
  BOOST_TEST(config.log_file == "/var/log/muster.log");
  BOOST_TEST(complaint_about_set("https.body_bytes_max=98305") ==
             "--set https.body_bytes_max: it must be 1024 to 98304, not 98305");
}

BOOST_AUTO_TEST_CASE(what_a_file_does_not_name_keeps_its_default) {
  node_config config;
  BOOST_TEST(complaint_about("[log]\nlevel = \"debug\"\n", config) == "");
  BOOST_TEST(config.log_level == "debug");
  BOOST_TEST(config.https_address == node_config{}.https_address);
}

BOOST_AUTO_TEST_CASE(an_unknown_option_is_located_and_the_nearest_one_named) {
  BOOST_TEST(complaint_about("\n[https]\n\naddres = \"x\"\n") ==
             "muster.toml:4: https.addres: unknown option, did you mean https.address?");
  BOOST_TEST(complaint_about("[weather]\nrain = 1\n") ==
             "muster.toml:2: weather.rain: unknown option; 'muster serve --print-config' lists all");
}

BOOST_AUTO_TEST_CASE(a_wrong_type_is_located) {
  BOOST_TEST(complaint_about("[https]\nthreads = \"two\"\n") ==
             "muster.toml:2: https.threads: expected a whole number");
  BOOST_TEST(complaint_about("[https]\naddress = 8443\n") == "muster.toml:2: https.address: expected a text in quotes");
  BOOST_TEST(
      complaint_about("[https]\nnames = \"a\"\n").starts_with("muster.toml:2: https.names: expected a list of texts"));
  BOOST_TEST(complaint_about("https = 1\n").starts_with("muster.toml:1: https: expected a section"));
}

BOOST_AUTO_TEST_CASE(a_value_out_of_range_is_located_with_its_range) {
  BOOST_TEST(complaint_about("[journal]\nshards = 2000\n") ==
             "muster.toml:2: journal.shards: it must be 0 to 1024, not 2000");
  BOOST_TEST(complaint_about("[log]\nlevel = \"loud\"\n") ==
             "muster.toml:2: log.level: it must be one of debug|info|warning|error, not 'loud'");
  BOOST_TEST(complaint_about("[operators]\nana = \"secret\"\n") ==
             "muster.toml:2: operators.ana: expected the SHA-256 of the token, 64 hexadecimal digits");
}

BOOST_AUTO_TEST_CASE(an_address_that_nobody_can_listen_on_is_located) {
  const std::string why = "' is no address to listen on: give ADDRESS:PORT, for example 127.0.0.1:8443 or [::1]:8443";
  BOOST_TEST(complaint_about("[https]\n\naddress = \"nonsense\"\n") == "muster.toml:3: https.address: 'nonsense" + why);
  for (const std::string wrong : {"", "8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8443",
                                  "[127.0.0.1]:1", "[::1]", "host.example:1", "127.0.0.1:1x"})
    BOOST_TEST(complaint_about_set("https.address=" + wrong) == "--set https.address: '" + wrong + why);
  for (const std::string right : {"127.0.0.1:0", "localhost:8443", "[::]:65535", "0.0.0.0:443"})
    BOOST_TEST(complaint_about_set("https.address=" + right) == "");
}

BOOST_AUTO_TEST_CASE(a_certificate_without_its_key_is_located) {
  node_config config;
  BOOST_TEST(complaint_about("[https]\n\ncertificate_file = \"a.pem\"\n", config) == "");
  const auto alone = connectors::check_config(config);
  BOOST_REQUIRE(!alone);
  BOOST_TEST(alone.error().text.ends_with("muster.toml:3: https.certificate_file: https.key_file is missing: give "
                                          "both, or none for a certificate of our own"));
  BOOST_TEST(connectors::set_option("https.key_file=a.key", config).has_value());
  BOOST_TEST(connectors::check_config(config).has_value());
  config = {};
  BOOST_TEST(connectors::check_config(config).has_value());
  BOOST_TEST(connectors::set_option("https.key_file=a.key", config).has_value());
  BOOST_TEST(connectors::check_config(config).error().text.starts_with(
      "--set https.key_file: https.certificate_file is missing"));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_toml_is_located) {
  BOOST_TEST(complaint_about("[https]\nthreads = = 2\n").starts_with("muster.toml:2: "));
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_named) {
  node_config config;
  const auto read = connectors::read_config_file("no/such.toml", config);
  BOOST_TEST(!read.has_value());
  BOOST_TEST(read.error().text == "no/such.toml: cannot be read");
}

BOOST_AUTO_TEST_CASE(options_are_set_from_the_command_line) {
  node_config config;
  BOOST_TEST(connectors::set_option("journal.shards=4", config).has_value());
  BOOST_TEST(connectors::set_option("https.names=a.example,b.example", config).has_value());
  BOOST_TEST(connectors::set_option("keyring.master_key_file=/etc/key=1", config).has_value());
  BOOST_TEST(connectors::set_option("operators.ana=" + token_hash, config).has_value());
  BOOST_TEST(config.journal_shards == 4);
  BOOST_TEST(config.https_names.size() == 2);
  BOOST_TEST(config.keyring_master_key_file == "/etc/key=1");
  BOOST_TEST(config.operators.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_wrong_setting_on_the_command_line_is_explained) {
  BOOST_TEST(complaint_about_set("journal.shards") == "--set journal.shards: expected section.key=value");
  BOOST_TEST(complaint_about_set("journal.shard=1") ==
             "--set: journal.shard: unknown option, did you mean journal.shards?");
  BOOST_TEST(complaint_about_set("journal.shards=-1") == "--set journal.shards: expected a whole number, not '-1'");
  BOOST_TEST(complaint_about_set("journal.shards=9x") == "--set journal.shards: expected a whole number, not '9x'");
  BOOST_TEST(complaint_about_set("journal.shards=5000") == "--set journal.shards: it must be 0 to 1024, not 5000");
}

BOOST_AUTO_TEST_CASE(properties_of_librdkafka_are_read_under_their_own_names) {
  node_config config;
  const auto complaint = complaint_about("[kafka]\n"
                                         "bootstrap = \"a:9092,b:9092\"\n"
                                         "security.protocol = \"SASL_SSL\"\n"
                                         "\"sasl.username\" = \"muster\"\n"
                                         "socket.timeout.ms = 7000\n"
                                         "socket.keepalive.enable = true\n",
                                         config);
  BOOST_TEST(complaint == "");
  BOOST_TEST(config.kafka_bootstrap == "a:9092,b:9092");
  BOOST_TEST(config.kafka_settings.at("security.protocol") == "SASL_SSL");
  BOOST_TEST(config.kafka_settings.at("sasl.username") == "muster");
  BOOST_TEST(config.kafka_settings.at("socket.timeout.ms") == "7000");
  BOOST_TEST(config.kafka_settings.at("socket.keepalive.enable") == "true");
  BOOST_TEST(connectors::set_option("kafka.sasl.password=a=b", config).has_value());
  BOOST_TEST(config.kafka_settings.at("sasl.password") == "a=b");
}

BOOST_AUTO_TEST_CASE(a_property_of_librdkafka_that_is_wrong_is_located) {
  BOOST_TEST(complaint_about("[kafka]\nacks = \"1\"\n") ==
             "muster.toml:2: kafka.acks: it cannot be set: what Muster promises rests on its value");
  BOOST_TEST(complaint_about("[kafka]\n\n\"plugin.library.paths\" = \"x\"\n") ==
             "muster.toml:3: kafka.plugin.library.paths: it cannot be set: it would replace the brokers or load code");
  BOOST_TEST(complaint_about("[kafka]\nsecurity.protocol = \"TLS\"\n")
                 .starts_with("muster.toml:2: kafka.security.protocol: librdkafka says: "));
  BOOST_TEST(complaint_about("[kafka]\nno.such.thing = 1\n")
                 .starts_with("muster.toml:2: kafka.no.such.thing: librdkafka says: "));
  BOOST_TEST(complaint_about_set("kafka.enable.idempotence=false") ==
             "--set kafka.enable.idempotence: it cannot be set: what Muster promises rests on its value");
}

BOOST_AUTO_TEST_CASE(the_feed_has_a_section_of_its_own_for_kafka) {
  node_config config;
  const auto complaint = complaint_about("[feed]\n"
                                         "topic = \"events\"\n"
                                         "kafka.bootstrap = \"a:9093\"\n"
                                         "kafka.security.protocol = \"SSL\"\n"
                                         "[feed.kafka.ssl]\n"
                                         "ca.location = \"ca.pem\"\n",
                                         config);
  BOOST_TEST(complaint == "");
  BOOST_TEST(config.feed_topic == "events");
  BOOST_TEST(config.feed_kafka_bootstrap == "a:9093");
  BOOST_TEST(config.feed_kafka_settings.at("security.protocol") == "SSL");
  BOOST_TEST(config.feed_kafka_settings.at("ssl.ca.location") == "ca.pem");
  BOOST_TEST(connectors::set_option("feed.kafka.sasl.password=a=b", config).has_value());
  BOOST_TEST(config.feed_kafka_settings.at("sasl.password") == "a=b");
  BOOST_TEST(config.kafka_settings.empty());
  BOOST_TEST(connectors::print_config(config).find("a=b") == std::string::npos);

  BOOST_TEST(complaint_about("[feed.kafka]\nacks = 1\n") ==
             "muster.toml:2: feed.kafka.acks: it cannot be set: what Muster promises rests on its value");
  BOOST_TEST(complaint_about_set("feed.kafka.test.mock.num.brokers=1") ==
             "--set feed.kafka.test.mock.num.brokers: it cannot be set: it would replace the brokers or load code");
  BOOST_TEST(complaint_about_set("feed.kafka=a:9092") ==
             "--set: feed.kafka: unknown option, did you mean feed.kafka.bootstrap?");
}

BOOST_AUTO_TEST_CASE(properties_of_librdkafka_that_would_stop_a_node_are_refused) {
  for (const auto* set : {"delivery.report.only.error=true", "log.queue=true", "enabled_events=1", "client.rack=a",
                          "topic.blacklist=.*", "api.version.request=false", "broker.version.fallback=0.9.0",
                          "retries=1", "queuing.strategy=lifo", "offset.store.method=file", "fetch.min.bytes=1000000",
                          "allow.auto.create.topics=true", "enable.gapless.guarantee=true"})
    BOOST_TEST(complaint_about_set("kafka." + std::string(set)).contains("it cannot be set: "), set);
  for (const auto* set :
       {"message.timeout.ms=1", "message.timeout.ms=0", "delivery.timeout.ms=1", "request.timeout.ms=1",
        "linger.ms=900000", "queue.buffering.max.ms=900000", "queue.buffering.max.messages=1",
        "queue.buffering.max.kbytes=1", "fetch.wait.max.ms=300000", "fetch.max.bytes=1", "max.partition.fetch.bytes=1",
        "receive.message.max.bytes=1000", "fetch.error.backoff.ms=300000", "reconnect.backoff.max.ms=3600000",
        "topic.metadata.refresh.interval.ms=-1", "metadata.max.age.ms=1", "connections.max.idle.ms=1"})
    BOOST_TEST(complaint_about_set("kafka." + std::string(set)).contains("it must be "), set);
  BOOST_TEST(complaint_about_set("kafka.message.timeout.ms=1") ==
             "--set kafka.message.timeout.ms: it must be from 1000 to 300000: else answers would come too late, or "
             "time out before they can come");
  BOOST_TEST(complaint_about_set("kafka.queue.buffering.max.messages=1") ==
             "--set kafka.queue.buffering.max.messages: it must be 16384 at least, or 0 for no limit: else frames of "
             "all shards and a round of the feed would find no room");
  for (const auto* set : {"message.timeout.ms=10000", "linger.ms=0.5", "queue.buffering.max.messages=0",
                          "queue.buffering.max.messages=200000", "connections.max.idle.ms=0"})
    BOOST_TEST(complaint_about_set("kafka." + std::string(set)) == "", set);
}

BOOST_AUTO_TEST_CASE(secrets_for_kafka_are_never_printed) {
  node_config config;
  BOOST_TEST(connectors::set_option("kafka.sasl.password=hunter2", config).has_value());
  BOOST_TEST(connectors::set_option("kafka.ssl.key.password=hunter2", config).has_value());
  BOOST_TEST(connectors::print_config(config).find("hunter2") == std::string::npos);
  BOOST_TEST(complaint_about_set("kafka.sasl.password").find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cluster_has_as_many_shards_as_configured_or_64) {
  node_config config;
  BOOST_TEST(connectors::cluster_shards_of(config) == 64U);
  config.journal_shards = 5;
  BOOST_TEST(connectors::cluster_shards_of(config) == 5U);
}

BOOST_AUTO_TEST_CASE(a_printed_configuration_reads_back_as_the_same) {
  node_config config;
  config.node_name = "a \"quoted\" name\\";
  config.https_names = {"a.example", "b.example"};
  config.journal_shards = 3;
  config.kafka_settings["socket.timeout.ms"] = "7000";
  config.feed_kafka_settings["ssl.ca.location"] = "a \"quoted\" path";
  config.operators["ana"] = token_hash;
  const auto printed = connectors::print_config(config);
  node_config again;
  BOOST_TEST(complaint_about(printed, again) == "");
  BOOST_TEST(connectors::print_config(again) == printed);
  BOOST_TEST(again.node_name == config.node_name);
}

BOOST_AUTO_TEST_CASE(every_default_is_within_its_own_range) {
  node_config config;
  BOOST_TEST(complaint_about(connectors::print_config({}), config) == "");
}

BOOST_AUTO_TEST_SUITE_END()
