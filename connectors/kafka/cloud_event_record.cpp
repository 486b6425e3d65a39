#include "connectors/kafka/cloud_event_record.hpp"

namespace muster::connectors {

kafka_record cloud_event_record(const std::string& topic, std::int32_t partition, std::string_view scope,
                                events::cloud_event_attributes attributes, std::string data) {
  kafka_record record{topic, partition, std::string(scope), std::move(data), {}};
  record.headers.reserve(attributes.size());
  for (auto& each : attributes) {
    record.headers.emplace_back(each.name == "datacontenttype" ? "content-type" : "ce_" + std::string(each.name),
                                std::move(each.value));
  }
  return record;
}

}  // namespace muster::connectors
