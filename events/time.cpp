#include "events/time.hpp"

#include <cstdint>

namespace muster::events {

namespace {

bool read_number(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool skip(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

// By hand: every event, log line and answer has times in it, and printf takes ten times as long.
std::string to_iso8601(timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::string text = "0000-00-00T00:00:00.0000000Z";
  const auto put = [&](std::size_t at, std::size_t digits, std::int64_t value) {
    for (; digits > 0; --digits, value /= 10) text[at + digits - 1] = static_cast<char>('0' + value % 10);
  };
  put(0, 4, static_cast<int>(date.year()));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(11, 2, clock.hours().count());
  put(14, 2, clock.minutes().count());
  put(17, 2, clock.seconds().count());
  put(20, 6, clock.subseconds().count());
  return text;
}

std::string to_hour_text(log_hour h) {
  return to_iso8601(h).substr(0, 13);
}

std::optional<timestamp> from_iso8601(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!read_number(text, 4, year) || !skip(text, '-') || !read_number(text, 2, month) || !skip(text, '-') ||
      !read_number(text, 2, day) || !skip(text, 'T') || !read_number(text, 2, hour) || !skip(text, ':') ||
      !read_number(text, 2, minute) || !skip(text, ':') || !read_number(text, 2, second)) {
    return std::nullopt;
  }
  std::int64_t microseconds = 0;
  if (skip(text, '.')) {
    std::size_t digits = 0;
    for (; digits < 9 && !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, text.remove_prefix(1)) {
      if (digits < 6) microseconds = microseconds * 10 + (text.front() - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 6; ++digits) microseconds *= 10;
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (text != "Z" || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second} + std::chrono::microseconds{microseconds};
}

}  // namespace muster::events
