#pragma once

#include "connectors/node/config.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace muster::connectors {

/// What the command line takes from the environment; read once, in main.
struct environment {
  std::string url;         ///< MUSTER_URL
  std::string token;       ///< MUSTER_TOKEN
  std::string ca;          ///< MUSTER_CA
  std::string data;        ///< MUSTER_DATA
  std::string master_key;  ///< MUSTER_MASTER_KEY
};

/// What `muster repair` is told.
struct repair_request {
  std::uint32_t shard = 0;
  std::string hash;  ///< in hexadecimal
  std::string by;    ///< the operator; empty: the user who runs the command
  std::string reason;
  bool json = false;
};

/// What only a node's process can do; wired by main.
struct node_commands {
  std::function<int(const node_config&)> serve;
  std::function<int(const node_config&, bool json)>
      verify_stopped;  ///< checks the data directory of a node that does not run
  std::function<int(const node_config&, bool json)> rebuild_stopped;
  /// Counts a service's usage anew; gives the report (`engine::to_json(usage_recount)`).
  std::function<engine::result<std::string>(const node_config&, const std::string& service)> recount_stopped;
  std::function<int(const node_config&, bool json)> cluster_init;  ///< makes what nodes on Kafka share
  std::function<int(const node_config&, bool json)> migrate;       ///< from the embedded journal to Kafka
  /// Appends a repair to the journal of a node that does not run.
  std::function<int(const node_config&, const repair_request&)> repair_stopped;
  std::string version;
};

/// The command line `muster ...`, without the program's name. Gives the exit code: 0 done, 1 refused or failed (message
/// on stderr; also if what it printed could not be written), 2 wrong usage, 141 if nobody reads what it prints. With
/// `--output json` stdout has one JSON document and nothing else; with `history` and `tail` it has CloudEvents, one a
/// line.
int run_command_line(const std::vector<std::string>& arguments, const environment& env, const node_commands& commands);

}  // namespace muster::connectors
