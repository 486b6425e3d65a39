#pragma once

#include "events/values.hpp"

/// Events of the stream `directory`: which services exist, and on which shard each lives.
namespace muster::events {

/// A name, an ID scope and a shard now belong together. The service itself is created next, in its own shard, with
/// `settings` and `hubs`: whoever resumes the placement after a crash finds everything here.
struct service_placed {
  static constexpr std::string_view type = "muster.service_placed.v1";
  service_name name;
  id_scope scope;
  shard_id shard;
  service_settings settings;
  std::vector<linked_hub> hubs;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("idScope", self.scope);
    visit("shard", self.shard);
    visit("settings", self.settings);
    visit("hubs", self.hubs);
  }
};

/// The service exists in its shard: the placement is no longer open.
struct placement_confirmed {
  static constexpr std::string_view type = "muster.placement_confirmed.v1";
  id_scope scope;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("idScope", self.scope);
  }
};

/// The service could not be created: name and ID scope are free again.
struct placement_withdrawn {
  static constexpr std::string_view type = "muster.placement_withdrawn.v1";
  id_scope scope;
  std::string reason;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("idScope", self.scope);
    visit("reason", self.reason);
  }
};

}  // namespace muster::events
