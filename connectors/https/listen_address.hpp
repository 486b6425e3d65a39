#pragma once

#include "engine/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::connectors {

/// Where to listen.
struct listen_address {
  std::string ip;  ///< without brackets
  std::uint16_t port = 0;
};

/// Reads `ADDRESS:PORT`, an IPv6 address in brackets; `localhost` is 127.0.0.1. `invalid` says what would be right.
engine::result<listen_address> parse_listen_address(std::string_view text);

}  // namespace muster::connectors
