#pragma once

#include "connectors/kafka/kafka_client.hpp"
#include "engine/ports/journal.hpp"

#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace muster::connectors {

/// A record on its way to a topic.
struct kafka_record {
  std::string topic;
  std::int32_t partition = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;  ///< nothing: a tombstone
  std::vector<std::pair<std::string, std::string>> headers;
};

/// What became of a record.
struct kafka_delivery {
  engine::append_outcome outcome = engine::append_outcome::unknown;
  std::int64_t offset = -1;  ///< of a durable one
  std::string error;         ///< of any other
};
using kafka_delivered = std::function<void(const kafka_delivery&)>;

/// How a client fares. Only the producer's thread.
struct delivery_record {
  bool failed = false;  ///< a delivery has, and nobody has looked into it yet
  /// Since when deliveries fail without one success although the brokers answer.
  std::optional<std::chrono::steady_clock::time_point> failing_since;
};

/// Appends records to any topic, idempotently and on all in-sync replicas. Records of one partition go in the order of
/// the calls. The client inside is disposable: after a fatal error, or when for some seconds nothing got through
/// although the brokers answer, it is replaced by a new one, and what it held is settled as librdkafka knows it.
class kafka_producer {
public:
  /// `own`: settings on top of the connection's. `topics`: where records will go, looked up now: librdkafka lets the
  /// first record of a topic that it does not know wait for a second.
  static engine::result<std::unique_ptr<kafka_producer>> make(kafka_connection connection,
                                                              std::vector<std::string> topics, kafka_settings own = {});
  /// Gives up what is not delivered yet: every record is settled before this returns.
  ~kafka_producer();
  kafka_producer(const kafka_producer&) = delete;
  kafka_producer& operator=(const kafka_producer&) = delete;

  /// `delivered` is called once, from the producer's thread, or from this one if the record is refused at once. It must
  /// not block. A record is settled within `message.timeout.ms` and a little. Any thread.
  void send(kafka_record record, kafka_delivered delivered);

  /// Hands them all to one client, so that none overtakes another: if one is refused at once, all behind it are.
  /// `delivered` is called once for each.
  void send(std::vector<kafka_record> records, const kafka_delivered& delivered);

  /// Sends and waits, for `settles_within` at most: after that the outcome is unknown. Any thread but the producer's
  /// own.
  kafka_delivery send_and_wait(kafka_record record);

  /// How long it takes at most until a record is settled.
  std::chrono::milliseconds settles_within() const { return settles_within_; }

  /// Why the brokers do not let us in, if they said so.
  std::optional<std::string> denied() const;
  std::string last_error() const;

private:
  kafka_producer(kafka_connection connection, std::vector<std::string> topics, kafka_settings own);
  engine::result<std::unique_ptr<kafka_client>> new_client();
  void run();
  void replace();
  void look_up_topics();
  bool useless();

  delivery_record record_;
  bool topics_known_ = false;  ///< the client has looked them up; only the producer's thread, and before it begins
  const kafka_connection connection_;
  const std::vector<std::string> topics_;
  const kafka_settings own_;
  std::chrono::milliseconds settles_within_{};
  mutable std::mutex mutex_;  ///< guards `client_`: it must not go while a record is handed to it
  std::unique_ptr<kafka_client> client_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace muster::connectors
