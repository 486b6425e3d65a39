#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Plain byte strings and their two text forms. Binary data is held in `std::string` throughout Muster: it is what
/// every library at our borders takes and gives.
namespace muster::events {

/// A SHA-256 digest.
using digest = std::array<std::uint8_t, 32>;

/// A view of a digest as bytes. Valid as long as `d` is.
inline std::string_view as_bytes(const digest& d) {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

/// SHA-256 over `first` followed by `second` (FIPS 180-4). Any thread.
digest sha256(std::string_view first, std::string_view second = {});

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`.
std::uint32_t crc32c(std::string_view bytes);

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(std::string_view bytes);

/// The bytes of a hexadecimal text of either case; nothing if it has an odd length or another character.
std::optional<std::string> from_hex(std::string_view text);

/// Reads exactly as many bytes as `out` has; false if `text` is not that many in hexadecimal.
bool from_hex(std::string_view text, std::span<std::uint8_t> out);

/// Base64 with padding, without line breaks (RFC 4648 section 4).
std::string to_base64(std::string_view bytes);

/// The bytes of a strict RFC 4648 section 4 text: padding required, no line breaks; nothing otherwise.
std::optional<std::string> from_base64(std::string_view text);

/// ASCII lower case; other bytes are left alone.
std::string to_lower(std::string_view text);

/// Overwrites `secret` so that the compiler cannot leave the copy out, then empties it.
void wipe(std::string& secret);
void wipe(digest& secret);

}  // namespace muster::events
