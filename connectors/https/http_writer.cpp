#include "connectors/https/http_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace muster::connectors {

namespace {

std::string_view reason_phrase(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 204:
    return "No Content";
  case 304:
    return "Not Modified";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 412:
    return "Precondition Failed";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 422:
    return "Unprocessable Content";
  case 428:
    return "Precondition Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  default:
    return "";
  }
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

bool fits_on_a_line(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_request_id(std::string_view name) {
  return name == "x-ms-request-id";
}

}  // namespace

void append_response(std::string& out, const http_response& response, const http_response_context& context) {
  const bool has_length =
      response.status >= 200 && response.status != 204 && response.status != 304 && !response.stream;
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\nDate: ").append(context.date);
  bool named = false;
  for (const auto& [name, value] : response.headers) {
    if (!fits_on_a_line(name) || !fits_on_a_line(value)) continue;
    out.append("\r\n").append(name).append(": ").append(value);
    named = named || is_request_id(name);
  }
  if (!named) out.append("\r\nx-ms-request-id: ").append(context.correlation_id);
  out.append("\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains");
  out.append(context.keep_alive ? "\r\nConnection: keep-alive" : "\r\nConnection: close");
  if (has_length) {
    out.append("\r\nContent-Length: ");
    append_number(out, response.body.size());
  }
  out.append("\r\n\r\n");
  if (has_length && !context.is_head) out.append(response.body);
}

std::string to_http_date(long long seconds) {
  using namespace std::chrono;
  constexpr std::array weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", weekdays[weekday(day).c_encoding()],
                static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace muster::connectors
