#pragma once

#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_feed.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/usage_topic.hpp"
#include "connectors/node/config.hpp"

#include <memory>
#include <optional>
#include <string>

namespace muster::connectors {

/// What is published, and who hears of it; all of it outlives the publication.
struct kafka_publication_parts {
  engine::feed& feed;
  const engine::catalog& services;
  std::uint32_t shards = 0;
  engine::log& log;
  engine::telemetry& telemetry;
};

/// What a node publishes on Kafka for others: the events of the feed on one topic, hourly usage on another. It needs
/// nothing but brokers: the journal may be embedded.
class kafka_publication {
public:
  /// Nothing if the configuration names no brokers for it. `invalid`: it is contradictory, or a topic would lose events
  /// or take none. Brokers that are away are no error: what is not published yet is published once they are back.
  static engine::result<std::unique_ptr<kafka_publication>> start(const node_config& config,
                                                                  const kafka_publication_parts& parts);

  /// What is wrong with it, if anything is; with causes it is for operators only. Any thread.
  std::optional<std::string> trouble(bool with_causes) const;

private:
  kafka_publication(std::unique_ptr<kafka_producer> producer, std::unique_ptr<kafka_admin> admin)
      : producer_(std::move(producer)), admin_(std::move(admin)) {}

  std::unique_ptr<kafka_producer> producer_;
  std::unique_ptr<kafka_admin> admin_;
  std::unique_ptr<kafka_feed> feed_;  // it uses both
  std::unique_ptr<usage_topic> usage_;
};

}  // namespace muster::connectors
