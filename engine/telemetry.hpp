#pragma once

#include "events/event.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What Muster counts about itself. Plain atomics, counted where things happen and read by `/metrics`
/// (connectors/node/metrics.cpp), which gives them their names.
namespace muster::engine {

/// How many observations fell into each bucket; the last one has no upper bound.
class histogram {
public:
  /// Upper bounds in seconds.
  static constexpr std::array<double, 14> bounds = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                    0.1,    0.2,   0.5,   1.0,   2.0,  5.0,  15.0};
  void observe(std::chrono::nanoseconds duration);
  std::uint64_t bucket(std::size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }
  double sum_seconds() const;

private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_nanoseconds_{0};
};

using count = std::atomic<std::uint64_t>;

/// Results of a registration attempt, as `/metrics` tells them apart.
enum class attempt_result : std::uint8_t { assigned, failed, disabled, refused, suppressed, unavailable };
inline constexpr std::array<std::string_view, 6> attempt_result_names = {"assigned", "failed",     "disabled",
                                                                         "refused",  "suppressed", "unavailable"};

/// Results of checking what a device proves itself with.
enum class attestation_result : std::uint8_t { succeeded, failed };
inline constexpr std::array<std::string_view, 2> attestation_result_names = {"succeeded", "failed"};

/// Where a command is on its way to its answer.
enum class command_stage : std::uint8_t {
  mailbox,   ///< no actor has taken it yet
  queued,    ///< its actor has, and is busy with another one
  deciding,  ///< it is the one that its actor is busy with, until its answer
};
inline constexpr std::array<std::string_view, 3> command_stage_names = {"mailbox", "queued", "deciding"};

/// The first digit of an HTTP status.
inline constexpr std::array<std::string_view, 5> status_class_names = {"1xx", "2xx", "3xx", "4xx", "5xx"};

struct telemetry {
  std::array<count, attestation_result_names.size()> attestation_attempts{};
  count device_assignments{};  ///< to a hub, new and repeated
  std::array<count, attempt_result_names.size()> registration_attempts{};
  histogram registration_latency;  ///< from a parsed request to its answer
  count requests{};                ///< HTTP requests of every kind
  count requests_throttled{};      ///< answered 429 before any work
  std::array<count, status_class_names.size()> responses{};
  histogram request_latency;  ///< from a complete HTTP request to its written response
  count connections_open{};
  count connections_accepted{};
  count connections_cut{};      ///< too slow, too large, malformed
  count connections_refused{};  ///< beyond the number of connections, in all or of one address
  count connections_evicted{};  ///< idle ones that made room for new ones
  count handshakes_failed{};

  count frames_accepted{};
  count frames_void{};
  count events_folded{};
  count claims_accepted{};
  histogram append_latency;  ///< one synced write: keys and frames
  count proposals_committed{};
  count proposals_in_conflict{};
  count proposals_overloaded{};
  count proposals_queued{};  ///< now, all shards
  count fold_lag_frames{};   ///< read from the journal and not folded yet, now
  count shards_open{};
  count shards_stopped{};

  count feed_streams_open{};     ///< responses with events that stay open, now
  count feed_streams_refused{};  ///< because there were too many

  count feed_events_published{};   ///< on Kafka
  count feed_publish_failures{};   ///< of batches, that are sent again
  count feed_shards_failing{};     ///< whose events Kafka did not take last time, now
  count feed_events_behind{};      ///< that the feed on Kafka has not come to, some seconds ago
  count usage_publish_failures{};  ///< of hourly reports to Kafka, that are sent again
  count usage_failing{};           ///< 1 while Kafka does not take them
  count webhook_requests{};
  count webhook_failures{};
  count webhook_events_delivered{};
  count webhooks_parked{};        ///< given up on, now
  count webhook_events_behind{};  ///< that the webhooks have not come to, some seconds ago

  std::array<count, command_stage_names.size()> commands{};  ///< now

  count device_actors{};  ///< live now
  count device_actors_passivated{};
  count reply_dropped{};  ///< commands whose reply object died unanswered
};

}  // namespace muster::engine
