#pragma once

#include "events/event.hpp"

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::events {

/// Why an event could not be read: its type is unknown, or its data is not what the type demands. Names the type and
/// the member.
struct codec_error {
  std::string text;
};

/// The data of an event as compact JSON, members in the order of `describe`; absent optionals and empty lists are left
/// out. Bytes of a text that are not UTF-8 are given as U+FFFD: `from_json` reads whatever this writes.
std::string to_json(const event& e);

/// What stands in place of a sealed field: JSON text, or nothing to leave the box as it is. `member` is the field's
/// name.
using sealed_renderer = std::function<std::optional<std::string>(std::string_view member, const sealed_text& box)>;

/// As `to_json`, with sealed fields given as `render` wants them.
std::string to_json(const event& e, const sealed_renderer& render);

/// Whether the sealed field `member` is a personal one, which who may read it gets opened: the others are secrets.
bool is_personal(std::string_view member);

/// `text` as a JSON string, quoted and escaped.
std::string to_json_string(std::string_view text);

/// The event of `type` whose data is `json`. Members it does not know are passed over, so that a later version may add
/// some.
std::expected<event, codec_error> from_json(std::string_view type, std::string_view json);

/// As `from_json`, into `out`: events are read by the million, and moving one shows. After an error `out` is anything.
std::optional<codec_error> read_json(std::string_view type, std::string_view json, event& out);

/// The type of every event there is, in the order of `event`'s alternatives.
const std::vector<std::string_view>& event_types();

}  // namespace muster::events
