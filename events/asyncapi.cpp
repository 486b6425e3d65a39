#include "events/codec.hpp"
#include "events/schemas.hpp"
#include "events/usage_event.hpp"

#include <algorithm>
#include <array>

namespace muster::events {

namespace {

// Names between two @ stand for what is made of the event types.
constexpr std::string_view document = R"({
  "asyncapi": "3.0.0",
  "info": {
    "title": "Muster events",
    "version": "1.0.0",
    "description": "Everything that happened to a provisioning service, in order, at least once. Each event is a CloudEvent 1.0; its id is SHARD-SEQUENCE and its only cursor. Hourly usage, which follows from the events, has SHARD-SEQUENCE-HOUR and comes directly before the first event behind its hour. Secrets are always sealed; personal fields are opened only over HTTP, for who may read them."
  },
  "defaultContentType": "application/cloudevents+json",
  "servers": {
    "kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "The brokers of the feed."},
    "node": {
      "host": "localhost:8443", "protocol": "https", "description": "A node.",
      "security": [{"$ref": "#/components/securitySchemes/sharedAccessSignature"},
                   {"$ref": "#/components/securitySchemes/operatorToken"}]
    },
    "endpoint": {
      "host": "{endpoint}", "protocol": "https", "description": "What `muster webhook set` names.",
      "variables": {"endpoint": {"default": "example.com", "description": "Host and port of the service's endpoint."}}
    }
  },
  "channels": {
    "kafka": {
      "address": "muster.events",
      "title": "Kafka feed",
      "description": "CloudEvents Kafka binding, binary mode: the attributes are headers, the value is the event's data. The key is the ID scope; the events of one scope are in one partition, in order. Usage is on a topic of its own.",
      "servers": [{"$ref": "#/servers/kafka"}],
      "messages": {@kafka references@}
    },
    "kafkaUsage": {
      "address": "muster.usage",
      "title": "Hourly usage on Kafka",
      "description": "CloudEvents Kafka binding, binary mode. The key is the ID scope; there is one partition.",
      "servers": [{"$ref": "#/servers/kafka"}],
      "messages": {@usage references@}
    },
    "lines": {
      "address": "/events",
      "title": "HTTP feed, by the page",
      "description": "Structured CloudEvents, one document a line. The response's header x-muster-next is the `after` of the next page; x-muster-more says whether there is more now.",
      "servers": [{"$ref": "#/servers/node"}],
      "messages": {@http references@},
      "x-content-type": "application/x-ndjson; charset=utf-8"
    },
    "stream": {
      "address": "/events",
      "title": "HTTP feed that stays open",
      "description": "Server-sent events, for requests with Accept: text/event-stream. Of each event the field `data` is a structured CloudEvent on one line, and `id` its place, with which who comes back begins (header Last-Event-ID). There is no field `event`. An `id` without `data` says how far the log has come without an event for this reader; comments are heartbeats.",
      "servers": [{"$ref": "#/servers/node"}],
      "messages": {@sse references@},
      "x-content-type": "text/event-stream; charset=utf-8"
    },
    "webhook": {
      "address": null,
      "title": "Webhook",
      "description": "CloudEvents HTTP binding, batched mode, signed after Standard Webhooks. One request at a time, in order; whatever is not answered with a 2xx is sent again. Before the first batch an OPTIONS asks whether the endpoint wants events (CloudEvents HTTP Web Hooks: WebHook-Request-Origin, to be answered with WebHook-Allowed-Origin and perhaps WebHook-Allowed-Rate).",
      "servers": [{"$ref": "#/servers/endpoint"}],
      "messages": {"batch": {"$ref": "#/components/messages/webhook.batch"}}
    }
  },
  "operations": {
    "publishToKafka": {"action": "send", "channel": {"$ref": "#/channels/kafka"}},
    "publishUsageToKafka": {"action": "send", "channel": {"$ref": "#/channels/kafkaUsage"}},
    "answerWithLines": {
      "action": "send", "channel": {"$ref": "#/channels/lines"},
      "bindings": {"http": {"method": "GET", "bindingVersion": "0.3.0", "query": {"$ref": "#/components/schemas/query"}}}
    },
    "answerWithStream": {
      "action": "send", "channel": {"$ref": "#/channels/stream"},
      "bindings": {"http": {"method": "GET", "bindingVersion": "0.3.0", "query": {"$ref": "#/components/schemas/query"}}}
    },
    "sendToWebhook": {
      "action": "send", "channel": {"$ref": "#/channels/webhook"},
      "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
    }
  },
  "components": {
    "securitySchemes": {
      "sharedAccessSignature": {
        "type": "httpApiKey", "name": "Authorization", "in": "header",
        "description": "SharedAccessSignature of a policy with EnrollmentRead and RegistrationStatusRead."
      },
      "operatorToken": {"type": "http", "scheme": "bearer", "description": "The token of an operator."}
    },
    "schemas": {
      "query": {
        "type": "object",
        "properties": {
          "service": {"type": "string", "description": "Name or ID scope, where the host does not say which service is meant."},
          "after": {"type": "string", "description": "Begins behind this place; `latest`, for streams, with what comes."},
          "types": {"type": "string", "description": "Names of event types, separated by commas: device_registered or muster.device_registered.v1."},
          "stream": {"type": "string", "description": "Only this stream: service, refusals, groups/GROUP, devices/REGISTRATION_ID or hubs/HUB/DEVICE."},
          "limit": {"type": "integer", "minimum": 1, "description": "Events of a page (100 unless said, at most 1000), or behind how many a stream ends (never unless said)."},
          "personal": {"type": "boolean", "description": "false leaves personal fields sealed."},
          "usage": {"type": "boolean", "description": "false leaves hourly usage out."}
        }
      },
      "id": {
        "type": "string", "pattern": "^[0-9]+-[0-9]+(-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})?$",
        "description": "SHARD-SEQUENCE, of usage SHARD-SEQUENCE-HOUR: the event's place in the feed."
      },
      "kafkaHeaders": {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type", "ce_dataschema", "ce_sequence", "ce_by", "ce_operation"],
        "properties": {
          "ce_specversion": {"const": "1.0"},
          "ce_id": {"$ref": "#/components/schemas/id"},
          "ce_type": {"type": "string", "pattern": "^muster\\.[a-z_]+\\.v[0-9]+$"},
          "ce_source": {"type": "string", "pattern": "^/services/0ne[0-9A-F]{8}$"},
          "ce_subject": {"type": "string", "minLength": 1, "description": "The stream below the scope: devices/dev-1."},
          "ce_time": {"type": "string", "format": "date-time"},
          "content-type": {"const": "application/json"},
          "ce_dataschema": {"type": "string", "description": "The $id of the type's definition in events.json."},
          "ce_sequence": {"type": "string", "pattern": "^[0-9]+$"},
          "ce_streamversion": {"type": "string", "pattern": "^[0-9]+$", "description": "Of the event on its stream; usage stands on none."},
          "ce_by": {"type": "string", "description": "device, policy:NAME, operator:NAME or muster."},
          "ce_correlationid": {"type": "string", "description": "Of the request that led to the event, as in its answer and in the log."},
          "ce_operation": {"enum": ["true", "false"], "description": "Whether it is billed."}
        }
      },
      "cloudEvent": {
        "type": "object",
        "description": "CloudEvents JSON format, structured mode.",
        "required": ["specversion", "id", "type", "source", "subject", "time", "datacontenttype", "dataschema", "sequence", "by", "operation", "data"],
        "properties": {
          "specversion": {"const": "1.0"},
          "id": {"$ref": "#/components/schemas/id"},
          "type": {"type": "string", "pattern": "^muster\\.[a-z_]+\\.v[0-9]+$"},
          "source": {"type": "string", "pattern": "^/services/0ne[0-9A-F]{8}$"},
          "subject": {"type": "string", "minLength": 1, "description": "The stream below the scope: devices/dev-1."},
          "time": {"type": "string", "format": "date-time"},
          "datacontenttype": {"const": "application/json"},
          "dataschema": {"type": "string", "description": "The $id of the type's definition in events.json."},
          "sequence": {"type": "string", "pattern": "^[0-9]+$"},
          "streamversion": {"type": "string", "pattern": "^[0-9]+$", "description": "Of the event on its stream; usage stands on none."},
          "by": {"type": "string", "description": "device, policy:NAME, operator:NAME or muster."},
          "correlationid": {"type": "string", "description": "Of the request that led to the event, as in its answer and in the log."},
          "operation": {"type": "boolean", "description": "Whether it is billed."},
          "data": {"type": "object"}
        }
      },
      "serverSentFields": {
        "type": "object",
        "description": "The fields of a server-sent event beside `data`, which is the payload.",
        "required": ["id"],
        "properties": {"id": {"$ref": "#/components/schemas/id"}}
      },
      "webhookHeaders": {
        "type": "object",
        "required": ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"],
        "properties": {
          "content-type": {"const": "application/cloudevents-batch+json; charset=utf-8"},
          "webhook-id": {
            "type": "string", "pattern": "^[0-9]+-[0-9]+(-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})?\\.[0-9]+(-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})?$",
            "description": "SHARD-FIRST.LAST: which events of the log the batch covers. The same each time these are sent."
          },
          "webhook-timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "When it was sent: seconds since the Unix epoch. Refuse what is more than some minutes old, and a replay is refused."},
          "webhook-signature": {
            "type": "string", "pattern": "^v1,[A-Za-z0-9+/]{43}=$",
            "description": "`v1,` and base64 of HMAC-SHA256 over `webhook-id.webhook-timestamp.body`, with dots between, under the bytes that stand in base64 behind `whsec_` in the secret that `muster webhook set` prints (Standard Webhooks)."
          }
        }
      },
      "batch": {
        "type": "array",
        "description": "CloudEvents JSON batch format.",
        "minItems": 1,
        "maxItems": 100,
        "items": {"anyOf": [@event schema references@]}
      },
      @event schemas@
    },
    "messages": {
      @kafka messages@,
      @http messages@,
      @sse messages@,
      "webhook.batch": {
        "name": "batch",
        "title": "A batch of events",
        "contentType": "application/cloudevents-batch+json; charset=utf-8",
        "headers": {"$ref": "#/components/schemas/webhookHeaders"},
        "payload": {"$ref": "#/components/schemas/batch"},
        "examples": [@webhook example@]
      }
    }
  }
}
)";

// Events of the directory only say on which shard a service lies, and are on no service's feed.
constexpr std::array kept_back = {service_placed::type, placement_confirmed::type, placement_withdrawn::type};

std::vector<std::string> public_types() {
  std::vector<std::string> types;
  for (const auto type : event_types()) {
    if (std::ranges::find(kept_back, type) == kept_back.end()) types.emplace_back(type);
  }
  return types;
}

std::vector<std::string> with_usage(std::vector<std::string> types) {
  types.emplace_back(usage_reported::type);
  return types;
}

/// `one` of each of `types`, which stands for `~` in it.
std::string each_of(const std::vector<std::string>& types, std::string_view one) {
  std::string text;
  for (const auto& type : types) {
    if (!text.empty()) text += ",\n";
    for (const char c : one) {
      if (c == '~')
        text += type;
      else
        text += c;
    }
  }
  return text;
}

std::string members(const header_list& headers) {
  std::string text;
  for (const auto& [name, value] : headers)
    text.append(text.empty() ? "" : ",").append(to_json_string(name)).append(":").append(to_json_string(value));
  return "{" + text + "}";
}

std::string_view attribute_of(const feed_example& example, std::string_view name) {
  const auto at = std::ranges::find(example.attributes, name, &cloud_event_attribute::name);
  return at == example.attributes.end() ? std::string_view() : std::string_view(at->value);
}

/// A message of `type`, with the example that there is of it.
class message_writer {
public:
  explicit message_writer(const async_api_examples& examples) : examples_(examples) {}

  std::string kafka(const std::string& type) const {
    return message(
        "kafka", type, "application/json",
        R"({"type":"object","allOf":[{"$ref":"#/components/schemas/kafkaHeaders"},)"
        R"({"properties":{"ce_type":{"const":")" +
            type + R"("},"ce_dataschema":{"const":")" + schema_name(type) + R"("}}}]})",
        "events.json#/$defs/" + type,
        R"("bindings":{"kafka":{"key":{"type":"string","pattern":"^0ne[0-9A-F]{8}$"},"bindingVersion":"0.5.0"}})",
        [](const feed_example& e) {
          return "\"headers\":" + members(kafka_headers_of(e.attributes)) + ",\"payload\":" + e.data;
        });
  }

  std::string http(const std::string& type) const {
    return message("http", type, "application/cloudevents+json", {}, "#/components/schemas/" + type, {},
                   [](const feed_example& e) { return "\"payload\":" + to_cloud_event(e.attributes, e.data); });
  }

  std::string sse(const std::string& type) const {
    return message("sse", type, "application/cloudevents+json", R"({"$ref":"#/components/schemas/serverSentFields"})",
                   "#/components/schemas/" + type, {}, [](const feed_example& e) {
                     return "\"headers\":" + members({{"id", std::string(attribute_of(e, "id"))}}) +
                            ",\"payload\":" + to_cloud_event(e.attributes, e.data);
                   });
  }

  std::string batch() const {
    const auto& batch = examples_.batch;
    return R"({"name":"batch","summary":)" +
           to_json_string("Signed under " + batch.secret + "; the body is the payload without white space.") +
           ",\"headers\":" + members(batch.headers) + ",\"payload\":" + batch.body + "}";
  }

private:
  template <class Show>
  std::string message(std::string_view way, const std::string& type, std::string_view content_type,
                      const std::string& headers, const std::string& payload, const std::string& bindings,
                      const Show& show) const {
    std::string text = "\"" + std::string(way) + "." + type + "\":{\"name\":\"" + type + "\",\"contentType\":\"";
    text.append(content_type).append("\"");
    if (!headers.empty()) text.append(",\"headers\":").append(headers);
    text.append(R"(,"payload":{"$ref":")").append(payload).append("\"}");
    if (!bindings.empty()) text.append(",").append(bindings);
    const auto at =
        std::ranges::find_if(examples_.events, [&](const auto& e) { return attribute_of(e, "type") == type; });
    if (at != examples_.events.end()) text.append(R"(,"examples":[{)").append(show(*at)).append("}]");
    return text + "}";
  }

  const async_api_examples& examples_;
};

template <class Write>
std::string joined(const std::vector<std::string>& types, const Write& write) {
  std::string text;
  for (const auto& type : types) text.append(text.empty() ? "" : ",\n").append(write(type));
  return text;
}

/// What stands for `mark` in the document.
std::string part(std::string_view mark, const message_writer& messages) {
  const auto events = public_types();
  const auto all = with_usage(events);
  const auto references = [](const std::vector<std::string>& types, std::string_view way) {
    return each_of(types, R"("~":{"$ref":"#/components/messages/)" + std::string(way) + ".~\"}");
  };
  if (mark == "webhook example") return messages.batch();
  if (mark == "kafka references") return references(events, "kafka");
  if (mark == "usage references") return references({std::string(usage_reported::type)}, "kafka");
  if (mark == "http references") return references(all, "http");
  if (mark == "sse references") return references(all, "sse");
  if (mark == "kafka messages") return joined(all, [&](const auto& type) { return messages.kafka(type); });
  if (mark == "http messages") return joined(all, [&](const auto& type) { return messages.http(type); });
  if (mark == "sse messages") return joined(all, [&](const auto& type) { return messages.sse(type); });
  if (mark == "event schema references") return each_of(all, R"({"$ref":"#/components/schemas/~"})");
  return joined(all, [](const auto& type) {
    return "\"" + type + R"(":{"type":"object","allOf":[{"$ref":"#/components/schemas/cloudEvent"},)" +
           R"({"properties":{"type":{"const":")" + type + R"("},"dataschema":{"const":")" + schema_name(type) +
           R"("},"data":{"$ref":"events.json#/$defs/)" + type + "\"}}}]}";
  });
}

}  // namespace

std::string make_async_api(const async_api_examples& examples) {
  const message_writer messages(examples);
  std::string text;
  bool is_mark = false;
  for (auto rest = document;; is_mark = !is_mark) {
    const auto piece = rest.substr(0, rest.find('@'));
    text += is_mark ? part(piece, messages) : std::string(piece);
    if (piece.size() == rest.size()) return text;
    rest.remove_prefix(piece.size() + 1);
  }
}

}  // namespace muster::events
