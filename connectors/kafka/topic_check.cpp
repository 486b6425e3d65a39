#include "connectors/kafka/topic_check.hpp"

#include "engine/limits.hpp"

#include <charconv>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

constexpr std::size_t record_overhead_max = 1024;  // of a batch and a record around a frame
static_assert(topic_record_bytes_min >= engine::limits::frame_bytes_max + record_overhead_max);

}  // namespace

std::optional<std::int64_t> setting_number(const std::string& text) {
  std::int64_t value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
  return value;
}

result<std::optional<kafka_settings>> checked_settings(kafka_admin& admin, const std::string& name,
                                                       const kafka_topic& topic, const topic_rules& rules,
                                                       std::chrono::milliseconds wait, engine::log* log) {
  const auto warn = [&](const std::string& what) {
    if (log != nullptr) log->write(engine::log_level::warning, what);
  };
  auto settings = admin.topic_settings(name, wait);
  if (!settings) {
    if (settings.error().code != errc::denied) return std::unexpected(settings.error());
    warn(settings.error().text + ": " + std::string(rules.about) + " are not checked");
    return std::nullopt;
  }
  std::vector<std::string> warnings;
  if (auto fit = rules.check(name, topic, *settings, warnings); !fit) return std::unexpected(fit.error());
  for (const auto& each : warnings) warn(each);
  return std::move(*settings);
}

std::string topic_check::setting(std::string_view which) const {
  const auto at = settings_.find(which);
  return at == settings_.end() ? "" : at->second;
}

std::unexpected<engine::error> topic_check::unfit(const std::string& which, const std::string& must,
                                                  const std::string& why) const {
  return fail(errc::invalid, "the topic " + name_ + " has " + which + "=" + setting(which) + ", and " + why + ": set " +
                                 which + "=" + must + " (kafka-configs.sh --alter --entity-type topics --entity-name " +
                                 name_ + " --add-config " + which + "=" + must + ")");
}

result<void> topic_check::is(const std::string& which, const std::string& must, const std::string& why) const {
  if (setting(which) != must) return unfit(which, must, why);
  return {};
}

result<void> topic_check::takes_records() const {
  const auto bytes = std::to_string(topic_record_bytes_min);
  if (setting_number(setting("max.message.bytes")).value_or(0) < topic_record_bytes_min)
    return unfit("max.message.bytes", bytes, "records and batches of up to " + bytes + " bytes must fit");
  return {};
}

result<void> topic_check::is_replicated(const std::string& what, std::vector<std::string>& warnings) const {
  const auto in_sync_min = setting_number(setting("min.insync.replicas")).value_or(1);
  if (in_sync_min > topic_.replicas) {
    return unfit("min.insync.replicas", std::to_string(topic_.replicas),
                 "with " + std::to_string(topic_.replicas) + " replicas nothing could ever be written");
  }
  const auto replicas = std::to_string(topic_.replicas) + (topic_.replicas == 1 ? " replica" : " replicas");
  if (topic_.replicas < 3 || in_sync_min < 2) {
    warnings.push_back(
        "the topic " + name_ + " has " + replicas + " and min.insync.replicas=" + std::to_string(in_sync_min) +
        ": the loss of one broker's disk can lose " + what + "; use 3 replicas and min.insync.replicas=2");
  }
  if (setting("unclean.leader.election.enable") == "true") {
    warnings.push_back(
        "the topic " + name_ +
        " has unclean.leader.election.enable=true: a broker that was left behind may become leader, and " + what +
        " is lost; set it to false");
  }
  return {};
}

}  // namespace muster::connectors
