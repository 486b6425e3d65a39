#include "connectors/kafka/kafka_config.hpp"

#include "connectors/json_body.hpp"
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

}  // namespace

result<kafka_connection> kafka_connection_of(const node_config& config, engine::log* log) {
  if (config.kafka_bootstrap.empty())
    return fail(errc::invalid,
                "kafka.bootstrap is missing: say where the brokers are, with --kafka HOST:PORT or in [kafka]");
  kafka_connection connection;
  connection.bootstrap = config.kafka_bootstrap;
  connection.settings.insert(config.kafka_settings.begin(), config.kafka_settings.end());
  if (!config.kafka_oauth_token_file.empty())
    connection.oauth_token = [file = config.kafka_oauth_token_file] { return read_oauth_token(file); };
  connection.log = log;
  return connection;
}

kafka_topics kafka_topics_of(const node_config& config) {
  const auto& prefix = config.kafka_topic_prefix;
  return {prefix + "journal", prefix + "keys", prefix + "events", prefix + "usage"};
}

result<kafka_oauth_token> read_oauth_token(const std::filesystem::path& file) {
  const auto bad = [&](const std::string& what) {
    return fail(errc::invalid, "kafka.oauth_token_file " + file.string() + ": " + what);
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
