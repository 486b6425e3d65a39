#include "projections/rows.hpp"

#include <algorithm>

namespace muster::projections {

std::string_view name_of(view v) {
  switch (v) {
  case view::position:
    return "position";
  case view::directory:
    return "directory";
  case view::services:
    return "services";
  case view::groups:
    return "groups";
  case view::devices:
    return "devices";
  case view::hub_devices:
    return "hub devices";
  case view::enrollments:
    return "enrollments";
  case view::by_status:
    return "registrations by status";
  case view::by_group:
    return "registrations by group";
  case view::by_hub:
    return "registrations by hub";
  case view::stream_events:
    return "events by stream";
  case view::frames:
    return "frames";
  case view::usage:
    return "usage";
  case view::hour_ends:
    return "hour ends";
  case view::ended_hours:
    return "ended hours";
  case view::commands:
    return "commands";
  case view::expiries:
    return "command expiries";
  case view::outbox:
    return "keys to destroy";
  case view::reactions:
    return "reactions";
  }
  return "unknown";
}

std::string sortable(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 8; i-- > 0; value >>= 8U) bytes[i] = static_cast<char>(value & 0xFFU);
  return bytes;
}

std::uint64_t from_sortable(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(0, 8)) value = value << 8U | static_cast<std::uint8_t>(byte);
  return value;
}

key_range keys_below(const std::string& prefix, std::string_view after) {
  key_range range{prefix, prefix};
  if (!after.empty()) range.from.append(after) += '\0';
  // No prefix ends in 0xFF: the last byte is a letter, a separator or a small enumeration.
  range.to.back() = static_cast<char>(range.to.back() + 1);
  return range;
}

std::string device_key(const events::id_scope& scope, std::string_view registration) {
  return row_key(view::devices, scope.text(), "/", registration);
}

std::string hub_devices_prefix(const events::id_scope& scope, const events::hub_name& hub) {
  return row_key(view::hub_devices, scope.text(), "/", hub.key(), "/");
}

std::string stream_events_prefix(const events::stream_name& stream) {
  return row_key(view::stream_events, stream.text(), nul);
}

std::string by_status_prefix(std::string_view scope, events::registration_status status) {
  const char code = static_cast<char>(status);
  return row_key(view::by_status, scope, "/", std::string_view(&code, 1));
}

std::string by_group_prefix(std::string_view scope, std::string_view group) {
  return row_key(view::by_group, scope, "/", group, "/");
}

std::string by_hub_prefix(std::string_view scope, std::string_view hub) {
  return row_key(view::by_hub, scope, "/", hub, "/");
}

std::string usage_key(std::string_view scope, events::log_hour hour) {
  return row_key(view::usage, scope, "/", events::to_hour_text(hour));
}

std::string hour_end_key(events::log_hour hour) {
  return row_key(view::hour_ends, events::to_hour_text(hour));
}

std::string ended_hour_key(events::log_sequence sequence, events::log_hour hour) {
  return row_key(view::ended_hours, sortable(sequence.value()), events::to_hour_text(hour));
}

registration_summary summary_of(const engine::registration_record& record) {
  registration_summary summary{record.status, {}, {}};
  if (record.group) summary.group = record.group->key();
  if (record.hub) summary.hub = record.hub->key();
  return summary;
}

bool matches(const registration_summary& summary, const engine::registration_filter& filter) {
  return (!filter.status || summary.status == *filter.status) &&
         (!filter.group || summary.group == filter.group->key()) && (!filter.hub || summary.hub == filter.hub->key());
}

command_name read_command_name(std::string_view recorded) {
  constexpr std::size_t suffix = 1 + 2 * std::tuple_size_v<events::digest>;
  command_name name{recorded, {}};
  if (recorded.size() <= suffix || recorded[recorded.size() - suffix] != ':') return name;
  const auto request = events::from_hex(recorded.substr(recorded.size() - suffix + 1));
  if (!request) return name;
  name.id.remove_suffix(suffix);
  std::ranges::copy(*request, name.request.begin());
  return name;
}

engine::error unreadable_row(std::string_view key) {
  std::string text = "a row of the view '";
  text.append(name_of(key.empty() ? view{} : static_cast<view>(key.front()))).append("' cannot be read; its key is '");
  for (const char c : key.substr(std::min<std::size_t>(1, key.size()))) {
    if (c >= ' ' && c <= '~')
      text += c;
    else
      text.append("\\x").append(events::to_hex({&c, 1}));
  }
  return {engine::errc::corrupt, text + "'; `muster rebuild` makes all rows anew from the log"};
}

}  // namespace muster::projections
