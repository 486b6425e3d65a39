#pragma once

#include "events/cloud_event.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What consumers rely on: the documents that describe everything that can happen.
namespace muster::events {

/// The JSON Schema (draft 2020-12) of the data of every event type, one document with a definition each.
std::string json_schema();

/// An event that the AsyncAPI document shows.
struct feed_example {
  cloud_event_attributes attributes;
  std::string data;  ///< JSON
};

/// A delivery to a webhook that it shows.
struct batch_example {
  std::string secret;   ///< `whsec_...`
  header_list headers;  ///< names in lower case
  std::string body;     ///< as it was signed
};

struct async_api_examples {
  std::vector<feed_example> events;  ///< one of each type
  batch_example batch;
};

/// Makes the AsyncAPI 3.0 document of the feed: a channel for each way out of Muster, and on each a message for every
/// event type, as it comes that way; its data is described in `events.json` beside it.
std::string make_async_api(const async_api_examples& examples);

/// That document as it stands in `schemas/asyncapi.json`, where its examples are those of the tests.
std::string_view async_api();

/// What an event's `dataschema` says: the `$id` of its type's definition in that document. CloudEvents wants an
/// absolute URI without a fragment, and no host is the same for all nodes that serve it.
inline std::string schema_name(std::string_view type) {
  return "urn:muster:schema:" + std::string(type);
}

}  // namespace muster::events
