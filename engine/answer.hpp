#pragma once

#include "engine/device.hpp"
#include "engine/sealing.hpp"
#include "engine/service.hpp"

#include <string>
#include <variant>

namespace muster::engine {

/// What the domain refuses, by the fact that stands in the way. Each has a DPS error code
/// (connectors/api/dps_error.cpp).
enum class rejection_code : std::uint8_t {
  invalid,       ///< the request can never work; the message says what would
  not_attested,  ///< a device did not prove who it is; the message does not say why
  scope_not_found,
  enrollment_not_found,
  group_not_found,
  registration_not_found,
  operation_not_found,
  service_not_found,
  hub_not_found,
  hub_device_not_found,
  webhook_not_found,
  enrollment_exists,
  group_exists,
  service_exists,
  precondition_failed,  ///< If-Match names another version
  command_id_reused,    ///< the idempotency key belongs to another request
  too_many_attempts,    ///< the failure budget is spent
  too_many_requests,    ///< the device polls too often, or its queue is full
  limit_reached,        ///< a quota of the service
  unavailable,          ///< the shard is not open, or time ran out: nothing is known to have happened
};

struct rejection {
  rejection_code code = rejection_code::unavailable;
  std::string message;
  std::chrono::seconds retry_after{0};  ///< 0: not worth saying
};

/// Register and operation status.
struct registration_answer {
  std::string operation_id;  ///< empty if the enrollment is disabled
  registration_record record;
  bool assigning = false;  ///< tell the device 202 `assigning` and let it poll, although the record is final
};

/// Status lookup of a device.
struct lookup_answer {
  registration_record record;
};

/// A stored enrollment; the keys only where the request set or generated them: what PUT gives back.
struct enrollment_answer {
  enrollment_record record;
  std::optional<opened_keys> keys;
};

struct group_answer {
  group_state state;
  std::optional<opened_keys> keys;
};

struct service_answer {
  std::shared_ptr<const scope_snapshot> snapshot;
};

/// It is done, and there is nothing to say.
struct done {};

using answer =
    std::variant<registration_answer, lookup_answer, enrollment_answer, group_answer, service_answer, done, rejection>;

/// The etag of a version: base64 of the quoted version in 16 hex digits, as opaque as DPS's own.
std::string etag_of(events::stream_version version);

}  // namespace muster::engine
