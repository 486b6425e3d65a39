#include "connectors/kafka/kafka_settings_rules.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
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
    rule{"group.*", ours},
    rule{"opaque", ours},
    rule{"ssl.engine.*", danger},
    rule{"plugin.library.paths", danger},
    rule{"test.mock.*", danger},
    rule{"enable.random.seed", ours},
    rule{"delivery.report.only.error", promise},
    rule{"queuing.strategy", promise},
    rule{"client.rack", "what is read must come from the leaders, which alone know a log's end"},
    rule{"topic.blacklist", "it would hide topics from Muster"},
    rule{"api.version*", "it would take the brokers for such as know no idempotence"},
    rule{"broker.version.fallback", "it would take the brokers for such as know no idempotence"},
    rule{"allow.auto.create.topics", "only 'muster cluster init' makes topics"},
    rule{"retries", "message.timeout.ms says how long a record is tried"},
    rule{"message.send.max.retries", "message.timeout.ms says how long a record is tried"},
    rule{"enable.gapless.guarantee", ours},
    rule{"fetch.min.bytes", ours},
    rule{"enabled_events", ours},
    rule{"log.queue", ours},
    rule{"offset.store.*", ours},
    rule{"internal.termination.signal", ours},
    rule{"default_topic_conf", ours},
    rule{"interceptors", danger},
};

/// Which numbers a property may have. Beyond them nothing could be written or read any more, or only after minutes.
struct range {
  std::string_view name;
  double least;
  double most;
  std::string_view why;
  bool or_zero = false;
};

constexpr double any = std::numeric_limits<double>::infinity();
constexpr std::string_view patience = "answers would come too late, or time out before they can come";
constexpr std::string_view room = "frames of all shards and a round of the feed would find no room";
constexpr std::string_view whole = "a frame, or an answer of the brokers' own, would not fit";
constexpr std::string_view recovery = "the node would not find back to brokers that return, or only after minutes";

constexpr std::array ranges = {
    range{"message.timeout.ms", 1'000, 300'000, patience},
    range{"delivery.timeout.ms", 1'000, 300'000, patience},
    range{"request.timeout.ms", 500, 60'000, patience},
    range{"socket.timeout.ms", 1'000, 300'000, patience},
    range{"linger.ms", 0, 500, patience},
    range{"queue.buffering.max.ms", 0, 500, patience},
    range{"fetch.wait.max.ms", 10, 1'000, patience},
    range{"queue.buffering.max.messages", 16'384, any, room, true},
    range{"queue.buffering.max.kbytes", 16'384, any, room},
    range{"queued.max.messages.kbytes", 1'024, any, room},
    range{"receive.message.max.bytes", 4 << 20, any, whole},
    range{"fetch.max.bytes", 1 << 20, any, whole},
    range{"fetch.message.max.bytes", 65'536, any, whole},
    range{"max.partition.fetch.bytes", 65'536, any, whole},
    range{"retry.backoff.ms", 1, 5'000, recovery},
    range{"fetch.error.backoff.ms", 10, 5'000, recovery},
    range{"reconnect.backoff.ms", 0, 60'000, recovery},
    range{"reconnect.backoff.max.ms", 0, 60'000, recovery},
    range{"socket.connection.setup.timeout.ms", 1'000, 60'000, recovery},
    range{"connections.max.idle.ms", 10'000, any, recovery, true},
    range{"topic.metadata.refresh.interval.ms", 100, 300'000, recovery},
    range{"topic.metadata.refresh.fast.interval.ms", 10, 10'000, recovery},
    range{"metadata.max.age.ms", 1'000, any, recovery},
};

bool matches(const rule& r, std::string_view name) {
  if (r.name.ends_with('*')) return name.starts_with(r.name.substr(0, r.name.size() - 1));
  return name == r.name;
}

std::string text_of(double number) {
  return std::to_string(static_cast<std::int64_t>(number));
}

std::optional<std::string> out_of_range(std::string_view name, const std::string& value) {
  const auto* const found = std::ranges::find(ranges, name, &range::name);
  if (found == ranges.end()) return std::nullopt;
  double number = 0;
  const auto [stopped, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || stopped != value.data() + value.size()) return "expected a number";
  if ((number >= found->least && number <= found->most) || (found->or_zero && number == 0)) return std::nullopt;
  return "it must be " +
         (found->most == any ? text_of(found->least) + " at least" + (found->or_zero ? ", or 0 for no limit" : "")
                             : "from " + text_of(found->least) + " to " + text_of(found->most)) +
         ": else " + std::string(found->why);
}

}  // namespace

std::optional<std::string> kafka_setting_fault(std::string_view name, const std::string& value) {
  if (name.ends_with("_cb")) return "it is not a text: it cannot be set";
  const auto* const found = std::ranges::find_if(forbidden, [&](const rule& r) { return matches(r, name); });
  if (found != forbidden.end()) return "it cannot be set: " + std::string(found->why);
  if (auto wrong = out_of_range(name, value)) return wrong;
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
