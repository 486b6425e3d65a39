#pragma once

#include "engine/ports/entropy.hpp"
#include "engine/ports/keyring.hpp"

#include <string>
#include <string_view>

/// Data keys as a keyring stores them. **The layout is the storage format of keyrings.**
///
///     wrapped = format u8 (1) | nonce 12 | AES-256-GCM ciphertext 32 | tag 16
///
/// The key is the master key; the associated data is "muster keyring v1" followed by the data key's ID, so that a row
/// that is moved to another ID does not open. The nonce is random (NIST SP 800-38D section 8.2.2).
namespace muster::connectors {

/// `key`, wrapped. Any thread.
std::string wrap_key(const engine::data_key& master, const engine::named_key& key, engine::entropy& entropy);

/// The key that `wrapped` holds; `corrupt` if it is not what `wrap_key` made for this ID and master key. Any thread.
engine::result<engine::data_key> unwrap_key(const engine::data_key& master, const events::data_key_id& id,
                                            std::string_view wrapped);

}  // namespace muster::connectors
