#pragma once

#include "connectors/kafka/kafka_consumer.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace muster::connectors {

/// What the brokers say of a topic.
struct kafka_topic {
  std::uint32_t partitions = 0;
  std::uint32_t replicas = 0;  ///< of the partition that has fewest
};

/// The first offset of a partition, and the one behind its last record that counts as written.
struct kafka_watermarks {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// Questions to the brokers, and making topics. Every call blocks up to its `wait`. Any thread, several at a time.
/// Errors: `unavailable` names the brokers and the last complaint; `denied`: the brokers do not let us in, or do not
/// let us do this.
class kafka_admin {
public:
  static engine::result<std::unique_ptr<kafka_admin>> make(kafka_connection connection);

  /// How many brokers there are.
  engine::result<std::uint32_t> brokers(std::chrono::milliseconds wait);
  /// `not_found`: there is no such topic.
  engine::result<kafka_topic> topic(const std::string& name, std::chrono::milliseconds wait);
  /// The settings of a topic, the brokers' defaults included.
  engine::result<kafka_settings> topic_settings(const std::string& name, std::chrono::milliseconds wait);
  engine::result<kafka_watermarks> watermarks(const std::string& topic, std::int32_t partition,
                                              std::chrono::milliseconds wait);
  /// Behind the last record of each of `partitions`, as their leaders say now.
  engine::result<std::vector<std::int64_t>> ends(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                                 std::chrono::milliseconds wait);

  /// `conflict`: there is one already. `replicas` 0: as the brokers make topics.
  engine::result<void> create_topic(const std::string& name, std::uint32_t partitions, std::uint32_t replicas,
                                    const kafka_settings& settings, std::chrono::milliseconds wait);
  /// Changes these settings of a topic. librdkafka 2.0 can only replace them all: others go back to their defaults.
  engine::result<void> replace_topic_settings(const std::string& name, const kafka_settings& settings,
                                              std::chrono::milliseconds wait);
  /// Deletes the records of a partition before `offset`.
  engine::result<void> delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset,
                                      std::chrono::milliseconds wait);

private:
  kafka_admin(kafka_connection connection, std::unique_ptr<kafka_client> client);
  engine::result<std::vector<std::int64_t>> ask(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                                std::int64_t where, std::chrono::milliseconds wait);
  engine::result<std::unique_ptr<kafka_consumer>> borrow(const std::string& topic, std::chrono::milliseconds wait);
  void give_back(const std::string& topic, std::unique_ptr<kafka_consumer> asker);
  engine::error failure(const std::string& what, int code, const char* text) const;

  const kafka_connection connection_;
  std::unique_ptr<kafka_client> client_;
  std::mutex mutex_;                                                             ///< guards `askers_`
  std::vector<std::pair<std::string, std::unique_ptr<kafka_consumer>>> askers_;  ///< idle ones, with their topic
};

}  // namespace muster::connectors
