#pragma once

#include "engine/decision.hpp"
#include "events/event.hpp"

#include <map>

namespace muster::engine {

struct placement {
  events::service_name name;
  events::id_scope scope;
  events::shard_id shard;
  events::service_settings settings;  ///< what the service is created with
  std::vector<events::linked_hub> hubs;
  bool open = true;  ///< the service has not been created in its shard yet
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("idScope", self.scope);
    visit("shard", self.shard);
    visit("settings", self.settings);
    visit("hubs", self.hubs);
    visit("open", self.open);
  }
};

/// Which services exist and where: the stream `directory`, in shard 0.
struct directory_state {
  events::stream_version version;
  std::vector<placement> placements;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("version", self.version);
    visit("placements", self.placements);
  }
  const placement* find(const events::service_name& name) const;
  const placement* find(const events::id_scope& scope) const;
};

/// Applies an event of the stream `directory`.
void evolve(directory_state& state, const events::recorded_event& e);

/// What the directory's decisions are given.
struct directory_context {
  events::timestamp now;
  entropy& random;
  std::uint32_t shards = 1;
  events::log_sequence directory_seen;  ///< as of which the state is current
};

/// Places a service: draws an ID scope if none was asked for, and puts it on the shard with the fewest services.
decision decide(const directory_state& state, const create_service& c, const directory_context& context);
/// Closes a placement whose service exists now.
decision confirm_placement(const directory_state& state, const events::id_scope& scope,
                           const directory_context& context);
/// Frees the name and the ID scope of a placement whose service cannot be created.
decision withdraw_placement(const directory_state& state, const events::id_scope& scope, std::string reason,
                            const directory_context& context);

}  // namespace muster::engine
