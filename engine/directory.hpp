#pragma once

#include "events/event.hpp"

#include <map>

namespace muster::engine {

struct placement {
  events::service_name name;
  events::id_scope scope;
  events::shard_id shard;
  bool open = true;  ///< the service has not been created in its shard yet
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("name", self.name);
    visit("idScope", self.scope);
    visit("shard", self.shard);
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

}  // namespace muster::engine
