#pragma once

#include "engine/ports/entropy.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/log.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace muster::connectors {

struct embedded_journal_options {
  std::filesystem::path directory;
  /// At creation: how many there will be for ever, 16 unless said. Afterwards: refused if it is not so; nothing takes
  /// what is there.
  std::optional<std::uint32_t> shards;
  /// Of the keyring in use. Needed at creation; afterwards: refused if the journal was made with another; nothing is
  /// not checked.
  std::optional<events::digest> master_key_fingerprint;
  bool create_if_missing = false;
  engine::entropy* entropy = nullptr;      ///< for the journal's ID; needed to create one, and only then
  engine::log* log = nullptr;              ///< told of tables that cannot be merged; may be absent
  std::size_t recent_bytes_max = 1 << 20;  ///< a shard's newest frames that are kept in memory, about
  /// With less free space than this, `append` refuses: a full disk then costs answers, not the node.
  std::uint64_t free_bytes_min = 64 << 20;
  /// Told why, when a synced write has failed and nobody knows what is on the disk. The default says it on stderr and
  /// ends the process with status 70, as PostgreSQL does since 2018: Linux forgets what it could not write, and a
  /// second sync would lie.
  std::function<void(std::string)> fatal;
};

/// Opens or makes the journal in a directory of its own: RocksDB, a row for each frame, one synced write for each
/// `append`. It is exclusive: as long as the object lives, no other process can open the directory.
///
/// `invalid`: the directory is something else, or the journal is not the one that the options describe. `unavailable`:
/// another process has it. `corrupt`: it is damaged. `not_found`: it is not there and was not to be made. Each text
/// says what was expected, what was found and what to do.
engine::result<std::unique_ptr<engine::journal>> open_embedded_journal(embedded_journal_options options);

}  // namespace muster::connectors
