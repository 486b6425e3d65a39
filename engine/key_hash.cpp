#include "engine/key_hash.hpp"

namespace muster::engine {

std::uint64_t key_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a, then a finaliser that spreads it over all bits
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 33U);
}

}  // namespace muster::engine
