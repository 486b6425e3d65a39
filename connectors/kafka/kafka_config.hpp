#pragma once

#include "connectors/kafka/kafka_client.hpp"
#include "connectors/node/config.hpp"

/// What a node's configuration means for Kafka.
namespace muster::connectors {

/// Where the brokers of the journal are and how to talk to them. `log` must outlive every client made with it.
/// `invalid` if kafka.bootstrap is missing, or the file with the token that the mechanism needs.
engine::result<kafka_connection> kafka_connection_of(const node_config& config, engine::log* log);

/// The names of the topics.
struct kafka_topics {
  std::string journal;  ///< a partition for each shard, a record for each frame, kept for ever
  std::string keys;     ///< data keys, wrapped; compacted
  std::string events;   ///< the public feed
  std::string usage;    ///< operations by the hour
};
kafka_topics kafka_topics_of(const node_config& config);

/// Where the public feed goes: its brokers and the topics of the events and of the usage there.
struct kafka_feed_target {
  kafka_connection connection;
  std::string events_topic;
  std::string usage_topic;
};
/// What [feed.kafka] says, else the journal's brokers if it is on Kafka; nothing if there is no feed on Kafka. `log`
/// and errors as above; also `invalid` if [feed.kafka] has settings and no brokers.
engine::result<std::optional<kafka_feed_target>> kafka_feed_target_of(const node_config& config, engine::log* log);

/// The token in `file`, a JWT (RFC 7519): its `exp` and `sub` are the token's end and principal. `invalid` says what is
/// wrong with it, never what it is; `option` is the one that names the file.
engine::result<kafka_oauth_token> read_oauth_token(const std::string& option, const std::filesystem::path& file);

}  // namespace muster::connectors
