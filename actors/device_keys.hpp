#pragma once

#include "engine/command.hpp"
#include "engine/decision.hpp"
#include "engine/device.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/sealing.hpp"

#include <optional>

namespace muster::actors {

/// What an enrollment's credentials are sealed with, and the credentials, while a command needs them.
struct enrollment_secrets {
  std::optional<engine::named_key> data_key;
  std::optional<engine::opened_keys> keys;
};

/// Opens the keys that `c` needs and that are not open yet: those of the enrollment of the device whose `stream` this
/// is, and the one that its registration record is sealed with. A deletion needs none: what lost its keys can still be
/// deleted. Without its enrollment's keys a good credential cannot be told from a bad one, which is an error; without
/// its record's, which only seals, the record gets a new one. Other errors: the keyring does not give what it has.
engine::result<void> open_keys(const engine::command& c, const engine::device_state& state,
                               const events::stream_name& stream, engine::keyring& keyring,
                               enrollment_secrets& enrollment, std::optional<engine::named_key>& record);

/// The key that the record of `state` is sealed with after `d` was committed, if it is among what is at hand.
std::optional<engine::named_key> record_key_after(const engine::decision& d, const engine::device_state& state,
                                                  std::optional<engine::named_key> before);

}  // namespace muster::actors
