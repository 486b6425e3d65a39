#pragma once

#include "connectors/json/json_writer.hpp"
#include "engine/device.hpp"

#include <cstdint>
#include <string>

/// Registration records as DPS shows them: DeviceRegistrationState of the service API, DeviceRegistrationResult of the
/// device API.
namespace muster::connectors {

/// Who reads the record.
enum class record_reader : std::uint8_t {
  device,    ///< with the group that let it in; told `initialAssignment` where it came back to its hub, as DPS does
  back_end,  ///< DeviceRegistrationState as DPS gives it
  registration_query,  ///< the same with the enrollment group's id, which DPS leaves out
};

/// Writes a record as one JSON object.
void write_registration(json_writer& out, const engine::registration_record& record, record_reader reader);

/// The DeviceRegistrationState of an id: of its record, or `unassigned` if it never registered.
std::string registration_state_of(const engine::device_state& device, const events::registration_id& id);

}  // namespace muster::connectors
