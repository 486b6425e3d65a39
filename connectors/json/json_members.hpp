#pragma once

#include "connectors/json/json_body.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::connectors {

/// Takes an object's members apart and remembers what was wrong first, by the member's path. A member that is `null`
/// counts as absent; members that nobody asks for are passed over, as DPS does, unless `only` is called. After an error
/// every call gives nothing.
class json_members {
public:
  explicit json_members(const json_value& object) : object_(&object), errors_(&own_error_) {}
  json_members(const json_members&) = delete;
  json_members& operator=(const json_members&) = delete;

  std::optional<std::string> string(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  /// An object as compact JSON.
  std::optional<std::string> object_text(std::string_view name);
  /// The strings of an array.
  std::optional<std::vector<std::string>> strings(std::string_view name);
  /// The objects of an array; their members are read with `item`.
  std::vector<const json_value*> objects(std::string_view name);
  /// The member as it is; nullptr if absent or null.
  const json_value* value(std::string_view name) const;

  /// A name of type `Name` (events/ids.hpp), for example a registration id.
  template <class Name>
  std::optional<Name> named(std::string_view name) {
    const auto text = string(name);
    if (!text) return std::nullopt;
    auto parsed = Name::parse(*text);
    if (!parsed) expected(name, std::string(Name::rule()) + ", not '" + text->substr(0, 140) + "'");
    return parsed;
  }

  /// The members of the object `name`, empty if it is absent. Reports into this reader, which must outlive it.
  json_members below(std::string_view name);
  /// The members of an item of an array.
  json_members item(std::string_view array, std::size_t index, const json_value& object);

  /// Refuses members with other names than these: in a request of our own they are mistakes.
  void only(std::initializer_list<std::string_view> names);

  /// Remembers `PATH: expected WHAT`.
  void expected(std::string_view name, std::string_view what) { wrong(name, "expected " + std::string(what)); }
  /// Remembers `PATH: TEXT`.
  void wrong(std::string_view name, std::string_view text);

  /// What was wrong first; empty if nothing was.
  const std::string& error() const { return *errors_; }
  bool ok() const { return errors_->empty(); }

private:
  json_members(const json_value& object, std::string path, std::string* errors)
      : object_(&object), path_(std::move(path)), errors_(errors) {}
  const json_value* find(std::string_view name, json_value::kind kind, std::string_view what);

  const json_value* object_;
  std::string path_;  ///< empty at the top, else ends with a dot
  std::string own_error_;
  std::string* errors_;
};

}  // namespace muster::connectors
