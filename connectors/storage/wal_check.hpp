#pragma once

#include "engine/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace muster::connectors {

/// Where the damage in a write-ahead log of RocksDB lies that is not a torn end: a whole record that follows it was
/// written and synced, so what is damaged was synced as well. Empty if there is none.
///
/// RocksDB itself tells the two apart only in part: in the last 32 KiB of a log it takes a damaged length for a torn
/// end and drops what follows, even with `kTolerateCorruptedTailRecords`.
std::string damage_within_wal(std::string_view log);

/// Looks at each write-ahead log in `directory`, which no process may have open. `corrupt` names file and place.
engine::result<void> check_wals(const std::filesystem::path& directory);

}  // namespace muster::connectors
