#pragma once

#include "connectors/api/sas_authorization.hpp"
#include "connectors/node/config.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/keyring.hpp"

#include <filesystem>
#include <string>
#include <vector>

/// What lies in a node's data directory beside journal, keyring and projections, and who reads it: `master.key` the
/// node alone, `operator.token` and `node.json` also the command line on the same machine.
namespace muster::connectors {

/// The master key: from MUSTER_MASTER_KEY (`given`, empty if unset), or from the configured file, which is made if
/// `create`, unless the data directory has a keyring or a journal already: another key would not open them.
engine::result<engine::data_key> master_key_of(const node_config& config, std::string_view given, bool create,
                                               engine::entropy& random);

/// Who may act as an operator: `admin` with the token in DATA/operator.token, which is made with a new one for its
/// owner's eyes only if it is not there, and whom the configuration names.
engine::result<std::vector<operator_token>> load_operators(const node_config& config, engine::entropy& random);

/// A data directory belongs to one journal on Kafka: the first that was used with it, which DATA/journal.id names from
/// then on. `conflict` if `id` is another: its projections and keys would be mixed up.
engine::result<void> check_same_journal(const node_config& config, const events::journal_id& id);

/// `not_found` if the data directory has no embedded journal.
engine::result<void> check_journal_embedded(const node_config& config);
/// `conflict` if the embedded journal of the data directory was moved to Kafka: what was written to it now would belong
/// to another history than the one that goes on there.
engine::result<void> check_journal_not_moved(const node_config& config);
/// Closes the embedded journal, whose history goes on elsewhere, for good, and removes the projections, which hold its
/// offsets and are made anew.
engine::result<void> close_moved_journal(const node_config& config);

/// How the command line reaches the node of a data directory.
struct node_address {
  std::string url;    ///< `https://127.0.0.1:8443`
  std::string ca;     ///< path of the CA certificate; empty: the system's
  std::string token;  ///< the operator's
};

/// Writes DATA/node.json: where this node is reached while it runs.
engine::result<void> write_node_file(const node_config& config, const node_address& address);
/// Removes it: the node serves no more.
void remove_node_file(const node_config& config);
/// Whether the process that wrote DATA/node.json still runs; a node that was killed leaves its file behind.
bool node_serves(const std::filesystem::path& data);
/// How a node is reached: by what is `given`, and where that leaves something out, by DATA/node.json and
/// DATA/operator.token; those are not looked at if a URL is given. `not_found` if no node serves there.
engine::result<node_address> find_node(const std::filesystem::path& data, node_address given);

}  // namespace muster::connectors
