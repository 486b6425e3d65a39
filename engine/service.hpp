#pragma once

#include "engine/sealing.hpp"
#include "events/event.hpp"

#include <map>
#include <memory>

/// The aggregates that one scope shares: the service, its groups, and the snapshot of both that decisions are made on.
namespace muster::engine {

/// Where a service's events are sent, and since when. The sequences are those of the events that say so.
struct webhook_state {
  events::webhook_endpoint endpoint;
  events::log_sequence since;    ///< what came behind it is sent
  events::log_sequence changed;  ///< the endpoint was set, or its deliveries resumed
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("endpoint", self.endpoint);
    visit("since", self.since);
    visit("changed", self.changed);
  }
};

/// One provisioning service, as its events left it.
struct service_state {
  events::stream_version version;  ///< 0: it does not exist
  events::service_name name;
  events::id_scope scope;
  events::data_key_id data_key;
  events::service_settings settings;
  std::vector<events::access_policy> policies;
  std::vector<events::linked_hub> hubs;
  std::optional<webhook_state> webhook;
  events::timestamp created;
  events::timestamp updated;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("version", self.version);
    visit("name", self.name);
    visit("idScope", self.scope);
    visit("dataKey", self.data_key);
    visit("settings", self.settings);
    visit("policies", self.policies);
    visit("hubs", self.hubs);
    visit("webhook", self.webhook);
    visit("created", self.created);
    visit("updated", self.updated);
  }
};

/// One enrollment group. A deleted group keeps its version, so that etags never repeat.
struct group_state {
  events::stream_version version;
  std::optional<events::enrollment_group> group;  ///< absent: deleted, or never there
  events::timestamp created;
  events::timestamp updated;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("version", self.version);
    visit("group", self.group);
    visit("created", self.created);
    visit("updated", self.updated);
  }
};

/// Applies an event of the stream `{scope}/service`; events of other streams are a broken invariant.
void evolve(service_state& state, const events::recorded_event& e);
/// Applies an event of a stream `{scope}/groups/{group}`.
void evolve(group_state& state, const events::recorded_event& e);

/// The open keys of a group, prepared for what is done with them: deriving the keys of devices.
struct group_keys : opened_keys {
  hmac_key deriving_primary;
  hmac_key deriving_secondary;
  group_keys(opened_keys keys)
      : opened_keys(std::move(keys)), deriving_primary(opened_keys::primary),
        deriving_secondary(opened_keys::secondary) {}
};

/// A living group.
struct opened_group {
  group_state state;
  std::optional<group_keys> keys;  ///< absent if their data key is not in the keyring: nobody is let in through it
};

/// What decisions of one scope rest on. Immutable; a fold that changes service or groups publishes a new one.
struct scope_snapshot {
  service_state service;
  events::shard_id shard;
  named_key data_key;                                                 ///< the service's
  std::map<std::string, opened_keys> policy_keys;                     ///< by policy name
  std::map<std::string, std::shared_ptr<const opened_group>> groups;  ///< living groups by their id's key
};

/// The key that every change of the set of groups writes: a decision that no group matched rests on it.
std::string group_set_key(const events::id_scope& scope);

}  // namespace muster::engine
