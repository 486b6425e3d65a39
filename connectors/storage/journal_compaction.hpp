#pragma once

#include "connectors/storage/known_damage.hpp"
#include "engine/ports/log.hpp"

#include <memory>

namespace rocksdb {
class EventListener;
}

namespace muster::connectors {

/// Makes damage that RocksDB meets while it merges tables of the embedded journal the matter of the shards it lies in.
///
/// RocksDB itself would refuse every later write, as after a failed sync. But merging only copies rows that are
/// durable, and takes the old tables away when the new ones are: nothing is lost with it. So nothing is merged any more
/// until the next start, and `damage` learns which shards cannot be read whole. `log` may be null.
std::shared_ptr<rocksdb::EventListener> watch_merging(std::shared_ptr<known_damage> damage, engine::log* log);

}  // namespace muster::connectors
