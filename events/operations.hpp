#pragma once

#include "events/event.hpp"

#include <span>
#include <string_view>

/// Which events are operations. The operation is the billing unit: each changed entry, and each successful registration
/// or re-registration. Reads, queries, polls and refused attempts are free, and so is what only serves one of these.
namespace muster::events {

/// Whether events of a type are operations, and why.
struct operation_rule {
  std::string_view type;
  bool operation = false;
  std::string_view why;
};

/// The rule of every event type, in the order of `event`'s alternatives. The only place that says what is billed:
/// deciding takes the `operation` flag from here, and the flag stands in the event for good.
std::span<const operation_rule> operation_rules();

}  // namespace muster::events
