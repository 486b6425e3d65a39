#include "engine/attestation/sas_token.hpp"

#include "engine/sealing.hpp"
#include "events/bytes.hpp"

#include <charconv>

namespace muster::engine {

namespace {

constexpr std::string_view scheme = "sharedaccesssignature ";
constexpr std::size_t token_bytes_max = 4096;
constexpr std::int64_t expiry_seconds_max = 253'402'300'799;  // the last second of the year 9999

// Each parameter at most once: a second `sr` could name another resource than the one that is checked.
bool assign_once(std::optional<std::string_view>& slot, std::string_view value) {
  if (slot) return false;
  slot = value;
  return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = i + 2 < text.size() ? events::from_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (!byte || byte->size() != 1) return std::nullopt;
    decoded += byte->front();
    i += 2;
  }
  return decoded;
}

std::optional<sas_token> sas_token::parse(std::string_view text) {
  if (text.size() > token_bytes_max || text.size() < scheme.size() ||
      events::to_lower(text.substr(0, scheme.size())) != scheme) {
    return std::nullopt;
  }
  text.remove_prefix(scheme.size());
  std::optional<std::string_view> sr, sig, se, skn;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = pair.substr(0, equals);
    const auto value = pair.substr(equals + 1);
    const bool ok = name == "sr"    ? assign_once(sr, value)
                    : name == "sig" ? assign_once(sig, value)
                    : name == "se"  ? assign_once(se, value)
                    : name == "skn" ? assign_once(skn, value)
                                    : true;
    if (!ok) return std::nullopt;
  }
  if (!sr || !sig || !se) return std::nullopt;
  const auto resource = percent_decode(*sr);
  const auto signature_text = percent_decode(*sig);
  const auto signature = signature_text ? events::from_base64(*signature_text) : std::nullopt;
  const auto key_name = percent_decode(skn.value_or(""));
  std::int64_t seconds = -1;
  const auto [end, error] = std::from_chars(se->data(), se->data() + se->size(), seconds);
  if (!resource || !signature || !key_name || error != std::errc{} || end != se->data() + se->size() || seconds < 0 ||
      seconds > expiry_seconds_max) {
    return std::nullopt;
  }
  return sas_token{
      std::string(*sr), *resource, *signature, std::string(*se), events::timestamp(std::chrono::seconds(seconds)),
      *key_name};
}

bool sas_token::signed_by(std::string_view key) const {
  return equal_secrets(events::as_bytes(hmac_key(key).sign({signed_resource, "\n", expiry_text})), signature);
}

}  // namespace muster::engine
