#include "connectors/kafka/cluster_init.hpp"

#include "connectors/json/json_writer.hpp"
#include "connectors/kafka/journal_topic.hpp"
#include "connectors/kafka/keys_topic.hpp"
#include "connectors/kafka/migration_mark.hpp"
#include "connectors/kafka/public_topic.hpp"
#include "connectors/node/node_directory.hpp"
#include "connectors/storage/master_key.hpp"

#include <algorithm>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

constexpr std::chrono::milliseconds wait{15'000};
constexpr std::uint32_t feed_partitions = 8;
constexpr std::uint32_t replicas_wanted = 3;

/// The public topics are for others to keep as long as they like; the journal keeps everything.
result<void> make_public_topic(kafka_admin& admin, const std::string& name, std::uint32_t partitions,
                               std::uint32_t replicas) {
  auto settings = public_topic_settings();
  if (replicas >= replicas_wanted) settings["min.insync.replicas"] = "2";
  auto made = admin.create_topic(name, partitions, replicas, settings, wait);
  if (!made && made.error().code == errc::conflict) return {};
  return made;
}

/// What the journal is if it has been made already.
result<std::optional<engine::journal_identity>> journal_there(kafka_admin& admin, const kafka_connection& connection,
                                                              const std::string& name) {
  const auto topic = admin.topic(name, wait);
  if (!topic && topic.error().code == errc::not_found) return std::nullopt;
  if (!topic) return std::unexpected(topic.error());
  return find_journal(connection, name, *topic, wait);
}

}  // namespace

result<std::optional<events::digest>> find_cluster_key(const node_config& config, engine::log* log) {
  const auto connection = kafka_connection_of(config, log);
  if (!connection) return std::unexpected(connection.error());
  auto admin = kafka_admin::make(*connection);
  if (!admin) return std::unexpected(admin.error());
  const auto topics = kafka_topics_of(config);
  const auto journal = journal_there(**admin, *connection, topics.journal);
  if (!journal) return std::unexpected(journal.error());
  if (*journal) return (*journal)->master_key_fingerprint;
  const auto keys = find_keyring(**admin, *connection, topics.keys, wait);
  if (!keys) return std::unexpected(keys.error());
  return *keys ? std::optional((*keys)->master_key_fingerprint) : std::nullopt;
}

result<engine::data_key> cluster_master_key(const node_config& config, std::string_view given, engine::entropy& entropy,
                                            engine::log* log) {
  auto master = master_key_of(config, given, false, entropy);
  if (master || master.error().code != errc::not_found) return master;
  const auto there = find_cluster_key(config, log);
  if (!there) return std::unexpected(there.error());
  if (!*there) return master_key_of(config, {}, true, entropy);
  return fail(errc::conflict, master.error().text + ". The topics " + config.kafka_topic_prefix +
                                  "* belong to a cluster already, whose master key has the fingerprint " +
                                  events::to_hex(events::as_bytes(**there)) +
                                  ": bring that key, or choose another kafka.topic_prefix");
}

result<initialized_cluster> initialize_cluster(const node_config& config, const engine::data_key& master_key,
                                               const std::optional<engine::journal_identity>& wanted,
                                               engine::entropy& entropy, engine::log* log) {
  const auto connection = kafka_connection_of(config, log);
  if (!connection) return std::unexpected(connection.error());
  auto admin = kafka_admin::make(*connection);
  if (!admin) return std::unexpected(admin.error());
  initialized_cluster cluster;
  cluster.topics = kafka_topics_of(config);

  const auto there = journal_there(**admin, *connection, cluster.topics.journal);
  if (!there) return std::unexpected(there.error());
  if (*there && (*there)->master_key_fingerprint != fingerprint_of(master_key)) {
    return fail(errc::conflict, "the topic " + cluster.topics.journal +
                                    " holds a journal that was made with another master key: give that key, or choose "
                                    "another kafka.topic_prefix");
  }
  cluster.made = !*there;
  cluster.journal = *there   ? **there
                    : wanted ? *wanted
                             : engine::journal_identity{entropy.draw_id<events::journal_id>(),
                                                        cluster_shards_of(config), fingerprint_of(master_key)};
  const auto other = [&](const std::string& what) {
    return fail(errc::conflict, "the topic " + cluster.topics.journal + " holds a journal " + what +
                                    ": choose another kafka.topic_prefix");
  };
  if (wanted && wanted->id != cluster.journal.id) return other("that is not the one to be brought along");
  if (*there && config.journal_shards != 0 && config.journal_shards != cluster.journal.shards)
    return other("of " + std::to_string(cluster.journal.shards) + " shards already, which is fixed");

  const auto brokers = (*admin)->brokers(wait);
  if (!brokers) return std::unexpected(brokers.error());
  cluster.replicas = config.kafka_replicas != 0 ? static_cast<std::uint32_t>(config.kafka_replicas)
                                                : std::min(replicas_wanted, *brokers);
  if (auto made = make_public_topic(**admin, cluster.topics.events, feed_partitions, cluster.replicas); !made)
    return std::unexpected(made.error());
  if (auto made = make_public_topic(**admin, cluster.topics.usage, 1, cluster.replicas); !made)
    return std::unexpected(made.error());
  const keyring_header keys{events::to_hex(entropy.draw(16)), fingerprint_of(master_key)};
  const auto keyring = make_keys_topic(**admin, *connection, cluster.topics.keys, keys, cluster.replicas, wait);
  if (!keyring) return std::unexpected(keyring.error());
  if (keyring->master_key_fingerprint != keys.master_key_fingerprint) {
    return fail(errc::conflict, "the topic " + cluster.topics.keys +
                                    " holds a keyring of another master key: choose another kafka.topic_prefix");
  }
  const auto mark = find_migration_mark(*connection, cluster.topics.keys, wait);
  if (!mark) return std::unexpected(mark.error());
  if (*mark && !wanted) return std::unexpected(unfinished_migration(cluster.topics.keys, **mark));
  cluster.unfinished = mark->has_value();
  if (wanted && !*there && !cluster.unfinished) {
    if (auto set = set_migration_mark(*connection, cluster.topics.keys, wanted->id); !set)
      return std::unexpected(set.error());
    cluster.unfinished = true;
  }
  // Last: a node that finds the journal finds everything.
  if (auto made =
          make_journal_topic(**admin, *connection, cluster.topics.journal, cluster.journal, cluster.replicas, wait);
      !made)
    return std::unexpected(made.error());
  return cluster;
}

std::string describe_cluster(const initialized_cluster& cluster, const std::string& ca_file, bool json) {
  const auto journal = events::to_hex(cluster.journal.id.view());
  const auto& topics = cluster.topics;
  if (!json) {
    return std::string(cluster.made ? "made" : "everything was there already:") + " journal " + journal + " with " +
           std::to_string(cluster.journal.shards) + " shards in topic " + topics.journal + ", keys in " + topics.keys +
           ", feed in " + topics.events + " and " + topics.usage + ", " + std::to_string(cluster.replicas) +
           (cluster.replicas == 1 ? " replica" : " replicas") +
           " each.\nKeep the master key safe and apart from the brokers: without it nothing sealed can be opened.";
  }
  json_writer out;
  out.begin_object();
  out.boolean("made", cluster.made);
  out.string("journal", journal);
  out.number("shards", cluster.journal.shards);
  out.number("replicas", cluster.replicas);
  out.begin_object("topics");
  out.string("journal", topics.journal);
  out.string("keys", topics.keys);
  out.string("events", topics.events);
  out.string("usage", topics.usage);
  out.end_object();
  out.string("ca", ca_file);
  out.end_object();
  return out.take();
}

}  // namespace muster::connectors
