#include "events/ids.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace muster::events {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// Letters, digits and some other characters, as a table: names are looked at for every event that is read.
class alphabet {
public:
  constexpr explicit alphabet(std::string_view others) {
    for (int c = 0; c < 256; ++c) members_[static_cast<std::size_t>(c)] = is_alnum(static_cast<char>(c));
    for (const char c : others) members_[static_cast<std::uint8_t>(c)] = true;
  }
  constexpr bool holds_all(std::string_view text) const {
    return std::ranges::all_of(text, [&](char c) { return members_[static_cast<std::uint8_t>(c)]; });
  }

private:
  std::array<bool, 256> members_{};
};

constexpr alphabet host_characters("-");
constexpr alphabet registration_characters("-._:");
constexpr alphabet device_characters("-:.+%_#*?!(),=@$;'");

std::string below(const id_scope& scope, std::string_view kind, std::string_view name) {
  std::string text;
  text.reserve(scope.text().size() + kind.size() + name.size() + 2);
  text.append(scope.text()).append("/").append(kind);
  if (!name.empty()) text.append("/").append(name);
  return text;
}

}  // namespace

bool id_scope_rule::valid(std::string_view text) {
  return text.size() == 11 && text.starts_with("0ne") &&
         std::ranges::all_of(text.substr(3), [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); });
}

bool service_name_rule::valid(std::string_view text) {
  return text.size() >= 3 && text.size() <= 50 && host_characters.holds_all(text) && text.front() != '-' &&
         text.back() != '-' && !std::ranges::all_of(text, is_digit);
}

bool registration_id_rule::valid(std::string_view text) {
  return !text.empty() && text.size() <= 128 && registration_characters.holds_all(text) &&
         (is_alnum(text.back()) || text.back() == '-');
}

bool device_id_rule::valid(std::string_view text) {
  return !text.empty() && text.size() <= 128 && device_characters.holds_all(text);
}

bool hub_name_rule::valid(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || !host_characters.holds_all(label) || label.front() == '-' ||
        label.back() == '-')
      return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

stream_name stream_name::directory() {
  return stream_name("directory");
}
stream_name stream_name::service(const id_scope& scope) {
  return stream_name(below(scope, "service", {}));
}
stream_name stream_name::group(const id_scope& scope, const group_id& group) {
  return stream_name(below(scope, "groups", group.key()));
}
stream_name stream_name::device(const id_scope& scope, const registration_id& registration) {
  return stream_name(below(scope, "devices", registration.key()));
}
stream_name stream_name::hub_device(const id_scope& scope, const hub_name& hub, const device_id& device) {
  return stream_name(below(scope, "hubs", hub.key() + "/" + device.key()));
}
stream_name stream_name::refusals(const id_scope& scope) {
  return stream_name(below(scope, "refusals", {}));
}

std::optional<stream_name> stream_name::parse(std::string_view text) {
  if (text == "directory") return directory();
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !id_scope_rule::valid(text.substr(0, slash))) return std::nullopt;
  const auto rest = text.substr(slash + 1);
  if (rest == "service" || rest == "refusals") return stream_name(std::string(text));
  const auto kind_end = rest.find('/');
  if (kind_end == std::string_view::npos) return std::nullopt;
  const auto kind = rest.substr(0, kind_end);
  const auto name = rest.substr(kind_end + 1);
  std::size_t folded = name.size();  // how much of the name has no letter case
  if (kind == "groups") {
    if (!group_id_rule::valid(name)) return std::nullopt;
  } else if (kind == "devices") {
    if (!registration_id_rule::valid(name)) return std::nullopt;
  } else if (kind == "hubs") {
    folded = name.find('/');
    if (folded == std::string_view::npos || !hub_name_rule::valid(name.substr(0, folded)) ||
        !device_id_rule::valid(name.substr(folded + 1))) {
      return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  stream_name parsed{std::string(text)};
  const auto begin = parsed.text_.begin() + static_cast<std::ptrdiff_t>(text.size() - name.size());
  std::transform(begin, begin + static_cast<std::ptrdiff_t>(folded), begin, lower);
  return parsed;
}

std::string_view stream_name::scope() const {
  const auto slash = text_.find('/');
  return slash == std::string::npos ? std::string_view{} : std::string_view(text_).substr(0, slash);
}

std::string_view stream_name::subject() const {
  const auto slash = text_.find('/');
  return slash == std::string::npos ? std::string_view(text_) : std::string_view(text_).substr(slash + 1);
}

}  // namespace muster::events
