#pragma once

#include "engine/ports/entropy.hpp"
#include "engine/ports/keyring.hpp"

#include <filesystem>
#include <string_view>

/// The key that wraps all data keys of an installation: 32 bytes, as text in base64 (RFC 4648 section 4).
namespace muster::connectors {

/// What a journal and a keyring remember of the master key they need: SHA-256 of HMAC-SHA256(master key, a fixed text).
events::digest fingerprint_of(const engine::data_key& master);

/// The master key that `base64` spells; one line break at its end is allowed. `invalid` says what is wrong, never what
/// it is.
engine::result<engine::data_key> parse_master_key(std::string_view base64);

/// The master key in `file`. `denied` if others than its owner may read it; `not_found` if there is none; `invalid` if
/// it holds something else.
engine::result<engine::data_key> load_master_key(const std::filesystem::path& file);

/// The master key in `file`, which is made with a new key, for its owner's eyes only and durable, if it is not there.
engine::result<engine::data_key> load_or_make_master_key(const std::filesystem::path& file, engine::entropy& entropy);

}  // namespace muster::connectors
