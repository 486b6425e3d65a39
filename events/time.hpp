#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace muster::events {

/// A moment in UTC, in microseconds since the Unix epoch. Muster reads clocks in one place only
/// (`engine/ports/clock.hpp`).
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// ISO 8601 with seven fraction digits and `Z`, as DPS writes times: `2026-11-21T06:54:03.1234560Z`.
std::string to_iso8601(timestamp time);

/// The moment that an ISO 8601 UTC text with 0 to 9 fraction digits and `Z` names; nothing otherwise.
std::optional<timestamp> from_iso8601(std::string_view text);

}  // namespace muster::events
