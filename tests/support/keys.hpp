#pragma once

#include "engine/ports/keyring.hpp"

namespace muster::tests {

/// The master key of keyrings under test.
inline const engine::data_key& test_master_key() {
  static const engine::data_key key(std::string(32, 'm'));
  return key;
}

}  // namespace muster::tests
