#include "events/utf8.hpp"

#include <algorithm>
#include <simdjson.h>

namespace muster::events {

std::size_t utf8_sequence(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return text.size() >= length && simdjson::validate_utf8(text.substr(0, length)) ? length : 0;
}

std::string_view as_utf8(std::string_view text, std::string& mended) {
  if (simdjson::validate_utf8(text)) return text;
  mended.clear();
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    mended += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return mended;
}

}  // namespace muster::events
