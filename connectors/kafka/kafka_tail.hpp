#pragma once

#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_consumer.hpp"
#include "engine/ports/journal.hpp"

#include <deque>
#include <thread>

namespace muster::connectors {

/// The newest frames of one shard as they came from the broker: what whoever follows the log closely reads. Any thread.
class kafka_lane {
public:
  /// Follows a log from `start` on. Keeps about `bytes_max` bytes, and always the newest frame.
  kafka_lane(events::log_offset start, std::size_t bytes_max);

  void push(events::log_offset offset, std::string_view frame);
  /// From now on every read that reaches the end says this.
  void set_fault(engine::error fault);

  /// As `journal::read`; nothing if frames from `from` on are no longer kept.
  std::optional<engine::result<std::vector<engine::log_record>>> read(events::log_offset from,
                                                                      std::size_t bytes_max) const;
  /// Of the oldest frame kept; with none kept, of the next one.
  events::log_offset first() const;
  /// Behind the newest frame.
  events::log_offset next() const;

private:
  mutable std::mutex mutex_;
  std::deque<engine::log_record> records_;
  events::log_offset first_;
  events::log_offset next_;
  std::size_t bytes_ = 0;
  const std::size_t bytes_max_;
  std::optional<engine::error> fault_;
};

/// Follows every partition of the journal topic from its end at the start on, with one consumer and one thread.
class kafka_tail {
public:
  /// `starts`: for each shard, behind its last frame. `bytes_max`: kept of each. `admin` must outlive this object.
  static engine::result<std::unique_ptr<kafka_tail>> make(const kafka_connection& connection, const std::string& topic,
                                                          const std::vector<events::log_offset>& starts,
                                                          std::size_t bytes_max, kafka_admin& admin);
  ~kafka_tail();
  kafka_tail(const kafka_tail&) = delete;
  kafka_tail& operator=(const kafka_tail&) = delete;

  const kafka_lane& lane(events::shard_id shard) const { return *lanes_.at(shard.value()); }
  /// Called from the tail's thread after frames of a shard came, or a fault of it was found.
  void on_arrival(std::function<void(events::shard_id)> arrived);

private:
  kafka_tail(std::string topic, std::unique_ptr<kafka_consumer> consumer, kafka_admin& admin, engine::log* log);
  void run();
  void take(const kafka_event& event);
  void look_into(std::int32_t partition, const std::string& problem);

  const std::string topic_;
  kafka_admin& admin_;
  engine::log* log_;
  std::unique_ptr<kafka_consumer> consumer_;
  std::vector<std::unique_ptr<kafka_lane>> lanes_;  ///< one a shard
  std::set<std::int32_t> arrived_now_;              ///< of the current round; the tail's thread only
  std::map<std::int32_t, std::string> halted_;      ///< partitions that stand still, and why; the tail's thread only
  struct stumble {
    events::log_offset at;
    int times = 0;
  };
  std::map<std::int32_t, stumble> stumbles_;  ///< where a partition stood still last; the tail's thread only
  std::mutex mutex_;                          ///< guards `arrived_`
  std::function<void(events::shard_id)> arrived_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// The frame at a log offset is the record behind it: the first record of a partition is its header.
inline std::int64_t kafka_offset(events::log_offset offset) {
  return static_cast<std::int64_t>(offset.value()) + 1;
}
inline events::log_offset log_offset_of(std::int64_t kafka) {
  return events::log_offset(kafka <= 0 ? 0 : static_cast<std::uint64_t>(kafka - 1));
}

/// What it means that the log of `shard` cannot be read at `from`, when it now holds the records between `marks`.
/// Nothing if it can be read there.
std::optional<engine::error> range_fault(const std::string& topic, events::shard_id shard, events::log_offset from,
                                         const kafka_watermarks& marks);

}  // namespace muster::connectors
