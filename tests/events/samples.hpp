#pragma once

#include "events/event.hpp"

#include <map>
#include <string>
#include <vector>

namespace muster::tests {

/// One event of every type with every member set, and one with as little as its type allows where that is less. Their
/// forms stand in `tests/golden`.
struct event_sample {
  std::string name;  ///< the type, or the type and `.minimal`: the golden files' names
  events::recorded_event recorded;
};

/// All samples, in the order of `events::event`. The stream fits the type; sequence and version count up.
std::vector<event_sample> event_samples();

/// What the golden files should hold, by path below the source directory: of each sample the JSON and, as hexadecimal,
/// the row of the state that it leads to; one CloudEvent; the JSON Schema.
std::map<std::string, std::string> golden_files();

}  // namespace muster::tests
