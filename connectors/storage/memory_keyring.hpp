#pragma once

#include "engine/ports/keyring.hpp"

#include <map>
#include <mutex>

namespace muster::connectors {

/// A keyring that lives as long as the object. For tests and the simulator. Any thread.
class memory_keyring final : public engine::keyring {
public:
  explicit memory_keyring(const engine::data_key& master);

  const events::digest& master_key_fingerprint() const override { return fingerprint_; }
  engine::result<void> store(std::span<const engine::named_key> keys) override;
  engine::result<engine::data_key> find(const events::data_key_id& id) override;
  engine::result<void> each(const std::function<engine::result<void>(const engine::named_key&)>& take) override;
  engine::result<void> destroy(std::span<const events::data_key_id> ids) override;

  /// How many keys there are.
  std::size_t size() const;

private:
  const events::digest fingerprint_;
  mutable std::mutex mutex_;
  std::map<events::data_key_id, engine::data_key> keys_;
};

}  // namespace muster::connectors
