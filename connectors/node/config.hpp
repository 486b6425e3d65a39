#pragma once

#include "engine/error.hpp"
#include "engine/limits.hpp"
#include "engine/ports/log.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace muster::connectors {

/// Everything an operator may set on a node. Options are named `section.key` in the configuration file (TOML), in
/// `--set section.key=value` and in messages; the table in config.cpp lists them all with their meaning and range.
struct node_config {
  std::filesystem::path data = "muster-data";
  std::string node_name;  ///< the host's name unless set

  std::string https_address = "127.0.0.1:8443";
  std::uint64_t https_threads = 2;
  std::string https_certificate_file;
  std::string https_key_file;
  std::vector<std::string> https_names;
  std::uint64_t https_body_bytes_max = engine::limits::request_body_bytes_max;
  std::uint64_t https_connections_max = 10'000;
  std::uint64_t https_connections_per_address_max = 1'000;
  std::uint64_t https_handshake_timeout_s = 10;
  std::uint64_t https_header_timeout_s = 10;
  std::uint64_t https_request_timeout_s = 30;
  std::uint64_t https_write_timeout_s = 30;
  std::uint64_t https_idle_timeout_s = 120;

  std::uint64_t admission_requests_per_s = 0;
  std::uint64_t admission_burst = 0;
  std::uint64_t admission_per_address_requests_per_s = 20'000;
  std::uint64_t admission_per_address_burst = 40'000;

  std::string journal_kind = "embedded";
  std::uint64_t journal_shards = 0;  ///< 0: as it was made; `cluster_shards_of` on a new cluster
  std::uint64_t journal_free_bytes_min = 64 << 20;

  std::string kafka_bootstrap;
  std::string kafka_topic_prefix = "muster.";
  std::uint64_t kafka_replicas = 0;  ///< 0: three, or as many as there are brokers
  std::string kafka_oauth_token_file;
  std::map<std::string, std::string> kafka_settings;  ///< librdkafka's own, by its names; all else of [kafka]

  std::string keyring_master_key_file;  ///< DATA/master.key unless set
  std::uint64_t keyring_erasure_interval_s = 60;

  std::uint64_t actors_workers = 2;
  std::uint64_t actors_device_actors_max = 100'000;
  std::uint64_t actors_idle_s = 60;

  std::uint64_t refusals_per_minute_scope = 600;
  std::uint64_t refusals_per_minute_address = 60;
  std::uint64_t refusals_per_day_scope = 50'000;

  std::uint64_t quota_device_bytes_per_s = 2 << 10;
  std::uint64_t quota_device_burst_bytes = 16 << 20;
  std::uint64_t quota_scope_events_per_s = 50'000;
  std::uint64_t quota_scope_bytes_per_s = 64 << 20;

  std::uint64_t shards_threads = 1;
  std::uint64_t shards_read_recent_ms = 2000;
  std::uint64_t projections_cache_bytes = 64 << 20;
  std::uint64_t projections_write_buffer_bytes = 32 << 20;

  std::string feed_kafka_bootstrap;
  std::string feed_kafka_oauth_token_file;
  std::map<std::string, std::string> feed_kafka_settings;  ///< librdkafka's own, as those of [kafka]
  std::string feed_topic = "muster.events";
  std::string feed_usage_topic = "muster.usage";
  std::uint64_t feed_streams_max = 200;
  std::uint64_t feed_streams_per_service_max = 20;
  std::uint64_t feed_heartbeat_s = 15;

  std::string webhook_origin;
  std::uint64_t webhook_private_addresses = 1;
  std::uint64_t webhook_plain_http = 0;
  std::string webhook_ca_file;
  std::uint64_t webhook_timeout_s = 20;
  std::uint64_t webhook_retry_first_ms = 1'000;
  std::uint64_t webhook_retry_longest_s = 300;
  std::uint64_t webhook_park_after_s = 86'400;
  std::uint64_t webhook_park_after_failures = 1'000;

  std::string log_level = "info";
  std::string log_file;  ///< stderr unless set
  std::uint64_t drain_s = 10;

  /// Where an option was given, by its name: `muster.toml:3: ` or `--set `.
  std::map<std::string, std::string, std::less<>> origins;

  std::map<std::string, std::string> operators;  ///< name -> SHA-256 of the token, hexadecimal; besides `admin`
};

/// With how many shards `cluster init` makes a journal: what is configured, else 64. An embedded one has its own
/// default.
std::uint32_t cluster_shards_of(const node_config& config);

/// Reads a configuration file into `config`. `invalid` names file, line and option: `muster.toml:12: https.addres:
/// unknown option, did you mean https.address?`
engine::result<void> read_config_file(const std::filesystem::path& file, node_config& config);

/// Sets one option from the text `section.key=value`, as `--set` gives it.
engine::result<void> set_option(std::string_view assignment, node_config& config);

/// Whether the options go together; says where the one was given that another is missing for.
engine::result<void> check_config(const node_config& config);

/// A complete configuration file with every option, its meaning and its value in `config`.
std::string print_config(const node_config& config);

/// `text` as a log level; `info` if it is none, which no checked configuration has.
engine::log_level log_level_named(std::string_view text);

}  // namespace muster::connectors
