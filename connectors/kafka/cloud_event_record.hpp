#pragma once

#include "connectors/kafka/kafka_producer.hpp"
#include "events/cloud_event.hpp"

#include <string>
#include <string_view>

namespace muster::connectors {

/// An event as a Kafka record (CloudEvents Kafka binding 1.0.2, binary mode): its attributes are headers `ce_...`, but
/// for `content-type`, and its data is the value. The key is the ID scope.
kafka_record cloud_event_record(const std::string& topic, std::int32_t partition, std::string_view scope,
                                events::cloud_event_attributes attributes, std::string data);

}  // namespace muster::connectors
