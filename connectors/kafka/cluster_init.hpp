#pragma once

#include "connectors/kafka/kafka_config.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/keyring.hpp"

namespace muster::connectors {

/// What `cluster init` found or made.
struct initialized_cluster {
  engine::journal_identity journal;
  kafka_topics topics;
  std::uint32_t replicas = 0;
  bool made = false;        ///< false: everything was there already
  bool unfinished = false;  ///< it has the mark of a migration (connectors/kafka/migration_mark.hpp)
};

/// The fingerprint of the master key of the cluster that has these topics already, were it made only in part; nothing
/// if there is none. `conflict`: topics of these names are there and are something else.
engine::result<std::optional<events::digest>> find_cluster_key(const node_config& config, engine::log* log);

/// The master key for `cluster init`: `given`, or in the configured file. A new one is made only where no cluster is:
/// it would fit none that is there. `conflict`: one is there, and its key is not here.
engine::result<engine::data_key> cluster_master_key(const node_config& config, std::string_view given,
                                                    engine::entropy& entropy, engine::log* log);

/// Makes the topics of a cluster and what stands first in them: journal, keyring, events, usage. `wanted`: the identity
/// that the journal must get, for a history that is brought along: then the mark of a migration is there before the
/// journal is. A new identity is drawn unless one is given. Can be repeated after an interruption, and changes nothing
/// once all is there. `conflict`: topics of these names are there and are not this cluster's, or are the unfinished
/// target of a migration and nothing is brought along. `denied`: the brokers do not let us make topics.
engine::result<initialized_cluster> initialize_cluster(const node_config& config, const engine::data_key& master_key,
                                                       const std::optional<engine::journal_identity>& wanted,
                                                       engine::entropy& entropy, engine::log* log);

/// What to tell whoever ran `cluster init`: for people, or as one JSON document.
std::string describe_cluster(const initialized_cluster& cluster, const std::string& ca_file, bool json);

}  // namespace muster::connectors
