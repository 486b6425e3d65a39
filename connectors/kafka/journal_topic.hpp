#pragma once

#include "connectors/kafka/topic_check.hpp"
#include "engine/ports/journal.hpp"

#include <string>
#include <vector>

namespace muster::connectors {

/// The settings that `cluster init` gives a journal topic and that a node insists on: nothing is ever deleted or
/// compacted, and a frame fits.
kafka_settings journal_topic_settings();

/// Whether a topic with these `settings` can hold a journal. `invalid` names the setting, what it is, what it must be
/// and the command that mends it. `warnings` gets what is allowed but dangerous.
engine::result<void> check_journal_topic(const std::string& name, const kafka_topic& topic,
                                         const kafka_settings& settings, std::vector<std::string>& warnings);
inline constexpr topic_rules journal_topic_rules{check_journal_topic, "retention, compaction and sizes"};

/// What the first records of all partitions of the topic say the journal is. They must be there, and agree with each
/// other, with the number of partitions, and with what is `expected`.
struct expected_journal {
  std::optional<events::journal_id> id;
  std::optional<std::uint32_t> shards;
  std::optional<events::digest> master_key_fingerprint;
};
engine::result<engine::journal_identity> read_journal_identity(const kafka_connection& connection,
                                                               const std::string& name, const kafka_topic& topic,
                                                               const expected_journal& expected,
                                                               std::chrono::milliseconds wait);

/// What the journal in a topic is, as far as its headers were written; nothing if none was. `conflict`: the topic holds
/// something else.
engine::result<std::optional<engine::journal_identity>> find_journal(const kafka_connection& connection,
                                                                     const std::string& name, const kafka_topic& topic,
                                                                     std::chrono::milliseconds wait);

/// Makes the journal topic and writes its headers: once, by `cluster init`. Can be repeated: what is there already and
/// belongs to this journal stays. `conflict`: the topic is there and is something else.
engine::result<void> make_journal_topic(kafka_admin& admin, const kafka_connection& connection, const std::string& name,
                                        const engine::journal_identity& identity, std::uint32_t replicas,
                                        std::chrono::milliseconds wait);

}  // namespace muster::connectors
