#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Reading JSON that strangers send.
namespace muster::connectors {

/// One JSON value, with everything below it.
struct json_value {
  enum class kind : std::uint8_t { null, boolean, number, string, array, object };
  kind what = kind::null;
  std::string text;  ///< a string decoded; a number, `true`, `false` and `null` as written
  std::vector<std::pair<std::string, json_value>> members;  ///< in order; no name comes twice
  std::vector<json_value> items;

  /// The member `name`, or nullptr if it is absent.
  const json_value* find(std::string_view name) const;
  /// The value as compact JSON, numbers as they were written.
  std::string to_text() const;
};

/// Reads a body whose top level must be an object: UTF-8, at most `limits::request_body_bytes_max` bytes, at most 32
/// levels deep, no member twice in one object. Otherwise says what is wrong, where, and what would be right. Any
/// thread.
std::expected<json_value, std::string> read_json_object(std::string_view body);

}  // namespace muster::connectors
