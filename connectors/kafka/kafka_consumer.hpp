#pragma once

#include "connectors/kafka/kafka_client.hpp"

#include <cstdint>
#include <set>
#include <string_view>

struct rd_kafka_topic_s;
struct rd_kafka_queue_s;

namespace muster::connectors {

/// What a consumer meets. Views hold during the call that brings it.
struct kafka_event {
  enum class kind {
    record,
    end,           ///< nothing after `offset` yet: it is where the next record will be
    out_of_range,  ///< the log does not hold the offset that was asked for; the partition stands still
    damaged,       ///< a record's checksum is wrong; what follows may have been left out: stop the partition
    error,         ///< tried again by itself
  };
  kind what = kind::record;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  ///< nothing: a tombstone
  std::string text;                       ///< of everything but a record: what is the matter
};

/// Reads partitions of one topic from given offsets on, without a consumer group. One thread at a time.
class kafka_consumer {
public:
  static constexpr std::int64_t from_beginning = -2;
  static constexpr std::int64_t from_end = -1;

  /// `own`: settings on top of the connection's.
  static engine::result<std::unique_ptr<kafka_consumer>> make(const kafka_connection& connection,
                                                              const std::string& topic, const kafka_settings& own = {});
  ~kafka_consumer();
  kafka_consumer(const kafka_consumer&) = delete;
  kafka_consumer& operator=(const kafka_consumer&) = delete;

  /// Looks up who leads the partitions, waiting up to `wait`. Without it a start at the beginning or the end waits half
  /// a second for that.
  void look_up(std::chrono::milliseconds wait);
  /// Begins with the record at `offset`. A partition must be stopped before it is started elsewhere.
  engine::result<void> start(std::int32_t partition, std::int64_t offset);
  /// Nothing of the partition comes any more once this has returned, but for what the current `poll` already holds.
  void stop(std::int32_t partition);

  /// Waits up to `wait` for something, then gives what there is at once, at most `max` events. Gives how many. `take`
  /// must not call this object.
  std::size_t poll(std::chrono::milliseconds wait, std::size_t max,
                   const std::function<void(const kafka_event&)>& take);

  const kafka_client& client() const { return *client_; }

private:
  struct release {
    void operator()(rd_kafka_topic_s* topic) const;
    void operator()(rd_kafka_queue_s* queue) const;
  };
  kafka_consumer() = default;

  std::unique_ptr<kafka_client> client_;  // first: it goes last
  std::unique_ptr<rd_kafka_topic_s, release> topic_;
  std::unique_ptr<rd_kafka_queue_s, release> queue_;
  std::set<std::int32_t> started_;
};

/// Gives `take` what `consumer` brings of `topic`, until `done`. `unavailable`, with what the brokers said last, at
/// `deadline`, which `take` may move.
engine::result<void> take_until(kafka_consumer& consumer, const kafka_connection& connection, const std::string& topic,
                                const std::chrono::steady_clock::time_point& deadline,
                                const std::function<bool()>& done, const std::function<void(const kafka_event&)>& take);

}  // namespace muster::connectors
