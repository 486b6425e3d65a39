#include "connectors/system_entropy.hpp"

#include "engine/error.hpp"

#include <openssl/rand.h>

#include <limits>

namespace muster::connectors {

std::string system_entropy::draw(std::size_t size) {
  MUSTER_ASSERT(size <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  std::string bytes(size, '\0');
  const bool drawn = RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1;
  MUSTER_ASSERT(drawn);
  return bytes;
}

}  // namespace muster::connectors
