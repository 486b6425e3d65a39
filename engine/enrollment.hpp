#pragma once

#include "engine/decision.hpp"
#include "engine/device.hpp"

/// Decisions about enrollments, individual and group: what operators' back ends ask.
namespace muster::engine {

/// What an enrollment's decision knows of the entry besides its state.
struct entry_context : decision_context {
  events::log_sequence entry_seen;      ///< as of which the entry's state is current
  const named_key* data_key = nullptr;  ///< the stored entry's data key, if there is an entry and its key is not lost
  const opened_keys* keys = nullptr;    ///< its open keys, likewise
};

/// I1: creates or replaces. Keys left out are generated, or kept where there are some; without the stored ones at hand
/// it is `unavailable`.
decision decide(const device_state& state, const put_enrollment& c, const entry_context& context);
/// I3. The registration record and the hub device stay.
decision decide(const device_state& state, const delete_enrollment& c, const entry_context& context);
/// R2. The hub device stays; the next registration is an initial assignment.
decision decide(const device_state& state, const delete_registration& c, const entry_context& context);

/// G1. `symmetric_key_groups_max` of the service bounds how many groups a device's signature may have to be tried
/// against.
decision decide(const group_state& state, const put_group& c, const entry_context& context);
/// G3. Registrations made through the group stay.
decision decide(const group_state& state, const delete_group& c, const entry_context& context);

}  // namespace muster::engine
