#pragma once

#include "events/device_event.hpp"
#include "events/directory_event.hpp"
#include "events/group_event.hpp"
#include "events/hub_event.hpp"
#include "events/service_event.hpp"

#include <variant>

namespace muster::events {

/// Every event there is. A new one is added here, in its aggregate's header, in that aggregate's `decide` and `evolve`,
/// and as a golden sample (events/README.md).
using event = std::variant<service_placed, placement_confirmed, placement_withdrawn,                      //
                           service_created, service_settings_changed, hub_linked, hub_unlinked,           //
                           webhook_set, webhook_resumed, webhook_removed,                                 //
                           enrollment_group_created, enrollment_group_updated, enrollment_group_deleted,  //
                           enrollment_created, enrollment_updated, enrollment_deleted,                    //
                           device_registered, registration_joined, registration_failed, registration_refused,
                           registration_deleted,  //
                           attempts_suppressed,   //
                           hub_device_created, hub_device_updated, hub_device_deleted>;

/// The CloudEvents type of an event: `muster.NOUN_VERB.vN`.
inline std::string_view type_of(const event& e) {
  return std::visit([](const auto& each) { return std::string_view(each.type); }, e);
}

/// True if the event is an operation, the billing unit (events/operations.hpp).
bool is_operation(const event& e);

/// What stands beside an event's data on the log.
struct envelope {
  stream_name stream = stream_name::directory();
  stream_version version;
  log_sequence sequence;
  timestamp time;  ///< the frame's: the writer's time, never decreasing within a shard
  std::string type;
  std::string by;              ///< `device`, `policy:NAME`, `operator:NAME` or `muster`
  std::string correlation_id;  ///< ties the events of one request to its log lines and its answer
  std::string command_id;      ///< the idempotency key, empty if there was none
  bool operation = false;
};

/// An event as it was recorded.
struct recorded_event {
  envelope meta;
  event data;
};

}  // namespace muster::events
