#pragma once

#include <string>
#include <string_view>

/// What consumers rely on: the documents that describe everything that can happen.
namespace muster::events {

/// The JSON Schema (draft 2020-12) of the data of every event type, one document with a definition each.
std::string json_schema();

/// The AsyncAPI 3.0 document of the feed: its channels, and a message for every event type, whose payload is described
/// in `events.json` beside it.
std::string async_api();

/// What an event's `dataschema` says: the `$id` of its type's definition in that document. CloudEvents wants an
/// absolute URI without a fragment, and no host is the same for all nodes that serve it.
inline std::string schema_name(std::string_view type) {
  return "urn:muster:schema:" + std::string(type);
}

}  // namespace muster::events
