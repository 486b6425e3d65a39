#include "connectors/storage/memory_keyring.hpp"

#include "connectors/storage/master_key.hpp"

#include <vector>

namespace muster::connectors {

memory_keyring::memory_keyring(const engine::data_key& master) : fingerprint_(fingerprint_of(master)) {}

engine::result<void> memory_keyring::store(std::span<const engine::named_key> keys) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, key] : keys) {
    const auto there = keys_.find(id);
    if (there != keys_.end() && there->second.bytes() != key.bytes()) {
      return engine::fail(engine::errc::conflict,
                          "data key " + events::to_hex(id.view()) + " is there already, and another");
    }
  }
  for (const auto& [id, key] : keys) keys_.emplace(id, key);
  return {};
}

engine::result<engine::data_key> memory_keyring::find(const events::data_key_id& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = keys_.find(id);
  if (found == keys_.end())
    return engine::fail(engine::errc::not_found, "there is no data key " + events::to_hex(id.view()));
  return found->second;
}

engine::result<void> memory_keyring::each(const std::function<engine::result<void>(const engine::named_key&)>& take) {
  std::vector<engine::named_key> all;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, key] : keys_) all.push_back({id, key});
  }
  for (const auto& key : all) {
    if (auto taken = take(key); !taken) return taken;
  }
  return {};
}

engine::result<void> memory_keyring::destroy(std::span<const events::data_key_id> ids) {
  const std::scoped_lock lock(mutex_);
  for (const auto& id : ids) keys_.erase(id);
  return {};
}

std::size_t memory_keyring::size() const {
  const std::scoped_lock lock(mutex_);
  return keys_.size();
}

}  // namespace muster::connectors
