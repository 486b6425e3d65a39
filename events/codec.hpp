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

/// A recorded event as a CloudEvents 1.0 JSON document on one line (JSON format, section 3): `id` is `shard-sequence`,
/// `source` is `/services/{scope}`, `subject` the stream below the scope, and the extensions `sequence`,
/// `streamversion`, `by`, `correlationid`, `operation`. `data` must be the event's JSON, as recorded or with fields
/// opened.
std::string to_cloud_event(const envelope& meta, shard_id shard, std::string_view data);

/// The type of every event there is, in the order of `event`'s alternatives.
const std::vector<std::string_view>& event_types();

/// The JSON Schema (draft 2020-12) of the data of every event type, one document with a definition each.
std::string json_schema();

/// The AsyncAPI 3.0 document of the feed: its channels, and a message for every event type, whose payload is described
/// in `events.json` beside it.
std::string async_api();

}  // namespace muster::events
