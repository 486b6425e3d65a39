#include "connectors/node/node_storage.hpp"

#include "connectors/kafka/kafka_config.hpp"
#include "connectors/kafka/kafka_journal.hpp"
#include "connectors/kafka/kafka_keyring.hpp"
#include "connectors/node/node_directory.hpp"
#include "connectors/storage/embedded_journal.hpp"
#include "connectors/storage/embedded_keyring.hpp"

#include <unistd.h>

namespace muster::connectors {

using engine::fail;
using engine::result;

result<void> open_log(node_storage& s, const node_config& config) {
  const auto least = log_level_named(config.log_level);
  auto log = config.log_file.empty() ? json_log::on(STDERR_FILENO, least, s.clock)
                                     : json_log::to_file(config.log_file, least, s.clock);
  if (!log) return std::unexpected(log.error());
  s.log = std::move(*log);
  s.log->write_before_sudden_ends();
  return {};
}

result<void> open_storage(node_storage& s, const node_config& config, std::string_view master_key, bool create) {
  if (auto logging = open_log(s, config); !logging) return logging;
  if (config.journal_kind == "kafka") return open_on_kafka(s, config, master_key);
  if (auto here = check_journal_not_moved(config); !here) return here;
  return open_embedded(s, config, master_key, create);
}

result<void> open_embedded(node_storage& s, const node_config& config, std::string_view master_key, bool create) {
  const auto master = master_key_of(config, master_key, create, s.entropy);
  if (!master) return std::unexpected(master.error());
  auto keyring = open_embedded_keyring({config.data / "keyring", *master, &s.entropy, create});
  if (!keyring) return std::unexpected(keyring.error());
  s.keyring = std::move(*keyring);

  embedded_journal_options options;
  options.directory = config.data / "journal";
  options.master_key_fingerprint = s.keyring->master_key_fingerprint();
  options.create_if_missing = create;
  options.entropy = &s.entropy;
  options.free_bytes_min = config.journal_free_bytes_min;
  options.log = s.log.get();
  if (config.journal_shards != 0) options.shards = static_cast<std::uint32_t>(config.journal_shards);
  auto journal = open_embedded_journal(std::move(options));
  if (!journal) return std::unexpected(journal.error());
  s.journal = std::move(*journal);
  return {};
}

result<void> open_on_kafka(node_storage& s, const node_config& config, std::string_view master_key,
                           bool for_migration) {
  const auto master = master_key_of(config, master_key, false, s.entropy);
  if (!master) {
    return fail(master.error().code, master.error().text +
                                         ". A node on Kafka needs the cluster's master key: run 'muster "
                                         "cluster init' once, or bring the key it made");
  }
  auto connection = kafka_connection_of(config, s.log.get());
  if (!connection) return std::unexpected(connection.error());
  const auto topics = kafka_topics_of(config);

  kafka_keyring_options keys;
  keys.connection = *connection;
  keys.topic = topics.keys;
  keys.directory = config.data / "keyring-copy";
  keys.master_key = *master;
  keys.entropy = &s.entropy;
  keys.clock = &s.clock;
  keys.for_migration = for_migration;
  auto keyring = open_kafka_keyring(std::move(keys));
  if (!keyring) return std::unexpected(keyring.error());
  s.keyring = std::move(*keyring);

  kafka_journal_options options;
  options.connection = std::move(*connection);
  options.topic = topics.journal;
  options.expected.master_key_fingerprint = s.keyring->master_key_fingerprint();
  if (config.journal_shards != 0) options.expected.shards = static_cast<std::uint32_t>(config.journal_shards);
  auto journal = open_kafka_journal(std::move(options));
  if (!journal) return std::unexpected(journal.error());
  s.journal = std::move(*journal);
  return check_same_journal(config, s.journal->identity().id);
}

}  // namespace muster::connectors
