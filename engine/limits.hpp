#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every fixed bound of Muster in one place. What an operator may change is in the configuration
/// (connectors/node/config.hpp); what DPS itself fixes, or what only bounds memory, is here.
namespace muster::engine::limits {

using namespace std::chrono_literals;

// The log
inline constexpr std::size_t frame_bytes_max =
    512 * 1024;  ///< a Kafka record is 1 MiB by default; half leaves room for headers
inline constexpr std::size_t frame_events_max = 4096;
inline constexpr std::size_t event_bytes_max = 384 * 1024;  ///< an event that could not share a frame with its header
inline constexpr std::size_t remembered_heads_max = 1000;   ///< heads kept to tell a duplicate from a divergence
inline constexpr std::size_t changed_keys_max = 65'536;     ///< keys whose last change a writer remembers
inline constexpr std::size_t proposals_queued_max =
    16'384;  ///< per shard; beyond it a proposal is refused as overloaded
inline constexpr std::size_t tail_read_bytes = 4 * 1024 * 1024;
inline constexpr auto claim_backoff_max = 2s;
inline constexpr std::size_t repair_text_bytes_max = 1000;  ///< an operator's name, or reason
inline constexpr std::size_t open_claims_max = 1024;        ///< claims of unknown fate that a writer would still adopt
inline constexpr auto log_check_interval = 5s;  ///< how often a log that others can write is compared with the fold
inline constexpr auto log_check_valid = 1s;     ///< how old the comparison before a claim may be
inline constexpr auto log_check_pause = 500ms;  ///< after a comparison that could not be done
inline constexpr auto log_doubted_max = 10s;    ///< before a shard that opens believes that its log lost something
inline constexpr auto settle_timeout = 5s;      ///< an append without a read-back is of unknown outcome after that

// Reads, where others can write the log
inline constexpr auto read_recent_max = 2s;  ///< how old what is read may be without asking the log; a setting
inline constexpr auto read_wait = 1s;        ///< for the log's answer; then what is read says how old it is

// Commands
inline constexpr auto command_deadline = 15s;       ///< from arrival to answer; then 503
inline constexpr std::size_t device_queue_max = 8;  ///< commands waiting for a busy device; beyond it 429
inline constexpr std::size_t device_joins_max =
    32;  ///< registers waiting for the one of their ID that is being decided
inline constexpr int conflict_retries_max = 20;

// DPS: includes/iot-dps-limits
inline constexpr std::size_t request_body_bytes_max = 96 * 1024;
inline constexpr std::uint32_t linked_hubs_max = 50;
inline constexpr std::size_t symmetric_key_bytes_min = 16;
inline constexpr std::size_t symmetric_key_bytes_max = 64;

// IoT Hub: device twins
inline constexpr std::size_t twin_tags_bytes_max = 8 * 1024;
inline constexpr std::size_t twin_desired_bytes_max = 32 * 1024;

// Lists
inline constexpr std::size_t rows_listed_max = 10'000;    ///< looked at for one page, however few of them fit
inline constexpr std::size_t rows_counted_max = 200'000;  ///< looked at by one request that counts

// Idempotency keys
inline constexpr auto command_id_kept = std::chrono::hours(24);  ///< of log time
inline constexpr std::size_t command_id_bytes_max = 128;

// Reports
inline constexpr std::size_t usage_lines_max = 10'000;  ///< of one answer: more than a year by the hour

// Refused attempts
inline constexpr std::uint32_t refusals_per_minute_scope = 600;  ///< with an event of their own
inline constexpr std::uint32_t refusals_per_minute_address = 60;
inline constexpr std::uint32_t refusals_per_day_scope = 50'000;  ///< some 100 MB
inline constexpr std::size_t suppressed_addresses_max = 100;

// What devices have written lately is remembered for so many of them, per scope: some 12 MB at most. With fewer nobody
// looks for those to forget.
inline constexpr std::size_t quota_devices_max = 262'144;
inline constexpr std::size_t quota_devices_min = 1'024;

static_assert(quota_devices_min < quota_devices_max);
static_assert(event_bytes_max < frame_bytes_max);
static_assert(twin_tags_bytes_max + twin_desired_bytes_max < request_body_bytes_max);

}  // namespace muster::engine::limits
