#include "events/ids.hpp"

#include <algorithm>

namespace muster::events {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool all_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) { return is_alnum(c) || others.find(c) != std::string_view::npos; });
}

std::string below(const id_scope& scope, std::string_view kind, std::string_view name) {
  std::string text;
  text.reserve(scope.text().size() + kind.size() + name.size() + 2);
  text.append(scope.text()).append("/").append(kind);
  if (!name.empty()) text.append("/").append(name);
  return text;
}

}  // namespace

bool id_scope_rule::valid(std::string_view text) {
  return text.size() == 11 && text.starts_with("0ne") && std::ranges::all_of(text.substr(3), [](char c) {
           return is_digit(c) || (c >= 'A' && c <= 'F');
         });
}

bool service_name_rule::valid(std::string_view text) {
  return text.size() >= 3 && text.size() <= 50 && all_of(text, "-") && text.front() != '-' && text.back() != '-' &&
         !std::ranges::all_of(text, is_digit);
}

bool registration_id_rule::valid(std::string_view text) {
  return !text.empty() && text.size() <= 128 && all_of(text, "-._:") && (is_alnum(text.back()) || text.back() == '-');
}

bool device_id_rule::valid(std::string_view text) {
  return !text.empty() && text.size() <= 128 && all_of(text, "-:.+%_#*?!(),=@$;'");
}

bool hub_name_rule::valid(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || !all_of(label, "-") || label.front() == '-' || label.back() == '-') return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

stream_name stream_name::directory() { return stream_name("directory"); }
stream_name stream_name::service(const id_scope& scope) { return stream_name(below(scope, "service", {})); }
stream_name stream_name::group(const id_scope& scope, const group_id& group) {
  return stream_name(below(scope, "groups", group.key()));
}
stream_name stream_name::device(const id_scope& scope, const registration_id& registration) {
  return stream_name(below(scope, "devices", registration.key()));
}
stream_name stream_name::hub_device(const id_scope& scope, const hub_name& hub, const device_id& device) {
  return stream_name(below(scope, "hubs", hub.key() + "/" + device.key()));
}
stream_name stream_name::refusals(const id_scope& scope) { return stream_name(below(scope, "refusals", {})); }

std::optional<stream_name> stream_name::parse(std::string_view text) {
  if (text == "directory") return directory();
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto scope = id_scope::parse(text.substr(0, slash));
  if (!scope) return std::nullopt;
  const auto rest = text.substr(slash + 1);
  if (rest == "service") return service(*scope);
  if (rest == "refusals") return refusals(*scope);
  const auto kind_end = rest.find('/');
  if (kind_end == std::string_view::npos) return std::nullopt;
  const auto kind = rest.substr(0, kind_end);
  const auto name = rest.substr(kind_end + 1);
  if (kind == "groups") {
    if (const auto id = group_id::parse(name)) return group(*scope, *id);
  } else if (kind == "devices") {
    if (const auto id = registration_id::parse(name)) return device(*scope, *id);
  } else if (kind == "hubs") {
    const auto hub_end = name.find('/');
    if (hub_end == std::string_view::npos) return std::nullopt;
    const auto hub = hub_name::parse(name.substr(0, hub_end));
    const auto id = device_id::parse(name.substr(hub_end + 1));
    if (hub && id) return hub_device(*scope, *hub, *id);
  }
  return std::nullopt;
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
