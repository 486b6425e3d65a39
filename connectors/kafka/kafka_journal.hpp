#pragma once

#include "connectors/kafka/journal_topic.hpp"

#include <memory>

namespace muster::connectors {

struct kafka_journal_options {
  kafka_connection connection;
  std::string topic = "muster.journal";
  /// What the journal must be; what is not given is not checked.
  expected_journal expected;
  std::chrono::milliseconds start_wait{10'000};  ///< for each answer of the brokers while opening
  std::chrono::milliseconds read_wait{2'000};    ///< for a read or an end; then `unavailable`
  std::size_t recent_bytes_max = 64 << 20;       ///< newest frames kept in memory, of all shards together, about
};

/// Opens the journal in a Kafka topic: a partition for each shard, a record for each frame. It is not exclusive. It
/// checks the topic and makes nothing: `cluster init` does. Kafka orders and keeps the frames; which of them count is
/// the rule's to say (engine/log_rule.hpp).
///
/// `invalid`: a setting, the topic or the journal in it is not as it must be. `not_found`: there is no such topic.
/// `denied`: the brokers do not let us in. `unavailable`: they do not answer. `corrupt`: the journal's beginning is
/// gone. Each text says what was expected, what was found and what to do.
engine::result<std::unique_ptr<engine::journal>> open_kafka_journal(kafka_journal_options options);

}  // namespace muster::connectors
