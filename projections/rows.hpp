#pragma once

#include "engine/ports/shard_view.hpp"
#include "events/describe.hpp"

#include <optional>
#include <string>
#include <string_view>

// clang-format off
/// Keys of projection rows. All views of a shard share one ordered key space and are told apart by their first byte:
///
///     position      = 'p'                                             -> log_position
///     directory     = 'd'                                             -> directory_state
///     services      = 's' scope                                       -> service_state
///     groups        = 'g' scope "/" group                             -> group_state, deleted ones too: they keep
///                                                                        their version
///     devices       = 'r' scope "/" registration                      -> device_state
///     hub devices   = 'h' scope "/" hub "/" device                    -> hub_device_state, deleted ones too
///     enrollments   = 'E' scope "/" registration                      -> nothing; it is in the device's row
///     by status     = 'S' scope "/" status u8 registration            -> registration_summary
///     by group      = 'G' scope "/" group "/" registration            -> registration_summary
///     by hub        = 'H' scope "/" hub "/" registration              -> registration_summary
///     stream events = 'e' stream NUL sequence u64                     -> event_location
///     frames        = 'f' sequence of the frame's last event u64      -> log_offset
///     usage         = 'c' scope "/" hour                              -> usage_counts
///     hour ends     = 'u' hour                                        -> hour_end, from the first later frame on
///     ended hours   = 'v' sequence u64 of its hour_end, hour               -> nothing
///     commands      = 'k' scope "/" command id                        -> command_record
///     expiries      = 'x' time i64 sequence u64                       -> the rest of the command's key
///     outbox        = 'o' data key id 16                              -> nothing
///     reactions     = 'n' name of the reaction                        -> reaction_state
///
/// Integers are big-endian, so that bytes sort as numbers do. Names are keys (`checked_text::key`), and none may hold
/// "/" or NUL, but a command id, which ends its key. Hours are `2026-11-21T06`, UTC, by log time. The scope is empty
/// for the stream `directory`. Values are in row form (events/describe.hpp).
// clang-format on
namespace muster::projections {

/// Changes whenever a key or the row form of a value does: rows of another format are made anew from the log. Only
/// `reactions` follow from no log and are taken over: if their form changes, they need another letter.
inline constexpr int row_format = 6;

/// A view is the first byte of its rows' keys.
enum class view : char {
  position = 'p',
  directory = 'd',
  services = 's',
  groups = 'g',
  devices = 'r',
  hub_devices = 'h',
  enrollments = 'E',
  by_status = 'S',
  by_group = 'G',
  by_hub = 'H',
  stream_events = 'e',
  frames = 'f',
  usage = 'c',
  hour_ends = 'u',
  ended_hours = 'v',
  commands = 'k',
  expiries = 'x',
  outbox = 'o',
  reactions = 'n',
};

/// What people call a view.
std::string_view name_of(view v);

/// Ends a stream's name in a key.
inline constexpr std::string_view nul("\0", 1);

/// The half-open range [from, to) of keys.
struct key_range {
  std::string from;
  std::string to;
};

/// Makes `key` the key that a view's byte and `parts` make, in order.
template <class... Parts>
void set_key(std::string& key, view v, const Parts&... parts) {
  key.assign(1, static_cast<char>(v));
  (key.append(std::string_view(parts)), ...);
}

/// The key that a view's byte and `parts` make, in order.
template <class... Parts>
std::string row_key(view v, const Parts&... parts) {
  std::string key;
  key.reserve(1 + (std::size_t{0} + ... + std::string_view(parts).size()));
  set_key(key, v, parts...);
  return key;
}

/// Eight bytes that sort as `value` does.
std::string sortable(std::uint64_t value);
/// The value whose eight sortable bytes `bytes` begins with.
std::uint64_t from_sortable(std::string_view bytes);

/// All keys that begin with `prefix`, from behind `prefix` + `after` on; all of them if `after` is empty.
key_range keys_below(const std::string& prefix, std::string_view after = {});

std::string device_key(const events::id_scope& scope, std::string_view registration);
std::string hub_devices_prefix(const events::id_scope& scope, const events::hub_name& hub);
std::string stream_events_prefix(const events::stream_name& stream);
std::string by_status_prefix(std::string_view scope, events::registration_status status);
std::string by_group_prefix(std::string_view scope, std::string_view group);
std::string by_hub_prefix(std::string_view scope, std::string_view hub);
std::string usage_key(std::string_view scope, events::log_hour hour);
std::string hour_end_key(events::log_hour hour);
std::string ended_hour_key(events::log_sequence sequence, events::log_hour hour);

/// What lists of registrations are filtered by, kept in each index row so that filtering and counting read nothing
/// else.
struct registration_summary {
  events::registration_status status = events::registration_status::assigned;
  std::optional<std::string> group;  ///< key
  std::optional<std::string> hub;    ///< key
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("status", self.status);
    visit("group", self.group);
    visit("hub", self.hub);
  }
  friend bool operator==(const registration_summary&, const registration_summary&) = default;
};

registration_summary summary_of(const engine::registration_record& record);
bool matches(const registration_summary& summary, const engine::registration_filter& filter);

/// Where an event stands in the journal.
struct event_location {
  events::log_offset offset;
  std::uint32_t index = 0;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("offset", self.offset);
    visit("index", self.index);
  }
};

/// A recorded command id, taken apart: it is written as `ID`, or as `ID:HEX64` with the SHA-256 of the request it came
/// with.
struct command_name {
  std::string_view id;  ///< into the text it was read from
  events::digest request{};
};
command_name read_command_name(std::string_view recorded);

/// `corrupt`, naming view and key.
engine::error unreadable_row(std::string_view key);

/// The value of the row at `key`.
template <class T>
engine::result<T> read_row(std::string_view key, std::string_view row) {
  if (auto value = events::from_row<T>(row)) return std::move(*value);
  return std::unexpected(unreadable_row(key));
}

}  // namespace muster::projections
