#include "engine/ports/entropy.hpp"

#include "events/bytes.hpp"

namespace muster::engine {

std::string entropy::draw_uuid() {
  auto bytes = draw(16);
  // RFC 9562 section 4.2 and 4.1: the version in the high half of byte 6, the variant in the two highest bits of
  // byte 8.
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3f) | 0x80);
  auto text = events::to_hex(bytes);
  for (const std::size_t hyphen : {8, 13, 18, 23}) text.insert(hyphen, 1, '-');
  return text;
}

}  // namespace muster::engine
