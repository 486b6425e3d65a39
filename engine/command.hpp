#pragma once

#include "engine/answer.hpp"
#include "events/event.hpp"

#include <optional>
#include <string>
#include <variant>

/// What can be asked of the engine. Connectors build commands; every device protocol builds the same ones.
namespace muster::engine {

/// Who asks, and what ties the request to its events, log lines and answer.
struct caller {
  std::string by;              ///< `device`, `policy:NAME` or `operator:NAME`
  std::string correlation_id;  ///< a UUID
  std::string command_id;      ///< the client's idempotency key, empty if it gave none
  events::digest request{};    ///< of the request, if there is a command id
};

/// What a device shows to prove who it is, and how it came.
struct evidence {
  events::registration_id presented;  ///< as the device spelled it
  std::optional<std::string> token;   ///< `SharedAccessSignature ...`, not yet read; absent if it showed none
  std::string protocol;               ///< `https`
  std::string api_version;
  std::string source_address;  ///< without the port
};

/// PUT register. DPS device API.
struct register_device {
  events::id_scope scope;
  engine::evidence evidence;
  std::optional<events::json_text> payload;
};

/// GET operation status. It attests again, and is no event unless it is refused.
struct poll_operation {
  events::id_scope scope;
  engine::evidence evidence;
  std::string operation_id;
};

/// POST registration status lookup. It attests, and is no event unless it is refused.
struct look_up_registration {
  events::id_scope scope;
  engine::evidence evidence;
};

/// If-Match.
struct precondition {
  enum class kind { none, any, etag };
  kind what = kind::none;
  std::string etag;  ///< as the client sent it, without surrounding quotes
};

/// Keys as a client gives them: base64 texts, each empty if it is to be kept, or generated where there is none to keep.
struct requested_keys {
  std::string primary;
  std::string secondary;
};

/// I1. `enrollment.terms.attestation` holds only the type; keys are in `keys`.
struct put_enrollment {
  events::id_scope scope;
  events::individual_enrollment enrollment;
  requested_keys keys;
  precondition if_match;
};
/// I3.
struct delete_enrollment {
  events::id_scope scope;
  events::registration_id id;
  precondition if_match;
};
/// G1. As `put_enrollment`.
struct put_group {
  events::id_scope scope;
  events::enrollment_group group;
  requested_keys keys;
  precondition if_match;
};
/// G3.
struct delete_group {
  events::id_scope scope;
  events::group_id id;
  precondition if_match;
};
/// R2.
struct delete_registration {
  events::id_scope scope;
  events::registration_id id;
  precondition if_match;
};

/// Operators: a new service. Without `scope` one is drawn; without hubs it gets `hub1`.
struct create_service {
  events::service_name name;
  std::optional<events::id_scope> scope;
  events::service_settings settings;
  std::vector<events::linked_hub> hubs;
};
/// What is left out stays as it is when the command is decided.
struct change_service_settings {
  events::id_scope scope;
  std::optional<events::allocation_policy> allocation = {};
  std::optional<bool> assigning_first = {};
  std::optional<std::uint32_t> symmetric_key_groups_max = {};
};
/// Links a built-in hub, or changes its link.
struct link_hub {
  events::id_scope scope;
  events::linked_hub hub;
};
struct unlink_hub {
  events::id_scope scope;
  events::hub_name hub;
};
/// Sends the service's events to an endpoint. Without a secret it keeps the one there is, or gets a new one.
struct set_webhook {
  events::id_scope scope;
  std::string url;  ///< checked, without its query
  std::string query;
  std::string secret;              ///< the raw key, or empty
  std::vector<std::string> types;  ///< checked
  bool validate = true;
};
/// Goes on with deliveries that were given up.
struct resume_webhook {
  events::id_scope scope;
};
struct remove_webhook {
  events::id_scope scope;
};
struct delete_hub_device {
  events::id_scope scope;
  events::hub_name hub;
  events::device_id id;
};

using command = std::variant<register_device, poll_operation, look_up_registration, put_enrollment, delete_enrollment,
                             put_group, delete_group, delete_registration, create_service, change_service_settings,
                             link_hub, unlink_hub, set_webhook, resume_webhook, remove_webhook, delete_hub_device>;

/// The ID scope a command is for; nothing for `create_service`, which is the directory's.
const events::id_scope* scope_of(const command& c);
/// What a device shows with a command of its own; nothing for a command of somebody else.
const evidence* evidence_of(const command& c);
/// The registration ID whose actor decides a command; nothing if the scope or the directory decides.
const events::registration_id* device_of(const command& c);

}  // namespace muster::engine
