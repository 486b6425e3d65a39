#pragma once

#include <string>
#include <string_view>

namespace muster::events {

/// The bytes of the UTF-8 sequence at the start of `text`, which is not empty; 0 if there is none (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view text);

/// `text`, if it is UTF-8; otherwise `mended`, which gets it with U+FFFD in place of each byte that is part of no
/// sequence. The view is of one of the two.
std::string_view as_utf8(std::string_view text, std::string& mended);

}  // namespace muster::events
