#pragma once

#include "connectors/kafka/kafka_admin.hpp"
#include "connectors/kafka/kafka_keyring.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/key_cache.hpp"

#include <condition_variable>
#include <thread>

namespace muster::connectors {

/// Writes records to the topic of data keys and waits for all of them. Gives the greatest offset among them.
/// `unavailable` says that keys could not be `done`: `stored`, say.
engine::result<std::int64_t> write_keys(kafka_producer& producer, const std::string& topic,
                                        const std::vector<key_cache::change>& records, std::string_view done);

/// What the follower works with; all of it outlives the follower.
struct keys_follower_parts {
  const kafka_keyring_options& options;
  key_cache& cache;
  kafka_admin& admin;
  kafka_producer& producer;
};

/// Follows the topic of data keys into this node's copy of it, erases from the copy's files what was destroyed, and
/// writes what closes the topic's segment, so that the brokers can forget it too (keys_topic.hpp). A thread of its own.
/// Once the topic cannot be followed it stands still for good, and says why.
class keys_follower {
public:
  /// `consumer` has been started at `next_offset`, up to which the copy holds everything.
  keys_follower(const keys_follower_parts& parts, std::unique_ptr<kafka_consumer> consumer, std::int64_t next_offset);
  ~keys_follower();
  keys_follower(const keys_follower&) = delete;
  keys_follower& operator=(const keys_follower&) = delete;

  /// Waits until the copy holds what the topic held when this was called, as long as it makes progress. Any thread.
  engine::result<void> catch_up(std::chrono::milliseconds without_progress);
  /// Waits until what was destroyed up to the record at `offset` is gone from the copy's files. Any thread.
  engine::result<void> erase_up_to(std::int64_t offset);

private:
  using moment = std::chrono::steady_clock::time_point;
  /// What one look at the topic brought.
  struct look {
    std::vector<key_cache::change> changes;
    std::int64_t next = 0;      ///< the offset that comes next
    bool out_of_range = false;  ///< the broker says that its log does not reach `next`
    std::optional<engine::error> fault;
  };
  void run();
  look listen();
  static void take(const kafka_event& event, look& seen, const kafka_keyring_options& options);
  void read_on(look& seen);
  void keep(look& seen);
  void close_segment(bool destroyed);
  bool publish(const look& seen);
  bool erase_if_due(look& seen);
  bool erasure_wanted();

  const kafka_keyring_options& options_;
  key_cache& cache_;
  kafka_admin& admin_;
  kafka_producer& producer_;
  // The thread's own, up to the mutex:
  std::unique_ptr<kafka_consumer> consumer_;
  std::optional<moment> doubted_;  ///< since when brokers say that the topic ends before what was followed
  std::optional<moment> read_on_at_;
  moment noted_ = std::chrono::steady_clock::now();       ///< when the copy's place was last written
  moment erased_ = std::chrono::steady_clock::now();      ///< when the copy's files were last rewritten
  bool to_erase_ = true;                                  ///< a crash may have come between a deletion and the erasure
  moment last_heard_ = std::chrono::steady_clock::now();  ///< of a destruction: before the start, at the latest
  moment close_at_;                                       ///< the topic's segment
  bool to_close_ = true;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable moved_;
  std::int64_t next_;  ///< written by the thread alone, which so may read it without the lock
  std::int64_t erase_up_to_ = 0;
  std::int64_t erased_up_to_ = 0;
  std::optional<engine::error> fault_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace muster::connectors
