#pragma once

#include "engine/ports/shard_view.hpp"
#include "engine/service.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace muster::engine {

/// The service there is if there is exactly one, and how many there are.
struct lone_service {
  std::shared_ptr<const scope_snapshot> service;
  std::size_t services = 0;
};

/// The services of this node, as last folded, and the read models behind them. Any thread; does not block.
class catalog {
public:
  virtual ~catalog() = default;

  /// A snapshot, and a sequence as of which it is current (of its shard's log); no value if there is no such service.
  virtual as_of<std::shared_ptr<const scope_snapshot>> find(const events::id_scope& scope) const = 0;
  virtual std::shared_ptr<const scope_snapshot> find(const events::service_name& name) const = 0;
  /// For a request that names no service; takes the same time however many there are.
  virtual lone_service lone() const = 0;
  /// All services, in order of their names: a copy of the whole list.
  virtual std::vector<std::shared_ptr<const scope_snapshot>> all() const = 0;
  /// The read models of a shard; nothing while the shard is not open. A rebuild may put another object in its place:
  /// ask again for each request.
  virtual std::shared_ptr<shard_view> view(events::shard_id shard) const = 0;
};

}  // namespace muster::engine
