#pragma once

#include <string>
#include <string_view>

namespace muster::events {

/// What an event's `dataschema` says: the `$id` of its type's definition in `schemas/events.json`. CloudEvents wants an
/// absolute URI without a fragment, and no host is the same for all nodes that serve that file.
inline std::string schema_name(std::string_view type) {
  return "urn:muster:schema:" + std::string(type);
}

}  // namespace muster::events
