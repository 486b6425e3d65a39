#include "connectors/kafka/cloud_event_record.hpp"

namespace muster::connectors {

kafka_record cloud_event_record(const std::string& topic, std::int32_t partition, std::string_view scope,
                                events::cloud_event_attributes attributes, std::string data) {
  return {topic, partition, std::string(scope), std::move(data), events::kafka_headers_of(std::move(attributes))};
}

}  // namespace muster::connectors
