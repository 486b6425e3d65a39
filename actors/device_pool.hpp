#pragma once

#include "actors/device.hpp"
#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <list>
#include <set>
#include <unordered_map>

namespace muster::actors {

struct device_pool_limits {
  std::size_t device_actors_max = 100'000;  ///< of the whole node
  std::chrono::seconds idle_after{60};
};

/// The actors of one scope's devices: made when a command comes for them, let go when they were idle for long or when
/// the node has too many. Only the scope's actor uses it.
class device_pool {
public:
  /// `self` is the scope's actor.
  device_pool(const device_pool_limits& limits, std::shared_ptr<device_ties> ties, scope_actor::pointer self)
      : limits_(limits), ties_(std::move(ties)), self_(self) {}

  bool has(const events::registration_id& id) const { return children_.contains(id.key()); }
  /// Sends it to the device's actor, which is made if there is none.
  void send(const events::registration_id& id, command_ptr c);
  /// Asks whoever was idle for long to go, and others while there are too many.
  void look_around();
  /// A device has nothing in flight. It is let go only if it has had every command that was sent to it: a command on
  /// its way would be lost with it.
  void let_go(const ready_to_go& device);
  /// `failed`: it died of an exception.
  void down(const caf::actor_addr& who, bool failed);
  void stop();

private:
  struct child {
    device_actor actor;
    std::uint64_t sent = 0;
    events::timestamp used;
    std::list<const std::string*>::iterator recent;  ///< its place in `by_use_`
  };

  child& make(const events::registration_id& id);
  void make_room();
  void ask_to_go(const std::string* registration);
  void forget(const std::string* registration);
  std::size_t live() const { return deps().telemetry.device_actors.load(std::memory_order_relaxed); }
  const actor_dependencies& deps() const { return *ties_->dependencies; }

  const device_pool_limits limits_;
  const std::shared_ptr<device_ties> ties_;
  const scope_actor::pointer self_;
  std::unordered_map<std::string, child> children_;                 ///< by the registration id's key
  std::unordered_map<caf::actor_id, const std::string*> by_actor_;  ///< the keys of `children_`
  std::list<const std::string*> by_use_;                            ///< likewise, least recently used first
  std::set<std::string> failed_;                                    ///< ids whose actor died of an exception; rare
};

}  // namespace muster::actors
