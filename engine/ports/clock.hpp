#pragma once

#include "events/time.hpp"

namespace muster::engine {

/// The time of day. The only way to it: nothing else in Muster reads a clock, so that tests decide what time it is.
class clock {
public:
  virtual ~clock() = default;
  /// Now, in UTC. Any thread.
  virtual events::timestamp now() const = 0;
};

}  // namespace muster::engine
