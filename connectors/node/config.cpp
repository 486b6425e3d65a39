#include "connectors/node/config.hpp"

#include "connectors/https/listen_address.hpp"
#include "connectors/kafka/kafka_settings_rules.hpp"
#include "events/bytes.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>
#include <variant>

namespace muster::connectors {

namespace {

using engine::errc;
using engine::fail;
using engine::result;

constexpr std::uint64_t unbounded = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Where an option's value lives, by its kind.
using member = std::variant<std::string node_config::*, std::uint64_t node_config::*,
                            std::vector<std::string> node_config::*, std::filesystem::path node_config::*>;

struct option {
  std::string_view name;
  member where;
  std::string_view meaning;
  std::uint64_t least = 0;  ///< of numbers
  std::uint64_t most = unbounded;
  std::string_view choices = {};                                      ///< of texts, separated by '|'
  std::optional<std::string> (*fault)(const std::string&) = nullptr;  ///< what is wrong with a text, if anything
};

std::optional<std::string> address_fault(const std::string& text) {
  const auto address = parse_listen_address(text);
  return address ? std::nullopt : std::optional(address.error().text);
}

const std::array options = {
    option{"node.data", &node_config::data, "Directory of everything the node keeps. --data sets it too."},
    option{"node.name", &node_config::node_name, "This node's name in the journal's frames; the host's name if empty."},
    option{"node.drain_s", &node_config::drain_s, "Seconds that requests in flight have to end when the node stops.", 0,
           600},
    option{"https.address",
           &node_config::https_address,
           "ADDRESS:PORT to listen on; port 0 picks a free one. --https sets it too.",
           0,
           0,
           {},
           address_fault},
    option{"https.threads", &node_config::https_threads, "Threads that serve connections.", 1, 64},
    option{
        "https.certificate_file", &node_config::https_certificate_file,
        "Server certificate and the CAs above it (PEM); a CA of our own in DATA/tls if empty. Read again on SIGHUP."},
    option{"https.key_file", &node_config::https_key_file, "Its private key (PEM)."},
    option{
        "https.names", &node_config::https_names,
        "DNS names and addresses in our own certificate, besides localhost and the host name; with each DNS name also "
        "the names below it. SERVICE. and the first DNS name make the host in a service's connection string."},
    option{"https.body_bytes_max", &node_config::https_body_bytes_max, "Bytes of a request's body.", 1024,
           engine::limits::request_body_bytes_max},
    option{"https.connections_max", &node_config::https_connections_max, "Open connections, all together.", 1,
           1'000'000},
    option{"https.connections_per_address_max", &node_config::https_connections_per_address_max,
           "Open connections from one address; 0 is no limit.", 0, 1'000'000},
    option{"https.handshake_timeout_s", &node_config::https_handshake_timeout_s, "Seconds for a TLS handshake.", 1,
           600},
    option{"https.header_timeout_s", &node_config::https_header_timeout_s,
           "Seconds from a request's first byte to the end of its header.", 1, 600},
    option{"https.request_timeout_s", &node_config::https_request_timeout_s,
           "Seconds from the header's end to the answer.", 1, 600},
    option{"https.write_timeout_s", &node_config::https_write_timeout_s, "Seconds for a client to take one response.",
           1, 600},
    option{"https.idle_timeout_s", &node_config::https_idle_timeout_s, "Seconds between two requests of a connection.",
           1, 86'400},
    option{"admission.requests_per_s", &node_config::admission_requests_per_s,
           "Requests a second, all together; 0 is no limit.", 0, 10'000'000},
    option{"admission.burst", &node_config::admission_burst,
           "Requests that may come at once on top of the rate; 0 is one second's worth.", 0, 10'000'000},
    option{"admission.per_address_requests_per_s", &node_config::admission_per_address_requests_per_s,
           "Requests a second from one address; 0 is no limit.", 0, 10'000'000},
    option{"admission.per_address_burst", &node_config::admission_per_address_burst, "The same from one address.", 0,
           10'000'000},
    option{"journal.kind", &node_config::journal_kind, "Where the log is. --journal sets it too.", 0, 0,
           "embedded|kafka"},
    option{
        "journal.shards", &node_config::journal_shards,
        "Shards of the journal, fixed when it is made: at the first start, or by 'muster cluster init'. 0 is as it was "
        "made, and of a new one 16 embedded and 64 on Kafka. Another number than it was made with is refused.",
        0, 1024},
    option{"journal.free_bytes_min", &node_config::journal_free_bytes_min,
           "With less free disk space than this, writes are refused."},
    option{"kafka.bootstrap", &node_config::kafka_bootstrap,
           "Brokers to ask first, HOST:PORT, several separated by commas. --kafka sets it too. Every other property of "
           "librdkafka may stand in this section under its own name (security.protocol, sasl.*, ssl.*, ...), but for "
           "those that Muster's promises rest on."},
    option{"kafka.topic_prefix", &node_config::kafka_topic_prefix,
           "What the names of the topics journal, keys, events and usage begin with. Fixed by 'muster cluster init'."},
    option{"kafka.replicas", &node_config::kafka_replicas,
           "Replicas of the topics that 'muster cluster init' makes; 0 is three, or as many as there are brokers.", 0,
           100},
    option{"kafka.oauth_token_file", &node_config::kafka_oauth_token_file,
           "With sasl.mechanism OAUTHBEARER: a file that always holds a valid token (a JWT); it is read again before "
           "the token expires."},
    option{"keyring.master_key_file", &node_config::keyring_master_key_file,
           "File of the master key, 32 bytes in base64; DATA/master.key if empty. MUSTER_MASTER_KEY may hold the key "
           "itself."},
    option{"keyring.erasure_interval_s", &node_config::keyring_erasure_interval_s,
           "Data keys of deleted entries are erased together, at most this often.", 0, 86'400},
    option{"actors.workers", &node_config::actors_workers, "Threads that decide commands.", 1, 64},
    option{"actors.device_actors_max", &node_config::actors_device_actors_max, "Devices kept in memory at once.", 100,
           10'000'000},
    option{"actors.idle_s", &node_config::actors_idle_s, "Seconds without a request until a device leaves memory.", 1,
           86'400},
    option{"refusals.per_minute_scope", &node_config::refusals_per_minute_scope,
           "Refused attempts a minute and ID scope that get an event of their own; the rest is summed up.", 1,
           1'000'000},
    option{"refusals.per_minute_address", &node_config::refusals_per_minute_address,
           "The same from one IPv4 address or IPv6 network of 64 bits.", 1, 1'000'000},
    option{"refusals.per_day_scope", &node_config::refusals_per_day_scope, "The same a day (UTC) and ID scope.", 1,
           1'000'000'000},
    option{
        "quota.device_bytes_per_s", &node_config::quota_device_bytes_per_s,
        "What one device may write to the journal by registering, in bytes a second in the long run; beyond it 429. A "
        "registration takes about 2000, and its payload. 0 is no limit.",
        0, 1 << 30},
    option{"quota.device_burst_bytes", &node_config::quota_device_burst_bytes, "What it may write at once.", 1,
           std::uint64_t{1} << 40U},
    option{"quota.scope_events_per_s", &node_config::quota_scope_events_per_s,
           "Events a second of one ID scope; beyond twice as many at once 429. 0 is no limit.", 0, 100'000'000},
    option{"quota.scope_bytes_per_s", &node_config::quota_scope_bytes_per_s, "The same in bytes.", 0,
           std::uint64_t{1} << 40U},
    option{"shards.threads", &node_config::shards_threads, "Threads that fold and write the journal's shards.", 1, 64},
    option{
        "shards.read_recent_ms", &node_config::shards_read_recent_ms,
        "Where others can write the journal too: how old what is read may be, in milliseconds, before the journal is "
        "asked whether this node still has the shard. A read with the header 'x-muster-read: exact' always asks.",
        0, 60'000},
    option{"projections.cache_bytes", &node_config::projections_cache_bytes,
           "Cache of the read models, all shards together.", 1 << 20},
    option{"projections.write_buffer_bytes", &node_config::projections_write_buffer_bytes,
           "Write buffers of the read models, all shards together.", 1 << 20},
    option{"feed.topic", &node_config::feed_topic,
           "That topic; with the journal's brokers it is kafka.topic_prefix and `events`."},
    option{
        "feed.usage_topic", &node_config::feed_usage_topic,
        "The topic there that gets the hourly usage; with the journal's brokers it is kafka.topic_prefix and `usage`."},
    option{"feed.streams_max", &node_config::feed_streams_max,
           "Streams of events (server-sent events) open at once, all services together.", 0, 10'000},
    option{"feed.streams_per_service_max", &node_config::feed_streams_per_service_max, "The same of one service.", 0,
           10'000},
    option{"feed.heartbeat_s", &node_config::feed_heartbeat_s,
           "Seconds without an event after which a stream sends a comment.", 1, 600},
    option{
        "feed.kafka.bootstrap", &node_config::feed_kafka_bootstrap,
        "Kafka brokers that get every event on a topic, which must be there: HOST:PORT, several separated by commas; "
        "if "
        "empty, those of the journal if it is on Kafka. As in [kafka], every other property of librdkafka may stand in "
        "this section under its own name; nothing is taken over from there."},
    option{"feed.kafka.oauth_token_file", &node_config::feed_kafka_oauth_token_file,
           "As kafka.oauth_token_file, for these brokers."},
    option{"webhook.origin", &node_config::webhook_origin,
           "The DNS name by which endpoints of webhooks are asked whether they want events; the host's name if empty."},
    option{"webhook.private_addresses", &node_config::webhook_private_addresses,
           "1 if webhooks may lead into private networks and to this machine; link-local addresses they never reach.",
           0, 1},
    option{"webhook.plain_http", &node_config::webhook_plain_http,
           "1 if webhooks may lead to other machines by http:// too.", 0, 1},
    option{"webhook.ca_file", &node_config::webhook_ca_file,
           "CAs trusted for endpoints of webhooks (PEM); those of the system if empty."},
    option{"webhook.timeout_s", &node_config::webhook_timeout_s, "Seconds for a request to an endpoint.", 1, 600},
    option{"webhook.retry_first_ms", &node_config::webhook_retry_first_ms,
           "Milliseconds after which a failure is tried again at first; each further pause is twice as long.", 10,
           3'600'000},
    option{"webhook.retry_longest_s", &node_config::webhook_retry_longest_s, "Seconds of the longest such pause.", 1,
           86'400},
    option{"webhook.park_after_s", &node_config::webhook_park_after_s,
           "Seconds of failures after which an endpoint is given up on until it is resumed.", 1, 31'536'000},
    option{"webhook.park_after_failures", &node_config::webhook_park_after_failures, "The same, by their number.", 1,
           1'000'000},
    option{"log.level", &node_config::log_level, "What the log holds at least.", 0, 0, "debug|info|warning|error"},
    option{"log.file", &node_config::log_file,
           "File that the log is appended to; stderr if empty. Opened again on SIGHUP."},
};

/// A section that takes the properties of librdkafka besides options of its own.
struct kafka_section {
  std::string_view name;
  std::map<std::string, std::string> node_config::* settings;
};
constexpr std::array kafka_sections = {kafka_section{"kafka", &node_config::kafka_settings},
                                       kafka_section{"feed.kafka", &node_config::feed_kafka_settings}};

/// The section in which a property of this name would stand, if it is one of these.
const kafka_section* find_kafka_section(std::string_view property) {
  const auto* const at = std::ranges::find_if(kafka_sections, [&](const kafka_section& each) {
    return property.size() > each.name.size() && property.starts_with(each.name) && property[each.name.size()] == '.';
  });
  return at == kafka_sections.end() ? nullptr : at;
}

template <class... Cases>
struct cases : Cases... {
  using Cases::operator()...;
};

std::size_t distance(std::string_view a, std::string_view b) {  // Levenshtein
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string unknown_option(std::string_view name) {
  const auto off = [&](const option& o) {
    return o.name.starts_with(std::string(name) + ".") ? 0 : distance(name, o.name);
  };
  const auto nearest = std::ranges::min_element(options, {}, off);
  std::string text = std::string(name) + ": unknown option";
  if (off(*nearest) <= 3)
    text += ", did you mean " + std::string(nearest->name) + "?";
  else
    text += "; 'muster serve --print-config' lists all";
  return text;
}

const option* find_option(std::string_view name) {
  const auto at = std::ranges::find(options, name, &option::name);
  return at == options.end() ? nullptr : &*at;
}

std::optional<std::string> assign_number(const option& o, std::uint64_t value, std::uint64_t& slot) {
  if (value < o.least || value > o.most) {
    const std::string most = o.most == unbounded ? std::string("the largest number there is") : std::to_string(o.most);
    return "it must be " + std::to_string(o.least) + " to " + most + ", not " + std::to_string(value);
  }
  slot = value;
  return std::nullopt;
}

std::optional<std::string> assign_text(const option& o, std::string_view value, std::string& slot) {
  if (!o.choices.empty()) {
    std::istringstream all{std::string(o.choices)};
    bool known = false;
    for (std::string each; std::getline(all, each, '|');) known = known || each == value;
    if (!known) return "it must be one of " + std::string(o.choices) + ", not '" + std::string(value) + "'";
  }
  if (o.fault != nullptr) {
    if (auto wrong = o.fault(std::string(value))) return wrong;
  }
  slot = value;
  return std::nullopt;
}

// What is wrong with a TOML value for an option, or nothing once it is set.
std::optional<std::string> assign(const option& o, const toml::node& value, node_config& config) {
  return std::visit(cases{[&](std::string node_config::* where) -> std::optional<std::string> {
                            const auto text = value.value_exact<std::string>();
                            return text ? assign_text(o, *text, config.*where)
                                        : std::optional<std::string>("expected a text in quotes");
                          },
                          [&](std::filesystem::path node_config::* where) -> std::optional<std::string> {
                            const auto text = value.value_exact<std::string>();
                            if (!text || text->empty()) return "expected a path in quotes";
                            config.*where = *text;
                            return std::nullopt;
                          },
                          [&](std::uint64_t node_config::* where) -> std::optional<std::string> {
                            const auto number = value.value_exact<std::int64_t>();
                            if (!number || *number < 0) return "expected a whole number";
                            return assign_number(o, static_cast<std::uint64_t>(*number), config.*where);
                          },
                          [&](std::vector<std::string> node_config::* where) -> std::optional<std::string> {
                            const auto* list = value.as_array();
                            std::vector<std::string> texts;
                            if (list == nullptr)
                              return "expected a list of texts, for example [\"a.example\", \"10.0.0.1\"]";
                            for (const auto& each : *list) {
                              const auto text = each.value_exact<std::string>();
                              if (!text) return "expected a list of texts, for example [\"a.example\", \"10.0.0.1\"]";
                              texts.push_back(*text);
                            }
                            config.*where = std::move(texts);
                            return std::nullopt;
                          }},
                    o.where);
}

std::optional<std::string> assign(const option& o, std::string_view text, node_config& config) {
  return std::visit(cases{[&](std::string node_config::* where) { return assign_text(o, text, config.*where); },
                          [&](std::filesystem::path node_config::* where) -> std::optional<std::string> {
                            if (text.empty()) return "expected a path";
                            config.*where = text;
                            return std::nullopt;
                          },
                          [&](std::uint64_t node_config::* where) -> std::optional<std::string> {
                            std::uint64_t number = 0;
                            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
                            if (error != std::errc{} || end != text.data() + text.size())
                              return "expected a whole number, not '" + std::string(text) + "'";
                            return assign_number(o, number, config.*where);
                          },
                          [&](std::vector<std::string> node_config::* where) -> std::optional<std::string> {
                            std::vector<std::string> texts;
                            std::istringstream all{std::string(text)};
                            for (std::string each; std::getline(all, each, ',');) texts.push_back(each);
                            config.*where = std::move(texts);
                            return std::nullopt;
                          }},
                    o.where);
}

std::optional<std::string> assign_operator(std::string_view name, std::string_view hash, node_config& config) {
  const auto bytes = events::from_hex(hash);
  if (!bytes || bytes->size() != sizeof(events::digest))
    return "expected the SHA-256 of the token, 64 hexadecimal digits";
  config.operators[std::string(name)] = events::to_lower(hash);
  return std::nullopt;
}

std::string located(const std::filesystem::path& file, const toml::node& where, std::string_view name,
                    std::string_view what) {
  return file.string() + ":" + std::to_string(where.source().begin.line) + ": " + std::string(name) +
         (what.empty() ? "" : ": ") + std::string(what);
}

std::optional<std::string> assign_kafka(const kafka_section& section, std::string_view name, std::string value,
                                        node_config& config) {
  const auto property = name.substr(section.name.size() + 1);
  if (auto fault = kafka_setting_fault(property, value)) return fault;
  (config.*section.settings)[std::string(property)] = std::move(value);
  return std::nullopt;
}

/// Sets the option or property `name`. librdkafka's properties have several parts: `security.protocol = "SSL"` is a
/// table `security` to TOML, `"security.protocol"` is not; and so has the section [feed.kafka].
result<void> read_value(const std::filesystem::path& file, const std::string& name, const toml::node& value,
                        node_config& config) {
  std::optional<std::string> wrong;
  if (const auto* known = find_option(name)) {
    wrong = assign(*known, value, config);
    config.origins[name] = file.string() + ":" + std::to_string(value.source().begin.line) + ": ";
  } else if (const auto* inner = value.as_table(); inner != nullptr && find_kafka_section(name + ".") != nullptr) {
    for (const auto& [key, below] : *inner) {
      if (auto read = read_value(file, name + "." + std::string(key.str()), below, config); !read) return read;
    }
  } else if (const auto* section = find_kafka_section(name)) {
    std::optional<std::string> text = value.value_exact<std::string>();
    if (const auto number = value.value_exact<std::int64_t>()) text = std::to_string(*number);
    if (const auto flag = value.value_exact<bool>()) text = *flag ? "true" : "false";
    wrong = text ? assign_kafka(*section, name, *text, config)
                 : std::optional<std::string>("expected a text, a whole number, true or false");
  } else {
    return fail(errc::invalid, located(file, value, unknown_option(name), ""));
  }
  if (wrong) return fail(errc::invalid, located(file, value, name, *wrong));
  return {};
}

result<void> read_table(const std::filesystem::path& file, const toml::table& table, node_config& config) {
  for (const auto& [section, content] : table) {
    const auto* keys = content.as_table();
    if (keys == nullptr)
      return fail(errc::invalid,
                  located(file, content, section.str(), "expected a section: [" + std::string(section.str()) + "]"));
    for (const auto& [key, value] : *keys) {
      const auto name = std::string(section.str()) + "." + std::string(key.str());
      if (section.str() != "operators") {
        if (auto read = read_value(file, name, value, config); !read) return read;
      } else if (const auto wrong = assign_operator(key.str(), value.value_exact<std::string>().value_or(""), config)) {
        return fail(errc::invalid, located(file, value, name, *wrong));
      }
    }
  }
  return {};
}

std::string value_text(const option& o, const node_config& config) {
  const auto quoted = [](const std::string& text) {
    std::ostringstream out;
    out << toml::value<std::string>(text);
    return out.str();
  };
  return std::visit(cases{[&](std::string node_config::* where) { return quoted(config.*where); },
                          [&](std::filesystem::path node_config::* where) { return quoted((config.*where).string()); },
                          [&](std::uint64_t node_config::* where) { return std::to_string(config.*where); },
                          [&](std::vector<std::string> node_config::* where) {
                            std::string text = "[";
                            for (const auto& each : config.*where) text += (text.size() > 1 ? ", " : "") + quoted(each);
                            return text + "]";
                          }},
                    o.where);
}

/// The properties of librdkafka in this section, none if it takes none.
std::string kafka_settings_text(std::string_view section, const node_config& config) {
  const auto* const at = std::ranges::find(kafka_sections, section, &kafka_section::name);
  if (at == kafka_sections.end()) return {};
  std::string out;
  for (const auto& [name, value] : config.*(at->settings)) {
    std::ostringstream quoted;
    quoted << toml::value<std::string>(is_secret_kafka_setting(name) ? "(not shown)" : value);
    out += "\"" + name + "\" = " + quoted.str() + "\n";
  }
  return out;
}

}  // namespace

result<void> read_config_file(const std::filesystem::path& file, node_config& config) {
  std::ifstream in(file);
  if (!in) return fail(errc::not_found, file.string() + ": cannot be read");
  try {
    return read_table(file, toml::parse(in, file.string()), config);
  } catch (const toml::parse_error& e) {
    return fail(errc::invalid,
                file.string() + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description()));
  }
}

result<void> set_option(std::string_view assignment, node_config& config) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos)
    return fail(errc::invalid, "--set " + std::string(assignment) + ": expected section.key=value");
  const auto name = assignment.substr(0, equals);
  const auto value = assignment.substr(equals + 1);
  std::optional<std::string> wrong;
  if (name.starts_with("operators."))
    wrong = assign_operator(name.substr(name.find('.') + 1), value, config);
  else if (const auto* known = find_option(name)) {
    wrong = assign(*known, value, config);
    config.origins[std::string(name)] = "--set ";
  } else if (const auto* section = find_kafka_section(name))
    wrong = assign_kafka(*section, name, std::string(value), config);
  else
    return fail(errc::invalid, "--set: " + unknown_option(name));
  if (wrong) return fail(errc::invalid, "--set " + std::string(name) + ": " + *wrong);
  return {};
}

result<void> check_config(const node_config& config) {
  const bool certificate = !config.https_certificate_file.empty();
  if (certificate == !config.https_key_file.empty()) return {};
  const std::string given = certificate ? "https.certificate_file" : "https.key_file";
  const std::string missing = certificate ? "https.key_file" : "https.certificate_file";
  const auto at = config.origins.find(given);
  return fail(errc::invalid, (at == config.origins.end() ? "" : at->second) + given + ": " + missing +
                                 " is missing: give both, or none for a certificate of our own");
}

std::uint32_t cluster_shards_of(const node_config& config) {
  constexpr std::uint32_t kafka_shards = 64;
  return config.journal_shards != 0 ? static_cast<std::uint32_t>(config.journal_shards) : kafka_shards;
}

std::string print_config(const node_config& config) {
  std::string out;
  std::string_view section;
  for (const auto& o : options) {
    const auto dot = o.name.rfind('.');
    if (o.name.substr(0, dot) != section) {
      out += kafka_settings_text(section, config);
      section = o.name.substr(0, dot);
      out.append(out.empty() ? "[" : "\n[").append(section).append("]\n");
    }
    out.append("# ").append(o.meaning).append("\n");
    out.append(o.name.substr(dot + 1)).append(" = ").append(value_text(o, config)).append("\n");
  }
  out.append("\n# Further operators: name = \"SHA-256 of the token, hexadecimal\".\n[operators]\n");
  for (const auto& [name, hash] : config.operators) out.append(name).append(" = \"").append(hash).append("\"\n");
  return out;
}

engine::log_level log_level_named(std::string_view text) {
  if (text == "debug") return engine::log_level::debug;
  if (text == "warning") return engine::log_level::warning;
  if (text == "error") return engine::log_level::error;
  return engine::log_level::info;
}

}  // namespace muster::connectors
