#pragma once

#include "connectors/api/feed_streams.hpp"
#include "connectors/api/http_exchange.hpp"
#include "connectors/https/https_server.hpp"
#include "connectors/https/tls_context.hpp"
#include "connectors/node/config.hpp"
#include "connectors/webhook/webhook_sender.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

/// What a node's configuration means for its parts. For Kafka's, see connectors/kafka/kafka_config.hpp.
namespace muster::connectors {

/// What the node calls itself: its configured name, or the machine's.
std::string node_name_of(const node_config& config);

tls_options tls_options_of(const node_config& config);
https_options https_options_of(const node_config& config);
feed_stream_options stream_options_of(const node_config& config);
webhook_sender_options webhook_options_of(const node_config& config);

/// How a node that listens on `port` is reached. `ca_file`: what its clients must trust.
endpoint_texts endpoints_of(const node_config& config, std::uint16_t port, const std::filesystem::path& ca_file);

}  // namespace muster::connectors
