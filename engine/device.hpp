#pragma once

#include "engine/hub_device.hpp"
#include "engine/service.hpp"
#include "events/event.hpp"

/// The aggregate of one registration ID: its individual enrollment and its registration record.
namespace muster::engine {

// State --------------------------------------------------------------------------------------------------------------

struct enrollment_record {
  events::individual_enrollment enrollment;
  events::stream_version version;  ///< the stream's version when the enrollment last changed: its etag
  events::timestamp created;
  events::timestamp updated;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("enrollment", self.enrollment);
    visit("version", self.version);
    visit("created", self.created);
    visit("updated", self.updated);
  }
};

/// DPS: DeviceRegistrationState.
struct registration_record {
  events::registration_id id;      ///< in its first spelling: the enrollment's, or the device's own
  events::stream_version version;  ///< the stream's version when the record last changed: its etag
  events::timestamp created;
  events::timestamp updated;
  events::registration_status status = events::registration_status::assigned;
  events::registration_substatus substatus = events::registration_substatus::initial_assignment;
  std::optional<events::hub_name>
      hub;  ///< where the device is assigned; kept while a later attempt failed or was refused
  std::optional<events::device_id> device;
  std::optional<events::group_id> group;  ///< absent: it came through the individual enrollment
  std::int32_t error_code = 0;            ///< only if `failed`
  std::string error_message;
  events::data_key_id data_key;
  std::vector<std::string> operations;  ///< operation ids that can still be polled, newest first, at most two
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("registrationId", self.id);
    visit("version", self.version);
    visit("created", self.created);
    visit("updated", self.updated);
    visit("status", self.status);
    visit("substatus", self.substatus);
    visit("hub", self.hub);
    visit("device", self.device);
    visit("group", self.group);
    visit("errorCode", self.error_code);
    visit("errorMessage", self.error_message);
    visit("dataKey", self.data_key);
    visit("operations", self.operations);
  }
};

/// When both parts are gone the state keeps its version, so that etags never repeat.
struct device_state {
  events::stream_version version;
  std::optional<enrollment_record> enrollment;
  std::optional<registration_record> registration;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("version", self.version);
    visit("enrollment", self.enrollment);
    visit("registration", self.registration);
  }
};

/// Applies an event of a stream `{scope}/devices/{registration}`.
void evolve(device_state& state, const events::recorded_event& e);

}  // namespace muster::engine
