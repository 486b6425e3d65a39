#pragma once

#include "connectors/node/config.hpp"
#include "connectors/node/json_log.hpp"
#include "connectors/node/system_clock.hpp"
#include "connectors/node/system_entropy.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/keyring.hpp"

#include <memory>
#include <string_view>

namespace muster::connectors {

/// Journal and keyring of a node, and what they are opened with: enough to read its whole history. The read models come
/// on top.
struct node_storage {
  system_clock clock;
  system_entropy entropy;
  std::unique_ptr<json_log> log;
  std::unique_ptr<engine::keyring> keyring;
  std::unique_ptr<engine::journal> journal;
};

// `master_key` is what the environment says of it, in base64; empty: the configured file has it. Errors name what is to
// be done about them.

engine::result<void> open_log(node_storage& s, const node_config& config);

/// Log, keyring and journal, of the kind that is configured. `create`: an embedded journal and its keyring are made
/// where there are none; on Kafka nothing is made silently: `cluster init` has made it.
engine::result<void> open_storage(node_storage& s, const node_config& config, std::string_view master_key, bool create);

// Keyring and journal of one kind; the log is open. `for_migration`: also what is still the unfinished target of one.
engine::result<void> open_embedded(node_storage& s, const node_config& config, std::string_view master_key,
                                   bool create);
engine::result<void> open_on_kafka(node_storage& s, const node_config& config, std::string_view master_key,
                                   bool for_migration = false);

}  // namespace muster::connectors
