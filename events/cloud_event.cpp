#include "events/cloud_event.hpp"

#include "events/schemas.hpp"
#include "events/utf8.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace muster::events {

std::string to_cloud_event(const cloud_event_attributes& attributes, std::string_view data) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  std::string mended;
  out.StartObject();
  for (const auto& each : attributes) {
    out.Key(each.name.data(), static_cast<rapidjson::SizeType>(each.name.size()));
    const auto value = as_utf8(each.value, mended);
    if (each.is_boolean)
      out.RawValue(value.data(), value.size(), rapidjson::kTrueType);
    else
      out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  out.Key("data");
  out.RawValue(data.data(), data.size(), rapidjson::kObjectType);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

header_list kafka_headers_of(cloud_event_attributes attributes) {
  header_list headers;
  headers.reserve(attributes.size());
  for (auto& each : attributes) {
    headers.emplace_back(each.name == "datacontenttype" ? "content-type" : "ce_" + std::string(each.name),
                         std::move(each.value));
  }
  return headers;
}

cloud_event_attributes attributes_of(const envelope& meta, shard_id shard) {
  return {{"specversion", "1.0"},
          {"id", std::to_string(shard.value()) + "-" + std::to_string(meta.sequence.value())},
          {"type", meta.type},
          {"source", "/services/" + std::string(meta.stream.scope())},
          {"subject", std::string(meta.stream.subject())},
          {"time", to_iso8601(meta.time)},
          {"datacontenttype", "application/json"},
          {"dataschema", schema_name(meta.type)},
          {"sequence", std::to_string(meta.sequence.value())},
          {"streamversion", std::to_string(meta.version.value())},
          {"by", meta.by},
          {"correlationid", meta.correlation_id},
          {"operation", meta.operation ? "true" : "false", true}};
}

std::string id_of(const usage_reported& e, shard_id shard) {
  return std::to_string(shard.value()) + "-" + std::to_string(e.sequence.value()) + "-" + to_hour_text(hour_of(e.from));
}

cloud_event_attributes attributes_of(const usage_reported& e, const id_scope& scope, shard_id shard) {
  return {{"specversion", "1.0"},
          {"id", id_of(e, shard)},
          {"type", std::string(usage_reported::type)},
          {"source", "/services/" + scope.text()},
          {"subject", "usage"},
          {"time", to_iso8601(e.to)},
          {"datacontenttype", "application/json"},
          {"dataschema", schema_name(usage_reported::type)},
          {"sequence", std::to_string(e.sequence.value())},
          {"by", "muster"},
          {"operation", "false", true}};
}

std::string to_cloud_event(const envelope& meta, shard_id shard, std::string_view data) {
  return to_cloud_event(attributes_of(meta, shard), data);
}

std::string to_cloud_event(const usage_reported& e, const id_scope& scope, shard_id shard) {
  return to_cloud_event(attributes_of(e, scope, shard), to_json(e));
}

}  // namespace muster::events
