#pragma once

#include "connectors/kafka/kafka_admin.hpp"

#include <string>
#include <vector>

namespace muster::connectors {

/// The least `max.message.bytes` of each of Muster's topics, and what `cluster init` gives them: a frame fits, and so
/// does a batch of small records as librdkafka makes it.
inline constexpr std::int64_t topic_record_bytes_min = 1 << 20;

/// Looks at the settings of a topic, one after the other. Errors are `invalid` and name the setting, what it is, what
/// it must be and the command that mends it. What it is made of must outlive it.
class topic_check {
public:
  topic_check(const std::string& name, const kafka_topic& topic, const kafka_settings& settings)
      : name_(name), topic_(topic), settings_(settings) {}

  /// Empty if the brokers did not say.
  std::string setting(std::string_view which) const;
  std::unexpected<engine::error> unfit(const std::string& which, const std::string& must, const std::string& why) const;

  engine::result<void> is(const std::string& which, const std::string& must, const std::string& why) const;
  /// `max.message.bytes` is enough.
  engine::result<void> takes_records() const;
  /// There can be as many replicas in sync as a write needs. `warnings` gets what is allowed and may lose something:
  /// `what` says what.
  engine::result<void> is_replicated(const std::string& what, std::vector<std::string>& warnings) const;

private:
  const std::string& name_;
  const kafka_topic& topic_;
  const kafka_settings& settings_;
};

/// What the settings of one kind of topic must be. `check`: `invalid` names the setting, what it is, what it must be
/// and the command that mends it; `warnings` gets what is allowed but dangerous.
struct topic_rules {
  engine::result<void> (*check)(const std::string& name, const kafka_topic& topic, const kafka_settings& settings,
                                std::vector<std::string>& warnings);
  std::string_view about;  ///< what is not checked where the settings may not be seen
};

/// The settings of a topic, held against `rules`; nothing where the brokers do not let us see them. What is to be
/// warned of goes to `log`, which may be absent.
engine::result<std::optional<kafka_settings>> checked_settings(kafka_admin& admin, const std::string& name,
                                                               const kafka_topic& topic, const topic_rules& rules,
                                                               std::chrono::milliseconds wait, engine::log* log);

/// A number among a topic's settings; nothing if it is none.
std::optional<std::int64_t> setting_number(const std::string& text);

}  // namespace muster::connectors
