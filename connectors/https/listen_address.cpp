#include "connectors/https/listen_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

namespace muster::connectors {

engine::result<listen_address> parse_listen_address(std::string_view text) {
  const auto wrong = [text] {
    return engine::fail(
        engine::errc::invalid,
        "'" + std::string(text) +
            "' is no address to listen on: give ADDRESS:PORT, for example 127.0.0.1:8443 or [::1]:8443");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  listen_address address{std::string(text.substr(0, colon)), 0};
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return wrong();

  auto& ip = address.ip;
  in6_addr bytes{};
  if (ip.starts_with('[') && ip.ends_with(']')) {
    ip = ip.substr(1, ip.size() - 2);
    if (::inet_pton(AF_INET6, ip.c_str(), &bytes) == 1) return address;
    return wrong();
  }
  if (ip == "localhost") ip = "127.0.0.1";
  if (::inet_pton(AF_INET, ip.c_str(), &bytes) == 1) return address;
  return wrong();
}

}  // namespace muster::connectors
