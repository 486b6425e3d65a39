#include "connectors/https/http_message.hpp"

#include <algorithm>

namespace muster::connectors {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::string_view http_request::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [name](const auto& each) { return each.first == name; });
  return found == headers.end() ? std::string_view() : found->second;
}

std::string_view http_request::parameter(std::string_view name) const {
  const auto found = std::ranges::find_if(query, [name](const auto& each) { return same_letters(each.first, name); });
  return found == query.end() ? std::string_view() : found->second;
}

}  // namespace muster::connectors
