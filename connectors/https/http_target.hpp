#pragma once

#include "engine/error.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::connectors {

/// A request target taken apart (RFC 9112 section 3.2).
struct http_target {
  std::string authority;          ///< of an absolute target, which replaces the Host header; empty otherwise
  std::vector<std::string> path;  ///< segments, each percent-decoded once; a trailing slash leaves no empty segment
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order; `+` is a space, as in HTML forms
};

/// Reads an origin-form (`/a/b?c=d`) or absolute-form target. An encoded slash stays inside its segment. `invalid` for
/// another form, a `%` without two hexadecimal digits, and an encoded control character, which no identifier of ours
/// can hold.
engine::result<http_target> parse_target(std::string_view target);

}  // namespace muster::connectors
