#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace muster::events {

/// A moment in UTC, in microseconds since the Unix epoch. Muster reads clocks in one place only
/// (`engine/ports/clock.hpp`).
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// A full hour, UTC: the hour that begins then.
using log_hour = std::chrono::sys_time<std::chrono::hours>;

/// The hour that `time` lies in.
constexpr log_hour hour_of(timestamp time) {
  return std::chrono::floor<std::chrono::hours>(time);
}

/// Beyond every hour that has a text.
inline constexpr log_hour hours_end = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);

/// `2026-11-21T06`, for hours before `hours_end`. Texts sort as hours do.
std::string to_hour_text(log_hour h);

/// ISO 8601 with seven fraction digits and `Z`, as DPS writes times: `2026-11-21T06:54:03.1234560Z`.
std::string to_iso8601(timestamp time);

/// The moment that an ISO 8601 UTC text with 0 to 9 fraction digits and `Z` names; nothing otherwise.
std::optional<timestamp> from_iso8601(std::string_view text);

}  // namespace muster::events
