#pragma once

#include "engine/service.hpp"

namespace muster::engine {

/// Chooses the hub of a device by the enrollment's policy, or else the service's. Candidates are the hubs that the
/// enrollment names, or all linked ones; a hub that is not linked is none. `hashed`: weighted rendezvous hash of the
/// lower-cased registration id over the candidates with `applyAllocationPolicy`, so that a new hub of weight w moves
/// only its share. `static`: the one hub that the enrollment names, or the only one linked with
/// `applyAllocationPolicy`. `chosen` stays empty if no hub qualifies. Pure.
events::allocation_report allocate(const service_state& service, const events::enrollment_terms& terms,
                                   const events::registration_id& registration);

/// Why `allocate` chose none, for the device's record.
std::string why_no_hub(const events::allocation_report& report);

}  // namespace muster::engine
