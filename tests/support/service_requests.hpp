#pragma once

#include "connectors/https/http_message.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"

#include <string>

namespace muster::tests {

/// Percent-encodes what base64 has beyond letters and digits.
inline std::string percent_encode_base64(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    if (c == '+')
      encoded += "%2B";
    else if (c == '/')
      encoded += "%2F";
    else if (c == '=')
      encoded += "%3D";
    else
      encoded += c;
  }
  return encoded;
}

/// A shared access signature for `resource`, signed with `key`; without `policy` it names none.
inline std::string sign(const std::string& resource, const std::string& key, const std::string& policy,
                        long long expiry) {
  const auto se = std::to_string(expiry);
  const auto signature = engine::hmac_sha256(key, resource + "\n" + se);
  return "SharedAccessSignature sr=" + resource + "&sig=" + percent_encode_base64(events::to_base64(signature)) +
         "&se=" + se + (policy.empty() ? "" : "&skn=" + policy);
}

}  // namespace muster::tests
