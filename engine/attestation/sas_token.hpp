#pragma once

#include "events/bytes.hpp"
#include "events/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace muster::engine {

/// A shared access signature, taken apart:
/// `SharedAccessSignature sr={resource}&sig={base64 HMAC-SHA256}&se={unix seconds}[&skn={key name}]`, parameters in any
/// order. Device and service tokens have the same form.
struct sas_token {
  std::string signed_resource;  ///< `sr` exactly as in the token: what was signed
  std::string resource;         ///< `sr`, percent-decoded
  std::string signature;        ///< `sig`, percent-decoded and base64-decoded
  std::string expiry_text;      ///< `se` exactly as in the token: what was signed
  events::timestamp expiry;
  std::string key_name;  ///< `skn`, percent-decoded; empty if absent

  /// The token in `text`, or nothing if it is not one: the scheme is missing, a parameter is missing or comes twice,
  /// the signature is not base64 or the expiry is not a number.
  static std::optional<sas_token> parse(std::string_view text);

  /// Whether the signature can be one at all, that is, has 32 bytes.
  bool has_signature() const { return signature.size() == sizeof(events::digest); }
  /// Whether `key` made the signature: HMAC-SHA256(key, sr | "\n" | se). Constant time in the signature.
  bool signed_by(std::string_view key) const;
};

/// `text` with every %xx replaced by its byte, either letter case; nothing if a % is not followed by two digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace muster::engine
