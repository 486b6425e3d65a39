#pragma once

#include "connectors/kafka/kafka_client.hpp"
#include "events/ids.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What keeps everybody from a journal on Kafka as long as a migration has not brought its whole history there: a
/// record on the topic of data keys (connectors/kafka/keys_topic.hpp), which every reader of the journal reads to its
/// end first, on whatever machine. It is there before the journal's topic is, and a tombstone takes it away once both
/// ends were read and compared. **This is the storage format:**
///
///     key `moving`, value {"muster":"moving","format":1,"journal":"HEX"}
namespace muster::connectors {

inline constexpr std::string_view migration_mark_key = "moving";

/// The record's value: of the journal with this ID, which source and target have in common.
std::string encode_migration_mark(const events::journal_id& journal);

/// `conflict`, for whoever wants to use the journal beside the keys in topic `keys_topic`, where the value `mark` was
/// found: what it is, and how it is finished.
engine::error unfinished_migration(const std::string& keys_topic, std::string_view mark);

/// Writes the mark; on all in-sync replicas when it returns. `unavailable`: perhaps it is not there.
engine::result<void> set_migration_mark(const kafka_connection& connection, const std::string& keys_topic,
                                        const events::journal_id& journal);

/// Takes it away. `unavailable`: perhaps it is still there.
engine::result<void> remove_migration_mark(const kafka_connection& connection, const std::string& keys_topic);

/// The mark's value, if it is there. Reads the whole topic; `unavailable` if nothing comes for `wait`.
engine::result<std::optional<std::string>>
find_migration_mark(const kafka_connection& connection, const std::string& keys_topic, std::chrono::milliseconds wait);

}  // namespace muster::connectors
