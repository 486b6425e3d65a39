#pragma once

#include "events/values.hpp"

/// Events of the stream `{scope}/service`.
namespace muster::events {

/// The first event of every service. `data_key` seals its policies' keys, and the source addresses of refused
/// strangers.
struct service_created {
  static constexpr std::string_view type = "muster.service_created.v1";
  service_name name;
  id_scope scope;
  data_key_id data_key;
  service_settings settings;
  std::vector<access_policy> policies;
  std::vector<linked_hub> hubs;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("idScope", self.scope);
    visit("dataKey", self.data_key);
    visit("settings", self.settings);
    visit("policies", self.policies);
    visit("hubs", self.hubs);
  }
};

struct service_settings_changed {
  static constexpr std::string_view type = "muster.service_settings_changed.v1";
  service_settings settings;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("settings", self.settings);
  }
};

/// A hub was linked, or its link changed: `hub` is the link as it is from now on.
struct hub_linked {
  static constexpr std::string_view type = "muster.hub_linked.v1";
  linked_hub hub;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("hub", self.hub);
  }
};

/// The hub gets no further devices. Its device identities stay.
struct hub_unlinked {
  static constexpr std::string_view type = "muster.hub_unlinked.v1";
  hub_name hub;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("hub", self.hub);
  }
};

/// Events of the service are sent to an endpoint from now on, or to another one.
struct webhook_set {
  static constexpr std::string_view type = "muster.webhook_set.v1";
  webhook_endpoint webhook;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("webhook", self.webhook);
  }
};

/// Deliveries that were given up go on where they stood.
struct webhook_resumed {
  static constexpr std::string_view type = "muster.webhook_resumed.v1";
  std::string url;  ///< as in `webhook_endpoint`
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("url", self.url);
  }
};

struct webhook_removed {
  static constexpr std::string_view type = "muster.webhook_removed.v1";
  std::string url;  ///< as in `webhook_endpoint`
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("url", self.url);
  }
};

}  // namespace muster::events
