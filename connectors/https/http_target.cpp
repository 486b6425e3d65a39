#include "connectors/https/http_target.hpp"

#include <optional>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(errc::invalid, "The request target has a % without two hexadecimal digits.");
      const int byte = high * 16 + low;
      if (byte < 0x20 || byte == 0x7f)
        return fail(errc::invalid, "The request target has an encoded control character.");
      decoded += static_cast<char>(byte);
      i += 2;
    }
  }
  return decoded;
}

/// Cuts the part before the first `separator` off `text`, and the separator with it.
std::string_view cut(std::string_view& text, char separator) {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

result<void> read_path(std::string_view path, http_target& target) {
  path.remove_prefix(1);
  while (!path.empty()) {
    auto segment = decode(cut(path, '/'), false);
    if (!segment) return std::unexpected(segment.error());
    target.path.push_back(std::move(*segment));
  }
  return {};
}

result<void> read_query(std::string_view query, http_target& target) {
  while (!query.empty()) {
    auto value = cut(query, '&');
    if (value.empty()) continue;
    auto decoded_name = decode(cut(value, '='), true);
    if (!decoded_name) return std::unexpected(decoded_name.error());
    auto decoded_value = decode(value, true);
    if (!decoded_value) return std::unexpected(decoded_value.error());
    target.query.emplace_back(std::move(*decoded_name), std::move(*decoded_value));
  }
  return {};
}

}  // namespace

result<http_target> parse_target(std::string_view text) {
  http_target target;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    target.authority = text.substr(0, text.find_first_of("/?"));
    text.remove_prefix(target.authority.size());
    if (target.authority.empty()) return fail(errc::invalid, "The request target names no host.");
    break;
  }
  auto path = cut(text, '?');
  if (path.empty() && !target.authority.empty()) path = "/";
  if (!path.starts_with('/')) return fail(errc::invalid, "The request target is neither a path nor an https address.");
  if (auto read = read_path(path, target); !read) return std::unexpected(read.error());
  if (auto read = read_query(text, target); !read) return std::unexpected(read.error());
  return target;
}

}  // namespace muster::connectors
