#pragma once

#include "engine/error.hpp"
#include "events/ids.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::connectors {

/// A node's copy of the topic of wrapped data keys: RocksDB in a directory of its own, with how far the topic has been
/// followed. It can be thrown away at any time. Thread-safe.
class key_cache {
public:
  /// One record of the topic; no value: the key is destroyed.
  struct change {
    std::string id;
    std::optional<std::string> wrapped;
  };
  /// How far the topic was followed, and when (seconds since the Unix epoch).
  struct place {
    std::int64_t next_offset = 0;
    std::int64_t followed_at = 0;
  };

  /// Opens the copy of the keyring `keyring` in `directory`. What is there is thrown away if it is a copy of another
  /// keyring, has another format than this program's, or is damaged. `unavailable` if another process has it.
  static engine::result<std::unique_ptr<key_cache>> open(const std::filesystem::path& directory,
                                                         const std::string& keyring);
  virtual ~key_cache() = default;

  virtual engine::result<place> position() const = 0;
  /// Takes changes over, with the position behind them. Unsynced: after a crash the topic is followed again from there.
  virtual engine::result<void> apply(const std::vector<change>& changes, const place& behind) = 0;
  /// Keeps keys that were just written to the topic, before they come back from it.
  virtual engine::result<void> keep(const std::vector<change>& stored) = 0;
  /// `not_found` if the key is not there.
  virtual engine::result<std::string> find(std::string_view id) const = 0;
  virtual engine::result<void>
  each(const std::function<engine::result<void>(std::string_view id, std::string_view wrapped)>& take) const = 0;
  /// Removes what was deleted from every file. Reads and writes everything; from one thread at a time.
  virtual engine::result<void> erase_deleted() = 0;
  /// Forgets everything.
  virtual engine::result<void> clear() = 0;
};

}  // namespace muster::connectors
