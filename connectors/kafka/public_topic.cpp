#include "connectors/kafka/public_topic.hpp"

#include "connectors/kafka/topic_check.hpp"

namespace muster::connectors {

using engine::errc;
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
  const auto warn = [&](const std::string& what) {
    if (log != nullptr) log->write(engine::log_level::warning, what);
  };
  const auto topic = admin.topic(name, wait);
  if (!topic) return topic;
  const auto settings = admin.topic_settings(name, wait);
  if (!settings) {
    if (settings.error().code != errc::denied) return std::unexpected(settings.error());
    warn(settings.error().text + ": compaction and sizes are not checked");
    return topic;
  }
  std::vector<std::string> warnings;
  if (auto fit = check_public_topic(name, *topic, *settings, warnings); !fit) return std::unexpected(fit.error());
  for (const auto& each : warnings) warn(each);
  return topic;
}

}  // namespace muster::connectors
