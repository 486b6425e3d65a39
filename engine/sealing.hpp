#pragma once

#include "engine/ports/entropy.hpp"
#include "engine/ports/keyring.hpp"
#include "events/values.hpp"

#include <array>
#include <initializer_list>
#include <optional>

namespace muster::engine {

/// Seals `plaintext` under AES-256-GCM with a fresh nonce. `stream` and `field` are bound to the box as associated
/// data: it opens only where it was made. Any thread.
events::sealed_text seal(const named_key& key, const events::stream_name& stream, std::string_view field,
                         std::string_view plaintext, entropy& random);

/// The plaintext of a box, or `corrupt` if key, stream or field are not those it was sealed with or the box was
/// changed.
result<std::string> unseal(const data_key& key, const events::stream_name& stream, std::string_view field,
                           const events::sealed_text& box);

/// A new random data key.
named_key fresh_key(entropy& random);

/// AES-256-GCM over `plaintext` with `associated` data: `ciphertext | tag`. `nonce` has 12 bytes and is never used
/// twice with a key. The keyring wraps data keys with it as well.
std::string encrypt(const data_key& key, std::string_view nonce, std::string_view associated,
                    std::string_view plaintext);
std::optional<std::string> decrypt(const data_key& key, std::string_view nonce, std::string_view associated,
                                   std::string_view box);

/// A key for HMAC-SHA256 (RFC 2104), absorbed once: each text then costs half of what it costs with the bare key. Wiped
/// when it goes. Any thread.
class hmac_key {
public:
  explicit hmac_key(std::string_view key);
  hmac_key(const hmac_key&) = default;
  hmac_key& operator=(const hmac_key&) = default;
  ~hmac_key();
  /// The code of `parts`, one behind the other.
  events::digest sign(std::initializer_list<std::string_view> parts) const;

private:
  using chaining_value = std::array<std::uint32_t, 8>;  ///< SHA-256 after its first block
  chaining_value inner_;
  chaining_value outer_;
};

/// HMAC-SHA256 (RFC 2104).
std::string hmac_sha256(std::string_view key, std::string_view text);

/// Whether two secrets are equal, in a time that depends only on their lengths.
bool equal_secrets(std::string_view a, std::string_view b);

/// The two keys of an entry, opened: the raw bytes behind the base64 texts. Wiped when they go.
struct opened_keys {
  std::string primary;
  std::string secondary;
  opened_keys() = default;
  opened_keys(std::string first, std::string second) : primary(std::move(first)), secondary(std::move(second)) {}
  opened_keys(const opened_keys&) = default;
  opened_keys(opened_keys&&) = default;
  opened_keys& operator=(const opened_keys&) = default;
  opened_keys& operator=(opened_keys&&) = default;
  ~opened_keys();
};

/// Seals both keys in the fields `primaryKey` and `secondaryKey` of `stream`.
events::symmetric_keys seal_keys(const named_key& key, const events::stream_name& stream, const opened_keys& keys,
                                 entropy& random);

/// Opens what `seal_keys` sealed.
result<opened_keys> unseal_keys(const data_key& key, const events::stream_name& stream,
                                const events::symmetric_keys& keys);

}  // namespace muster::engine
