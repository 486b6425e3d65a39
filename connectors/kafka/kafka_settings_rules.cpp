#include "connectors/kafka/kafka_settings_rules.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <memory>

namespace muster::connectors {

namespace {

struct rule {
  std::string_view name;  ///< `*` at the end: whatever begins so
  std::string_view why;
};

constexpr std::string_view promise = "what Muster promises rests on its value";
constexpr std::string_view ours = "Muster sets it";
constexpr std::string_view danger = "it would replace the brokers or load code";

constexpr std::array forbidden = {
    rule{"enable.idempotence", promise},
    rule{"acks", promise},
    rule{"request.required.acks", promise},
    rule{"max.in.flight*", promise},
    rule{"transactional.id", promise},
    rule{"enable.auto.commit", promise},
    rule{"auto.commit*", promise},
    rule{"enable.auto.offset.store", promise},
    rule{"auto.offset.reset", promise},
    rule{"isolation.level", promise},
    rule{"check.crcs", promise},
    rule{"enable.partition.eof", promise},
    rule{"partitioner*", promise},
    rule{"bootstrap.servers", "the option bootstrap of this section sets it"},
    rule{"metadata.broker.list", "the option bootstrap of this section sets it"},
    rule{"message.max.bytes", ours},
    rule{"group.id", ours},
    rule{"opaque", ours},
    rule{"ssl.engine.*", danger},
    rule{"plugin.library.paths", danger},
    rule{"test.mock.*", danger},
    rule{"enable.random.seed", ours},
};

bool matches(const rule& r, std::string_view name) {
  if (r.name.ends_with('*')) return name.starts_with(r.name.substr(0, r.name.size() - 1));
  return name == r.name;
}

}  // namespace

std::optional<std::string> kafka_setting_fault(std::string_view name, const std::string& value) {
  if (name.ends_with("_cb")) return "it is not a text: it cannot be set";
  const auto* const found = std::ranges::find_if(forbidden, [&](const rule& r) { return matches(r, name); });
  if (found != forbidden.end()) return "it cannot be set: " + std::string(found->why);
  const std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> scratch(rd_kafka_conf_new(),
                                                                                   &rd_kafka_conf_destroy);
  std::array<char, 512> reason{};
  if (rd_kafka_conf_set(scratch.get(), std::string(name).c_str(), value.c_str(), reason.data(), reason.size()) ==
      RD_KAFKA_CONF_OK)
    return std::nullopt;
  if (is_secret_kafka_setting(name)) return "librdkafka does not take this value";
  return "librdkafka says: " + std::string(reason.data());
}

bool is_secret_kafka_setting(std::string_view name) {
  return name.ends_with(".password") || name.ends_with(".key.pem") || name.find("secret") != name.npos ||
         name == "sasl.oauthbearer.config" || name == "sasl.jaas.config";
}

}  // namespace muster::connectors
