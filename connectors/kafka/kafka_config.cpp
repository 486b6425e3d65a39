#include "connectors/kafka/kafka_config.hpp"

#include "connectors/json/json_body.hpp"
#include "events/bytes.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

constexpr std::size_t token_bytes_max = 64 * 1024;

std::optional<std::string> from_base64url(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  while (text.size() % 4 != 0) text.push_back('=');
  return events::from_base64(text);
}

/// Whether nobody but us can get the token that these settings need: librdkafka has ways of its own too.
bool needs_our_token(const std::map<std::string, std::string>& settings) {
  const auto is = [&](const char* name, std::string_view value) {
    const auto at = settings.find(name);
    return at != settings.end() && at->second == value;
  };
  const bool oauth = is("sasl.mechanism", "OAUTHBEARER") || is("sasl.mechanisms", "OAUTHBEARER");
  return oauth && !is("sasl.oauthbearer.method", "oidc") && !is("enable.sasl.oauthbearer.unsecure.jwt", "true");
}

bool begins_with_any(std::string_view name, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view each) { return name.starts_with(each); });
}

/// librdkafka passes over credentials and certificates that the protocol has no use for, and then talks in the clear or
/// as nobody.
result<void> check_protocol(const std::string& section, const std::map<std::string, std::string>& settings,
                            const std::string& token_file) {
  const auto at = settings.find("security.protocol");
  const auto protocol = at == settings.end() ? "plaintext" : events::to_lower(at->second);
  const bool sasl = protocol.starts_with("sasl_");
  const bool tls = protocol.ends_with("ssl");
  const auto idle = [&](const std::string& name, const std::string& right) {
    return fail(errc::invalid, section + "." + name + " has no effect while " + section + ".security.protocol is " +
                                   protocol + ": set " + section + ".security.protocol to " + right +
                                   ", or leave it out");
  };
  if (!sasl && !token_file.empty()) return idle("oauth_token_file", "SASL_SSL");
  for (const auto& [name, value] : settings) {
    if (!sasl && begins_with_any(name, {"sasl.", "enable.sasl."})) return idle(name, "SASL_SSL");
    if (!tls && begins_with_any(name, {"ssl.", "enable.ssl."})) return idle(name, sasl ? "SASL_SSL" : "SSL");
  }
  return {};
}

result<kafka_connection> connection_of(std::string section, const std::string& bootstrap,
                                       const std::map<std::string, std::string>& settings,
                                       const std::string& token_file, engine::log* log) {
  const auto option = section + ".oauth_token_file";
  if (token_file.empty() && needs_our_token(settings)) {
    return fail(errc::invalid, option +
                                   " is missing: with sasl.mechanism OAUTHBEARER it names a file that always holds "
                                   "a valid token");
  }
  if (auto fit = check_protocol(section, settings, token_file); !fit) return std::unexpected(fit.error());
  kafka_connection connection;
  connection.section = std::move(section);
  connection.bootstrap = bootstrap;
  connection.settings.insert(settings.begin(), settings.end());
  if (!token_file.empty())
    connection.oauth_token = [option, token_file] { return read_oauth_token(option, token_file); };
  connection.log = log;
  return connection;
}

}  // namespace

result<kafka_connection> kafka_connection_of(const node_config& config, engine::log* log) {
  if (config.kafka_bootstrap.empty())
    return fail(errc::invalid,
                "kafka.bootstrap is missing: say where the brokers are, with --kafka HOST:PORT or in [kafka]");
  return connection_of("kafka", config.kafka_bootstrap, config.kafka_settings, config.kafka_oauth_token_file, log);
}

kafka_topics kafka_topics_of(const node_config& config) {
  const auto& prefix = config.kafka_topic_prefix;
  return {prefix + "journal", prefix + "keys", prefix + "events", prefix + "usage"};
}

result<std::optional<kafka_feed_target>> kafka_feed_target_of(const node_config& config, engine::log* log) {
  if (!config.feed_kafka_bootstrap.empty()) {
    auto own = connection_of("feed.kafka", config.feed_kafka_bootstrap, config.feed_kafka_settings,
                             config.feed_kafka_oauth_token_file, log);
    if (!own) return std::unexpected(own.error());
    return kafka_feed_target{std::move(*own), config.feed_topic, config.feed_usage_topic};
  }
  if (!config.feed_kafka_settings.empty() || !config.feed_kafka_oauth_token_file.empty())
    return fail(errc::invalid, "feed.kafka.bootstrap is missing, and other settings are in [feed.kafka]: say where the "
                               "feed's brokers are; for the journal's brokers [kafka] is enough");
  if (config.journal_kind != "kafka") return std::nullopt;
  auto journals = kafka_connection_of(config, log);
  if (!journals) return std::unexpected(journals.error());
  const auto topics = kafka_topics_of(config);
  return kafka_feed_target{std::move(*journals), topics.events, topics.usage};
}

result<kafka_oauth_token> read_oauth_token(const std::string& option, const std::filesystem::path& file) {
  const auto bad = [&](const std::string& what) {
    return fail(errc::invalid, option + " " + file.string() + ": " + what);
  };
  std::ifstream in(file);
  std::string token(token_bytes_max, '\0');
  in.read(token.data(), static_cast<std::streamsize>(token.size()));
  if (in.gcount() <= 0) return bad("it cannot be read, or is empty");
  token.resize(static_cast<std::size_t>(in.gcount()));
  token.erase(token.find_last_not_of(" \r\n\t") + 1);
  const auto first = token.find('.');
  const auto second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos) return bad("it holds no JWT (three parts with dots between)");
  const auto payload = from_base64url(token.substr(first + 1, second - first - 1));
  const auto claims = read_json_object(payload.value_or(""));
  if (!claims) return bad("the token's claims are no JSON in base64url");
  const auto* const expiry = claims->find("exp");
  const auto* const subject = claims->find("sub");
  std::int64_t seconds = 0;
  if (expiry == nullptr ||
      std::from_chars(expiry->text.data(), expiry->text.data() + expiry->text.size(), seconds).ec != std::errc())
    return bad("the token has no claim exp, a number of seconds");
  return kafka_oauth_token{token, std::chrono::seconds(seconds), subject == nullptr ? "" : subject->text};
}

}  // namespace muster::connectors
