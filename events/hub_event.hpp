#pragma once

#include "events/values.hpp"

/// Events of the stream `{scope}/hubs/{hub}/{device}`: an identity and its twin in the built-in hub.
namespace muster::events {

/// A hub identity as it is from now on. `data_key` seals the keys and dies with the identity.
struct hub_identity {
  device_id id;
  hub_name hub;
  registration_id registration;  ///< whose assignment made it, as the device spelled it
  enrollment_reference source;   ///< the enrollment that the keys were taken or derived from
  data_key_id data_key;
  symmetric_keys keys;
  bool iot_edge = false;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("deviceId", self.id);
    visit("hub", self.hub);
    visit("registrationId", self.registration);
    visit("source", self.source);
    visit("dataKey", self.data_key);
    visit("symmetricKey", self.keys);
    visit("iotEdge", self.iot_edge);
  }
  friend bool operator==(const hub_identity&, const hub_identity&) = default;
};

/// A device twin. Each part is a JSON object.
struct device_twin {
  json_text tags{"{}"};
  json_text desired{"{}"};
  json_text reported{"{}"};
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("tags", self.tags);
    visit("desired", self.desired);
    visit("reported", self.reported);
  }
  friend bool operator==(const device_twin&, const device_twin&) = default;
};

struct hub_device_created {
  static constexpr std::string_view type = "muster.hub_device_created.v1";
  hub_identity identity;
  device_twin twin;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("identity", self.identity);
    visit("twin", self.twin);
  }
};

/// A registration refreshed credentials or capabilities; `twin` is there only if it was reset. The identity has a data
/// key of its own again, and `former_data_key` is gone.
struct hub_device_updated {
  static constexpr std::string_view type = "muster.hub_device_updated.v1";
  hub_identity identity;
  std::optional<device_twin> twin;
  data_key_id former_data_key;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("identity", self.identity);
    visit("twin", self.twin);
    visit("formerDataKey", self.former_data_key);
  }
};

/// The identity is gone and `data_key` with it: moved to another hub, or removed by an operator.
struct hub_device_deleted {
  static constexpr std::string_view type = "muster.hub_device_deleted.v1";
  device_id id;
  hub_name hub;
  data_key_id data_key;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("deviceId", self.id);
    visit("hub", self.hub);
    visit("dataKey", self.data_key);
  }
};

}  // namespace muster::events
