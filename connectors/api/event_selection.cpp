#include "connectors/api/event_selection.hpp"

#include "connectors/json/json_writer.hpp"
#include "events/codec.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace muster::connectors {

namespace {

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// `device_registered` of `muster.device_registered.v1`.
std::string_view short_name(std::string_view type) {
  type.remove_prefix(type.find('.') + 1);
  return type.substr(0, type.rfind('.'));
}

}  // namespace

std::string place_text(events::shard_id shard, const engine::feed_place& place) {
  return std::to_string(shard.value()) + "-" + std::to_string(place.sequence.value()) +
         (place.hour ? "-" + events::to_hour_text(*place.hour) : std::string());
}

std::optional<engine::feed_place> read_place(std::string_view text, events::shard_id shard) {
  if (text.empty()) return engine::feed_place();
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || read_number(text.substr(0, dash)) != shard.value()) return std::nullopt;
  const auto behind = text.substr(dash + 1);
  const auto second = behind.find('-');
  std::optional<events::log_hour> hour;
  if (second != std::string_view::npos) {
    hour = engine::read_hour(behind.substr(second + 1));
    if (!hour) return std::nullopt;
  }
  const auto sequence = read_number(behind.substr(0, second));
  // Behind the last number there is none to go on with.
  constexpr auto none = std::numeric_limits<std::uint64_t>::max();
  if (!sequence || *sequence == none) return std::nullopt;
  return engine::feed_place(events::log_sequence(*sequence), hour);
}

std::expected<std::set<std::string, std::less<>>, std::string> read_types(std::string_view types) {
  std::set<std::string, std::less<>> found;
  while (!types.empty()) {
    const auto name = types.substr(0, types.find(','));
    types.remove_prefix(std::min(types.size(), name.size() + 1));
    const auto before = found.size();
    if (name == events::usage_reported::type || name == short_name(events::usage_reported::type))
      found.emplace(events::usage_reported::type);
    for (const auto type : events::event_types()) {
      if (type == name || short_name(type) == name) found.emplace(type);
    }
    if (found.size() == before && !name.empty() && !found.contains(name)) {
      return std::unexpected("there is no event type '" + printable(name.substr(0, 80)) +
                             "'; expected names such as device_registered, separated by commas");
    }
  }
  return found;
}

std::expected<engine::event_filter, std::string> read_filter(const events::id_scope& scope, std::string_view types,
                                                             std::string_view stream) {
  engine::event_filter filter;
  auto wanted = read_types(types);
  if (!wanted) return std::unexpected("types: " + wanted.error() + ".");
  filter.types = std::move(*wanted);
  if (stream.empty()) return filter;
  const auto parsed = events::stream_name::parse(scope.text() + "/" + std::string(stream));
  if (!parsed) {
    return std::unexpected(
        "stream: expected service, refusals, groups/GROUP, devices/REGISTRATION_ID or hubs/HUB/DEVICE.");
  }
  filter.subject = parsed->subject();
  return filter;
}

}  // namespace muster::connectors
