#include "connectors/kafka/public_topic.hpp"

namespace muster::connectors {

using engine::result;

kafka_settings public_topic_settings() {
  return {{"cleanup.policy", "delete"}, {"max.message.bytes", std::to_string(topic_record_bytes_min)}};
}

result<void> check_public_topic(const std::string& name, const kafka_topic& topic, const kafka_settings& settings,
                                std::vector<std::string>& warnings) {
  const topic_check check(name, topic, settings);
  if (auto kept = check.is("cleanup.policy", "delete",
                           "the key of a record is the ID scope: compaction would leave one record of each service");
      !kept)
    return kept;
  if (auto fits = check.takes_records(); !fits) return fits;
  return check.is_replicated("what was published", warnings);
}

result<kafka_topic> find_public_topic(kafka_admin& admin, const std::string& name, std::chrono::milliseconds wait,
                                      engine::log* log) {
  const auto topic = admin.topic(name, wait);
  if (!topic) return topic;
  const auto settings = checked_settings(admin, name, *topic, public_topic_rules, wait, log);
  if (!settings) return std::unexpected(settings.error());
  return topic;
}

}  // namespace muster::connectors
