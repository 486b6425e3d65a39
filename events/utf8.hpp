#pragma once

#include <string>
#include <string_view>

namespace muster::events {

/// `text`, if it is UTF-8; otherwise `mended`, which gets it with U+FFFD in place of each byte that is part of no
/// sequence. The view is of one of the two.
std::string_view as_utf8(std::string_view text, std::string& mended);

}  // namespace muster::events
