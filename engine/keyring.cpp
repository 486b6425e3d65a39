#include "engine/ports/keyring.hpp"

#include <openssl/crypto.h>

#include <cstring>

namespace muster::engine {

data_key::data_key(std::string_view bytes) {
  MUSTER_ASSERT(bytes.size() == bytes_.size());
  std::memcpy(bytes_.data(), bytes.data(), bytes_.size());
}

data_key::~data_key() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

}  // namespace muster::engine
