#pragma once

#include "connectors/config.hpp"
#include "connectors/kafka/kafka_client.hpp"

/// What a node's configuration means for Kafka.
namespace muster::connectors {

/// Where the brokers are and how to talk to them. `log` must outlive every client made with it. `invalid` if
/// kafka.bootstrap is missing.
engine::result<kafka_connection> kafka_connection_of(const node_config& config, engine::log* log);

/// The names of the topics.
struct kafka_topics {
  std::string journal;  ///< a partition for each shard, a record for each frame, kept for ever
  std::string keys;     ///< data keys, wrapped; compacted
  std::string events;   ///< the public feed
  std::string usage;    ///< operations by the hour
};
kafka_topics kafka_topics_of(const node_config& config);

/// The token in `file`, a JWT (RFC 7519): its `exp` and `sub` are the token's end and principal. `invalid` says what is
/// wrong with it, never what it is.
engine::result<kafka_oauth_token> read_oauth_token(const std::filesystem::path& file);

}  // namespace muster::connectors
