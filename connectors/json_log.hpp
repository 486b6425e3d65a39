#pragma once

#include "engine/ports/clock.hpp"
#include "engine/ports/log.hpp"

#include <memory>

namespace muster::connectors {

/// A log of JSON lines on the file `descriptor`, which stays the caller's: `time`, `level`, `message`, then the fields.
/// A line is one write. What is below `least` is left out. Never throws and never fails: a line that cannot be written
/// is dropped.
std::unique_ptr<engine::log> make_json_log(int descriptor, engine::log_level least, const engine::clock& clock);

}  // namespace muster::connectors
