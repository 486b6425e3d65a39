#pragma once

#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_consumer.hpp"
#include "engine/ports/journal.hpp"

#include <vector>

namespace muster::connectors {

/// Reads any part of the journal topic: history, rebuilds, a fold that starts far behind. Each read borrows a consumer
/// that stands where it goes on, if there is one, so that reading a shard from end to end is one stream. Any thread,
/// several at a time.
class kafka_cursors {
public:
  /// `admin` must outlive this object. A read waits up to `patience` for the broker; while the brokers are away, only
  /// one read after another does, and the others give up soon: a shard's thread has other shards to look after.
  kafka_cursors(kafka_connection connection, std::string topic, kafka_admin& admin, std::chrono::milliseconds patience);
  ~kafka_cursors();

  /// As `journal::read`, of the frames before `until`.
  engine::result<std::vector<engine::log_record>> read(events::shard_id shard, events::log_offset from,
                                                       events::log_offset until, std::size_t bytes_max);

private:
  class cursor;
  engine::result<std::unique_ptr<cursor>> borrow(events::shard_id shard, events::log_offset from, bool far);
  void give_back(std::unique_ptr<cursor> c);
  std::chrono::milliseconds patience_now();
  void note_away(bool away);

  const kafka_connection connection_;
  const std::string topic_;
  kafka_admin& admin_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;  ///< guards what follows
  std::chrono::steady_clock::time_point away_until_;
  std::vector<std::unique_ptr<cursor>> idle_;
};

}  // namespace muster::connectors
