#pragma once

#include "engine/ports/journal.hpp"

namespace muster::connectors {

/// The first record of every partition of a journal topic. It says what the journal is, before there is any frame, and
/// is no frame itself: the frame at log offset n is the record at Kafka's offset n + 1. **This is the storage format**:
///
///     {"muster":"journal","format":1,"journal":"HEX","shard":0,"shards":64,"masterKeyFingerprint":"HEX"}
struct journal_header {
  engine::journal_identity journal;
  events::shard_id shard;
};

std::string encode_journal_header(const journal_header& header);

/// `invalid`: the record is no journal header, or of a format that this version does not know.
engine::result<journal_header> read_journal_header(std::string_view record);

}  // namespace muster::connectors
