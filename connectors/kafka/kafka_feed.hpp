#pragma once

#include "connectors/kafka/kafka_producer.hpp"
#include "engine/feed.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/log.hpp"
#include "engine/telemetry.hpp"

#include <memory>
#include <string>

namespace muster::connectors {

/// An event of a service as a record of the feed, its data as recorded, sealed fields and all.
kafka_record feed_record(const events::event_record& event, events::shard_id shard, const std::string& topic,
                         std::uint32_t partitions);

/// Hands records to Kafka, none of which may overtake another: `kafka_producer::send`, or what a test has instead.
using kafka_send = std::function<void(std::vector<kafka_record>, kafka_delivered)>;
/// How many partitions the topic has now; an error also if it is not fit for the feed. It may block for some seconds.
using kafka_partitions = std::function<engine::result<std::uint32_t>()>;

struct kafka_feed_options {
  std::string topic = "muster.events";
  std::chrono::milliseconds retry_pause{1'000};
  std::chrono::milliseconds stuck_after{30'000};  ///< of failures it says that it is stuck
};

/// What the producer of the feed insists on: a record that fails fails all behind it, so that readers never see a later
/// event before an earlier one for the first time.
kafka_settings feed_producer_settings();

/// Publishes every accepted event of a service on the shards that are open here: of each shard in order, at least once.
/// A shard's events go to one partition. How far each shard came is kept with its projections as the reaction `kafka`,
/// and moves only when Kafka has the records for good. One thread of its own.
class kafka_feed {
public:
  /// All of these outlive the feed; `send` settles every record before it goes.
  kafka_feed(kafka_feed_options options, kafka_send send, kafka_partitions partitions, engine::feed& feed,
             const engine::catalog& services, std::uint32_t shards, engine::log& log, engine::telemetry& telemetry);
  /// Ends at once: what is in flight is sent again by the next process.
  ~kafka_feed();

  /// Why events are not published, if it is so; with causes it is for operators only. Any thread.
  std::optional<std::string> trouble(bool with_causes) const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace muster::connectors
