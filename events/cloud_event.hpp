#pragma once

#include "events/event.hpp"
#include "events/usage_event.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Events as CloudEvents 1.0: what every way out of Muster (HTTP, webhooks, Kafka) says about one.
namespace muster::events {

/// A context attribute (CloudEvents 1.0, section 3), its value as text.
struct cloud_event_attribute {
  std::string_view name;
  std::string value;
  bool is_boolean = false;  ///< in JSON it stands without quotes
};
using cloud_event_attributes = std::vector<cloud_event_attribute>;
using header_list = std::vector<std::pair<std::string, std::string>>;

/// Of a recorded event of a service, in the order in which they are written: `id` is `shard-sequence`, `source` is
/// `/services/{scope}`, `subject` the stream below the scope, and the extensions are `sequence`, `streamversion`, `by`,
/// `correlationid`, `operation`.
cloud_event_attributes attributes_of(const envelope& meta, shard_id shard);

/// `SHARD-SEQUENCE-HOUR`: the place behind the shard's last event of the hour, and the hour. The same whoever folds.
std::string id_of(const usage_reported& e, shard_id shard);

/// Of a report of usage, whose time is the end of its hour. It stands on no stream.
cloud_event_attributes attributes_of(const usage_reported& e, const id_scope& scope, shard_id shard);

/// A recorded event as a JSON document on one line (JSON format, section 3). `data` must be the event's JSON, as
/// recorded or with fields opened.
std::string to_cloud_event(const envelope& meta, shard_id shard, std::string_view data);

/// `attributes` and the event's JSON likewise.
std::string to_cloud_event(const cloud_event_attributes& attributes, std::string_view data);

/// `attributes` as headers of a Kafka record (CloudEvents Kafka binding 1.0.2, section 3.2).
header_list kafka_headers_of(cloud_event_attributes attributes);

/// A report of usage as a JSON document on one line.
std::string to_cloud_event(const usage_reported& e, const id_scope& scope, shard_id shard);

}  // namespace muster::events
