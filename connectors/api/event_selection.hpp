#pragma once

#include "engine/history.hpp"

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>

/// How requests name events: places in the log, types, streams.
namespace muster::connectors {

/// `SHARD-SEQUENCE` or `SHARD-SEQUENCE-HOUR`, as in an event's id.
std::string place_text(events::shard_id shard, const engine::feed_place& place);

/// The place that such a text names, whose shard must be `shard`; the beginning if `text` is empty; nothing if it is no
/// such text.
std::optional<engine::feed_place> read_place(std::string_view text, events::shard_id shard);

/// Names of types separated by commas, as below; says what is wrong with the first that is none.
std::expected<std::set<std::string, std::less<>>, std::string> read_types(std::string_view types);

/// `types`: names separated by commas, `muster.device_registered.v1` or `device_registered`; `stream`: one below the
/// scope, `devices/dev-1`. Either may be empty. Says what is wrong.
std::expected<engine::event_filter, std::string> read_filter(const events::id_scope& scope, std::string_view types,
                                                             std::string_view stream);

}  // namespace muster::connectors
