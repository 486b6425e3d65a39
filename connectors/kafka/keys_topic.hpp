#pragma once

#include "connectors/kafka/topic_check.hpp"
#include "events/bytes.hpp"
#include "events/ids.hpp"

#include <chrono>
#include <string>

namespace muster::connectors {

/// The topic that keeps data keys: one partition, compacted. A record's key is the data key's ID (16 bytes), its value
/// the wrapped key (connectors/storage/key_wrap.hpp), or nothing once it is destroyed. The first record says what the
/// keyring is:
///
///     key `keyring`, value {"muster":"keyring","format":1,"keyring":"HEX","masterKeyFingerprint":"HEX"}
///
/// **This is the storage format.** The brokers forget a destroyed key when they compact, and they compact nothing of a
/// segment that is still written to. Only a record behind it closes one, so a node that hears of a destruction writes,
/// after `compaction_lag`, one with the key `roll`, which means nothing. While a migration brings a history to the
/// journal beside it, there is its mark too (connectors/kafka/migration_mark.hpp).
struct keyring_header {
  std::string keyring;  ///< a random ID in hexadecimal: two keyrings are never mixed up
  events::digest master_key_fingerprint{};
};
inline constexpr std::string_view keyring_header_key = "keyring";
inline constexpr std::string_view keyring_roll_key = "roll";

/// How long the brokers may leave records as they are: the topic's `max.compaction.lag.ms` and `segment.ms`.
inline constexpr std::chrono::hours compaction_lag{1};

/// How long a node may be away and still hear of every destruction. After that its copy of the keys is made anew.
inline constexpr std::chrono::hours tombstones_kept{24};

/// The settings that `cluster init` gives the topic.
kafka_settings keys_topic_settings();

/// `invalid` names the setting that would lose keys, never forget one or take none, what it is and how to mend it.
/// `warnings` gets what is allowed but forgets late or may lose keys.
engine::result<void> check_keys_topic(const std::string& name, const kafka_topic& topic, const kafka_settings& settings,
                                      std::vector<std::string>& warnings);
inline constexpr topic_rules keys_topic_rules{check_keys_topic, "compaction and sizes"};

/// What the topic's first record says. `invalid`: there is none, or it is something else.
engine::result<keyring_header> read_keyring_header(const kafka_connection& connection, const std::string& name,
                                                   std::chrono::milliseconds wait);

/// The same, if there is such a topic and anything in it. `conflict`: it is something else.
engine::result<std::optional<keyring_header>> find_keyring(kafka_admin& admin, const kafka_connection& connection,
                                                           const std::string& name, std::chrono::milliseconds wait);

/// Makes the topic and writes its header, once, by `cluster init`; gives the header that is there then. `conflict`: the
/// topic is there and is something else.
engine::result<keyring_header> make_keys_topic(kafka_admin& admin, const kafka_connection& connection,
                                               const std::string& name, const keyring_header& wanted,
                                               std::uint32_t replicas, std::chrono::milliseconds wait);

}  // namespace muster::connectors
