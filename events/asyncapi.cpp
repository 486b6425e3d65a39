#include "events/codec.hpp"
#include "events/schemas.hpp"
#include "events/usage_event.hpp"

#include <string>
#include <vector>

namespace muster::events {

namespace {

// Everything but the lists of messages: `@` names those of events, `~` that of usage, `&` all; `!` is the messages
// themselves.
constexpr std::string_view head = R"({
  "asyncapi": "3.0.0",
  "info": {
    "title": "Muster events",
    "version": "1.0.0",
    "description": "Everything that happened to a provisioning service, in order, at least once. Each event is a CloudEvent 1.0; its id is SHARD-SEQUENCE and its only cursor. Hourly usage, which follows from the events, has SHARD-SEQUENCE-HOUR. Secrets are always sealed; personal fields are opened only over HTTP, for who may read them."
  },
  "defaultContentType": "application/json",
  "servers": {
    "kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "The brokers of the feed."},
    "https": {"host": "localhost:8443", "protocol": "https", "description": "A node."}
  },
  "channels": {
    "kafka": {
      "address": "muster.events",
      "title": "Kafka feed",
      "description": "CloudEvents Kafka binding, binary mode. The key is the ID scope; the events of one scope are in one partition, in order.",
      "servers": [{"$ref": "#/servers/kafka"}],
      "messages": {@}
    },
    "https": {
      "address": "/events",
      "title": "HTTP feed",
      "description": "CloudEvents JSON format, one document a line (application/x-ndjson), or server-sent events that stay open (Accept: text/event-stream).",
      "servers": [{"$ref": "#/servers/https"}],
      "messages": {&}
    },
    "usage": {
      "address": "muster.usage",
      "title": "Hourly usage",
      "description": "CloudEvents Kafka binding, binary mode. The key is the ID scope.",
      "servers": [{"$ref": "#/servers/kafka"}],
      "messages": {~}
    },
    "webhook": {
      "address": null,
      "title": "Webhook",
      "description": "POST to the endpoint of the service: CloudEvents HTTP binding, batched mode (application/cloudevents-batch+json), signed after Standard Webhooks.",
      "messages": {@}
    }
  },
  "operations": {
    "publishToKafka": {"action": "send", "channel": {"$ref": "#/channels/kafka"}},
    "publishUsage": {"action": "send", "channel": {"$ref": "#/channels/usage"}},
    "answerOverHttp": {"action": "send", "channel": {"$ref": "#/channels/https"}},
    "sendToWebhook": {"action": "send", "channel": {"$ref": "#/channels/webhook"}}
  },
  "components": {
    "schemas": {
      "kafkaHeaders": {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"],
        "properties": {
          "ce_specversion": {"const": "1.0"},
          "ce_id": {"type": "string", "pattern": "^[0-9]+-[0-9]+(-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})?$"},
          "ce_type": {"type": "string", "pattern": "^muster\\.[a-z_]+\\.v[0-9]+$"},
          "ce_source": {"type": "string", "pattern": "^/services/(0ne[0-9A-F]{8})?$"},
          "ce_subject": {"type": "string", "minLength": 1},
          "ce_time": {"type": "string", "format": "date-time"},
          "content-type": {"const": "application/json"},
          "ce_dataschema": {"type": "string"},
          "ce_sequence": {"type": "string", "pattern": "^[0-9]+$"},
          "ce_streamversion": {"type": "string", "pattern": "^[0-9]+$"},
          "ce_by": {"type": "string"},
          "ce_correlationid": {"type": "string"},
          "ce_operation": {"enum": ["true", "false"]}
        }
      },
      "cloudEvent": {
        "type": "object",
        "required": ["specversion", "id", "type", "source", "subject", "time", "data"],
        "properties": {
          "specversion": {"const": "1.0"},
          "id": {"type": "string", "pattern": "^[0-9]+-[0-9]+(-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})?$"},
          "type": {"type": "string", "pattern": "^muster\\.[a-z_]+\\.v[0-9]+$"},
          "source": {"type": "string", "pattern": "^/services/(0ne[0-9A-F]{8})?$"},
          "subject": {"type": "string", "minLength": 1},
          "time": {"type": "string", "format": "date-time"},
          "datacontenttype": {"const": "application/json"},
          "dataschema": {"type": "string"},
          "sequence": {"type": "string", "pattern": "^[0-9]+$"},
          "streamversion": {"type": "string", "pattern": "^[0-9]+$"},
          "by": {"type": "string"},
          "correlationid": {"type": "string"},
          "operation": {"type": "boolean"},
          "data": {"type": "object"}
        }
      }
    },
    "messages": {!}
  }
}
)";

std::vector<std::string_view> types_of(char mark) {
  std::vector<std::string_view> types;
  if (mark != '~') types = event_types();
  if (mark != '@') types.push_back(usage_reported::type);
  return types;
}

std::string references(char mark) {
  std::string text;
  for (const auto type : types_of(mark)) {
    text += text.empty() ? "\n" : ",\n";
    text.append("        \"").append(type).append("\": {\"$ref\": \"#/components/messages/").append(type).append("\"}");
  }
  return text + "\n      ";
}

std::string messages() {
  std::string text;
  for (const auto type : types_of('!')) {
    text += text.empty() ? "\n" : ",\n";
    text.append("      \"").append(type).append("\": {\n        \"name\": \"").append(type);
    text.append("\",\n        \"contentType\": \"application/json\",\n");
    text.append("        \"headers\": {\"$ref\": \"#/components/schemas/kafkaHeaders\"},\n");
    text.append("        \"payload\": {\"$ref\": \"events.json#/$defs/").append(type).append("\"},\n");
    text.append(
        "        \"bindings\": {\"kafka\": {\"key\": {\"type\": \"string\"}, \"bindingVersion\": \"0.5.0\"}}\n      }");
  }
  return text + "\n    ";
}

}  // namespace

std::string async_api() {
  std::string text;
  for (std::size_t at = 0; at < head.size();) {
    const auto next = head.find_first_of("@~&!", at);
    text.append(head.substr(at, next - at));
    if (next == std::string_view::npos) break;
    text.append(head[next] == '!' ? messages() : references(head[next]));
    at = next + 1;
  }
  return text;
}

}  // namespace muster::events
