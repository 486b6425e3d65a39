#include "connectors/node/node_options.hpp"

#include "connectors/https/tls_identity.hpp"

#include <algorithm>
#include <unistd.h>

namespace muster::connectors {

namespace {

std::string host_name() {
  char name[256] = "node";
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

std::string node_name_of(const node_config& config) {
  return config.node_name.empty() ? host_name() : config.node_name;
}

tls_options tls_options_of(const node_config& config) {
  return {config.data / "tls", config.https_names, config.https_certificate_file, config.https_key_file};
}

https_options https_options_of(const node_config& config) {
  using std::chrono::seconds;
  https_options options;
  options.address = config.https_address;
  options.threads = static_cast<unsigned>(config.https_threads);
  options.body_bytes_max = config.https_body_bytes_max;
  options.connections_max = config.https_connections_max;
  options.connections_per_address_max = config.https_connections_per_address_max;
  options.handshake_timeout = seconds(config.https_handshake_timeout_s);
  options.header_timeout = seconds(config.https_header_timeout_s);
  options.request_timeout = seconds(config.https_request_timeout_s);
  options.write_timeout = seconds(config.https_write_timeout_s);
  options.idle_timeout = seconds(config.https_idle_timeout_s);
  options.drain_time = seconds(config.drain_s);
  const auto limit = [](admission_limits& limits, std::uint64_t rate, std::uint64_t burst) {
    limits.requests_per_second = static_cast<double>(rate);
    limits.burst_requests = static_cast<double>(burst == 0 ? rate : burst);
  };
  limit(options.admission.all, config.admission_requests_per_s, config.admission_burst);
  limit(options.admission.per_address, config.admission_per_address_requests_per_s, config.admission_per_address_burst);
  return options;
}

feed_stream_options stream_options_of(const node_config& config) {
  return {config.feed_streams_max, config.feed_streams_per_service_max, std::chrono::seconds(config.feed_heartbeat_s)};
}

webhook_sender_options webhook_options_of(const node_config& config) {
  webhook_sender_options options;
  options.client.private_addresses = config.webhook_private_addresses != 0;
  options.client.plain_http = config.webhook_plain_http != 0;
  options.client.ca_file = config.webhook_ca_file;
  options.client.timeout = std::chrono::seconds(config.webhook_timeout_s);
  options.origin = config.webhook_origin.empty() ? host_name() : config.webhook_origin;
  options.retry_first = std::chrono::milliseconds(config.webhook_retry_first_ms);
  options.retry_longest = std::chrono::seconds(config.webhook_retry_longest_s);
  options.park_after = std::chrono::seconds(config.webhook_park_after_s);
  options.park_after_failures = static_cast<unsigned>(config.webhook_park_after_failures);
  return options;
}

endpoint_texts endpoints_of(const node_config& config, std::uint16_t port, const std::filesystem::path& ca_file) {
  const auto at_port = ":" + std::to_string(port);
  const auto name = std::ranges::find_if(config.https_names, is_host_name);
  if (name == config.https_names.end()) return {"localhost" + at_port, "localhost" + at_port, ca_file.string()};
  return {*name + at_port, "{service}." + *name + at_port, ca_file.string()};
}

}  // namespace muster::connectors
