#include "connectors/node/system_clock.hpp"

namespace muster::connectors {

events::timestamp system_clock::now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace muster::connectors
