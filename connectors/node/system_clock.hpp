#pragma once

#include "engine/ports/clock.hpp"

namespace muster::connectors {

/// The machine's clock. Its home is here: nothing else asks the operating system for the time of day.
class system_clock final : public engine::clock {
public:
  events::timestamp now() const override;
};

}  // namespace muster::connectors
