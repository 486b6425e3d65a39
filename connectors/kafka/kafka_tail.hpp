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

  /// Takes the next frame. False if the log is not the one that was read before: doubted, and its newest frame did not
  /// come again as it was.
  bool push(events::log_offset offset, std::string_view frame);
  /// From now on every read that reaches the end says this.
  void set_fault(engine::error fault);

  /// A broker says that the log ends before what was read of it. Every read that reaches the end says `why` until the
  /// newest frame kept has come again.
  void doubt(engine::error why);
  /// Where to read on after a doubt: at the newest frame kept. With none kept there is nothing to compare, and the
  /// doubt ends.
  events::log_offset resume();
  bool doubted() const;

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
  bool doubted_ = false;
  std::optional<engine::error> fault_;
};

/// What to do about a partition that cannot be read where it was left.
enum class standstill : std::uint8_t { read_on, ask_again, lost };

/// `wanted` is Kafka's offset that should come next, `marks` what the log holds according to the broker that answered,
/// `doubted_for` how long it has been said to end earlier. A broker that was frozen or cut off may for a while answer
/// as the leader that it no longer is, and its log ends earlier: that something is lost is certain only when it has
/// been said for long.
standstill judge_standstill(std::int64_t wanted, const kafka_watermarks& marks, std::chrono::nanoseconds doubted_for);

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
  using moment = std::chrono::steady_clock::time_point;
  /// Why a partition cannot be read where it was left.
  enum class stop : std::uint8_t { out_of_range, damaged, not_what_was_read };
  struct trouble {
    bool halted = false;  ///< nothing is read until it has been looked into
    stop why = stop::out_of_range;
    std::string problem;
    events::log_offset at;
    int times = 0;                  ///< that it stood still at `at`
    std::optional<moment> doubted;  ///< since when the log seems to have lost something
    moment look_at;
  };

  void run();
  void take(const kafka_event& event);
  void halt(std::int32_t partition, stop why, std::string problem);
  void look_into(std::int32_t partition, trouble& t);

  const std::string topic_;
  kafka_admin& admin_;
  engine::log* log_;
  std::unique_ptr<kafka_consumer> consumer_;
  std::vector<std::unique_ptr<kafka_lane>> lanes_;  ///< one a shard
  std::set<std::int32_t> arrived_now_;              ///< of the current round; the tail's thread only
  std::map<std::int32_t, trouble> troubles_;        ///< of partitions that stood still last; the tail's thread only
  std::mutex mutex_;                                ///< guards `arrived_`
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

/// `unavailable`: a broker says that the log of `shard` ends at Kafka's offset `end`, before `reached`. It may be one
/// that leads no longer.
engine::error doubtful_end(const std::string& topic, events::shard_id shard, std::int64_t end,
                           events::log_offset reached);

}  // namespace muster::connectors
