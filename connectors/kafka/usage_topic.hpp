#pragma once

#include "connectors/kafka/kafka_producer.hpp"
#include "engine/telemetry.hpp"
#include "engine/usage_publisher.hpp"
#include "engine/wake_flag.hpp"

namespace muster::connectors {

/// A report as a record of the topic.
kafka_record usage_record(const std::string& topic, events::shard_id shard, const engine::shard_usage& usage);

struct usage_topic_options {
  kafka_connection connection;
  std::string topic = "muster.usage";        ///< of one partition
  std::chrono::milliseconds interval{1000};  ///< how often the shards are asked for hours that have ended
  engine::telemetry* telemetry = nullptr;    ///< may be absent; outlives it
};

/// Publishes the hourly usage of all shards that are open on this node on a topic, at least once and in order of each
/// service's hours. A thread of its own.
class usage_topic {
public:
  /// `services` and the log of the connection outlive it.
  static engine::result<std::unique_ptr<usage_topic>> start(usage_topic_options options,
                                                            const engine::catalog& services, std::uint32_t shards);
  ~usage_topic();
  usage_topic(const usage_topic&) = delete;
  usage_topic& operator=(const usage_topic&) = delete;

  /// Why usage is not published, if it is so. Any thread.
  std::optional<std::string> trouble() const;

private:
  usage_topic(usage_topic_options options, const engine::catalog& services, std::uint32_t shards,
              std::unique_ptr<kafka_producer> producer);
  void run();
  bool publish(events::shard_id shard, const engine::shard_usage& usage);
  void complain(const std::string& why);

  const usage_topic_options options_;
  std::unique_ptr<kafka_producer> producer_;
  engine::usage_publisher publisher_;
  mutable std::mutex mutex_;
  std::string complaint_;  ///< under `mutex_`: the last one, said once
  const std::shared_ptr<engine::wake_flag> wake_ = std::make_shared<engine::wake_flag>();
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace muster::connectors
