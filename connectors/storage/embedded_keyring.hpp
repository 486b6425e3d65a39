#pragma once

#include "engine/ports/entropy.hpp"
#include "engine/ports/keyring.hpp"

#include <filesystem>
#include <memory>

namespace muster::connectors {

struct embedded_keyring_options {
  std::filesystem::path directory;
  engine::data_key master_key;
  engine::entropy* entropy = nullptr;  ///< for nonces; must outlive the keyring
  bool create_if_missing = false;
};

/// Opens or makes the keyring in a directory of its own: RocksDB, a row for each wrapped key
/// (connectors/storage/key_wrap.hpp), every write synced. `destroy` returns when no file holds the wrapped keys any
/// more; it rewrites the whole keyring (about 100 bytes a key), so many at once cost no more than one. What a file
/// system or a disk keeps of deleted files is beyond it.
///
/// `denied`: the keyring was made with another master key. Otherwise the errors are those of `open_embedded_journal`.
engine::result<std::unique_ptr<engine::keyring>> open_embedded_keyring(const embedded_keyring_options& options);

}  // namespace muster::connectors
