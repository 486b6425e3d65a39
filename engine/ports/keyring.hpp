#pragma once

#include "engine/error.hpp"
#include "events/bytes.hpp"
#include "events/ids.hpp"

#include <array>
#include <functional>
#include <span>

namespace muster::engine {

/// A 256-bit key for AES-256-GCM, wiped when it goes.
class data_key {
public:
  data_key() = default;
  /// `bytes` has 32 bytes.
  explicit data_key(std::string_view bytes);
  data_key(const data_key&) = default;
  data_key& operator=(const data_key&) = default;
  ~data_key();

  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

private:
  std::array<std::uint8_t, 32> bytes_{};
};

/// A data key and its name.
struct named_key {
  events::data_key_id id;
  data_key key;
};

/// Keeps data keys outside the log, wrapped by a master key, so that what they seal can be forgotten without touching
/// history.
class keyring {
public:
  virtual ~keyring() = default;

  /// SHA-256 of a text made from the master key; a journal remembers it (`journal_identity`).
  virtual const events::digest& master_key_fingerprint() const = 0;

  /// Keeps `keys` for good before it returns: they are durable before any frame that uses them is sent. Storing the
  /// same key again changes nothing. Only from the journal thread.
  virtual result<void> store(std::span<const named_key> keys) = 0;

  /// The key, or `not_found` if it was destroyed or never stored; `corrupt` if it cannot be unwrapped. Any thread.
  virtual result<data_key> find(const events::data_key_id& id) = 0;

  /// Gives every key to `take`, in no order, until one call fails; that error is then the answer. Keys that are stored
  /// or destroyed meanwhile may or may not be among them. `corrupt` if one cannot be unwrapped. Any thread; reads all.
  virtual result<void> each(const std::function<result<void>(const named_key&)>& take) = 0;

  /// Forgets `ids` for good: afterwards no file of the keyring yields them. Destroying what is gone changes nothing.
  /// May take long. From one thread at a time, while another may store.
  virtual result<void> destroy(std::span<const events::data_key_id> ids) = 0;
};

}  // namespace muster::engine
