#pragma once

#include "connectors/kafka/topic_check.hpp"

namespace muster::connectors {

/// The settings that `cluster init` gives the topics of the public feed. How long records stay is for others to say.
kafka_settings public_topic_settings();

/// Whether the feed can publish on a topic with these `settings`: every record must fit, and none may push out another,
/// as compaction would, the key being the ID scope. `invalid` names the setting, what it is, what it must be and the
/// command that mends it. `warnings` gets what is allowed but dangerous.
engine::result<void> check_public_topic(const std::string& name, const kafka_topic& topic,
                                        const kafka_settings& settings, std::vector<std::string>& warnings);
inline constexpr topic_rules public_topic_rules{check_public_topic, "compaction and sizes"};

/// Looks up a topic of the public feed and checks it. Without the right to see its settings only that it is there.
/// `not_found`: it is not there. Warnings go to `log`, which may be absent.
engine::result<kafka_topic> find_public_topic(kafka_admin& admin, const std::string& name,
                                              std::chrono::milliseconds wait, engine::log* log);

}  // namespace muster::connectors
