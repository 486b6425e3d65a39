#include "connectors/json/json_members.hpp"

#include <algorithm>
#include <charconv>

namespace muster::connectors {

const json_value* json_members::value(std::string_view name) const {
  const auto* found = ok() ? object_->find(name) : nullptr;
  return found == nullptr || found->what == json_value::kind::null ? nullptr : found;
}

const json_value* json_members::find(std::string_view name, json_value::kind kind, std::string_view what) {
  const auto* found = value(name);
  if (found == nullptr || found->what == kind) return found;
  expected(name, what);
  return nullptr;
}

std::optional<std::string> json_members::string(std::string_view name) {
  const auto* found = find(name, json_value::kind::string, "a string");
  return found == nullptr ? std::nullopt : std::optional(found->text);
}

std::optional<bool> json_members::boolean(std::string_view name) {
  const auto* found = find(name, json_value::kind::boolean, "true or false");
  return found == nullptr ? std::nullopt : std::optional(found->text == "true");
}

std::optional<std::int64_t> json_members::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const auto range = "an integer of " + std::to_string(least) + " to " + std::to_string(most);
  const auto* found = find(name, json_value::kind::number, range);
  if (found == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(found->text.data(), found->text.data() + found->text.size(), number);
  if (error == std::errc{} && end == found->text.data() + found->text.size() && number >= least && number <= most)
    return number;
  expected(name, range + ", not " + found->text.substr(0, 40));
  return std::nullopt;
}

std::optional<std::string> json_members::object_text(std::string_view name) {
  const auto* found = find(name, json_value::kind::object, "an object");
  return found == nullptr ? std::nullopt : std::optional(found->to_text());
}

std::optional<std::vector<std::string>> json_members::strings(std::string_view name) {
  const auto* found = find(name, json_value::kind::array, "an array of strings");
  if (found == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& item : found->items) {
    if (item.what != json_value::kind::string) {
      expected(std::string(name) + "[" + std::to_string(texts.size()) + "]", "a string");
      return std::nullopt;
    }
    texts.push_back(item.text);
  }
  return texts;
}

std::vector<const json_value*> json_members::objects(std::string_view name) {
  std::vector<const json_value*> found;
  const auto* array = find(name, json_value::kind::array, "an array of objects");
  if (array == nullptr) return found;
  for (const auto& item : array->items) {
    if (item.what != json_value::kind::object)
      expected(std::string(name) + "[" + std::to_string(found.size()) + "]", "an object");
    found.push_back(&item);
  }
  if (!ok()) found.clear();
  return found;
}

json_members json_members::below(std::string_view name) {
  static const json_value empty;
  const auto* found = find(name, json_value::kind::object, "an object");
  return {found != nullptr ? *found : empty, path_ + std::string(name) + ".", errors_};
}

json_members json_members::item(std::string_view array, std::size_t index, const json_value& object) {
  return {object, path_ + std::string(array) + "[" + std::to_string(index) + "].", errors_};
}

void json_members::only(std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : object_->members) {
    if (std::ranges::find(names, name) != names.end()) continue;
    std::string known;
    for (const auto each : names) known.append(known.empty() ? "" : ", ").append(each);
    return wrong(name.substr(0, 140), "there is no such member; expected " + known);
  }
}

void json_members::wrong(std::string_view name, std::string_view text) {
  if (!ok()) return;
  *errors_ = path_ + std::string(name) + ": " + std::string(text) + ".";
}

}  // namespace muster::connectors
