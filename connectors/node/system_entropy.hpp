#pragma once

#include "engine/ports/entropy.hpp"

namespace muster::connectors {

/// OpenSSL's random generator, seeded by the operating system. Its home is here: nothing else draws random bytes.
/// Ends the process if there is no randomness: a guessable key is worse than none.
class system_entropy final : public engine::entropy {
public:
  std::string draw(std::size_t size) override;
};

}  // namespace muster::connectors
