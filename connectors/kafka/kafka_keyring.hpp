#pragma once

#include "connectors/kafka/keys_topic.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/keyring.hpp"

#include <filesystem>
#include <memory>

namespace muster::connectors {

struct kafka_keyring_options {
  kafka_connection connection;
  std::string topic = "muster.keys";
  std::filesystem::path directory;  ///< for this node's copy of the wrapped keys; made if it is not there
  engine::data_key master_key;
  engine::entropy* entropy = nullptr;  ///< must outlive the keyring, as the clock must
  const engine::clock* clock = nullptr;
  bool for_migration = false;  ///< also opens what has the mark of a migration: for that migration alone
  std::chrono::milliseconds start_wait{30'000};  ///< without any progress while the copy catches up at the start
  std::chrono::milliseconds wait{5'000};         ///< for the brokers, in every other call
  std::chrono::milliseconds roll_after = compaction_lag + std::chrono::minutes(1);  ///< a destruction was heard of
};

/// Opens the keyring in a compacted Kafka topic (connectors/kafka/keys_topic.hpp), which every node follows into a copy
/// of its own on disk; wrapped keys are never all in memory. A stored key is in the topic, on all in-sync replicas,
/// before `store` returns. A destroyed one is gone from the copy's files when `destroy` returns, from the topic's when
/// the brokers have compacted it, and from the copies of other nodes within a minute of their hearing of it. Checks the
/// topic and makes nothing: `cluster init` does.
///
/// `find` of a key that is not in the copy asks the brokers whether the copy is behind, and waits for it: `unavailable`
/// if they do not answer. `denied`: the keyring was made with another master key, or the brokers do not let us in.
/// `conflict`: it belongs to the unfinished target of a migration (connectors/kafka/migration_mark.hpp).
engine::result<std::unique_ptr<engine::keyring>> open_kafka_keyring(kafka_keyring_options options);

}  // namespace muster::connectors
