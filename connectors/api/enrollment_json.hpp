#pragma once

#include "connectors/json/json_body.hpp"
#include "connectors/json/json_writer.hpp"
#include "engine/command.hpp"
#include "engine/device.hpp"
#include "engine/sealing.hpp"
#include "engine/service.hpp"

#include <expected>
#include <optional>
#include <string>

/// Enrollments between DPS's JSON (api-version 2021-10-01) and our values. The one shape serves every api-version.
namespace muster::connectors {

/// A PUT body of I1, read.
struct enrollment_body {
  events::individual_enrollment enrollment;
  engine::requested_keys keys;
};

/// A PUT body of G1, read.
struct group_body {
  events::enrollment_group group;
  engine::requested_keys keys;
};

/// Reads an IndividualEnrollment. `id` is the path's: the body's, if present, must be the same without letter case, and
/// its spelling is taken. Read-only members (etag, dates, registrationState) and unknown ones are passed over. The
/// error names the member and what would be right.
std::expected<enrollment_body, std::string> read_enrollment(const json_value& body, const events::registration_id& id);

/// Reads an EnrollmentGroup, likewise.
std::expected<group_body, std::string> read_group(const json_value& body, const events::group_id& id);

/// Which keys an enrollment shows: DPS gives them back in PUT responses and nowhere else.
using shown_keys = std::optional<engine::opened_keys>;

/// Writes an IndividualEnrollment. `registration_state`, if given, is its DeviceRegistrationState as JSON: only GET of
/// a single enrollment has one.
void write_enrollment(json_writer& out, const engine::enrollment_record& record, const shown_keys& keys,
                      const std::optional<std::string>& registration_state = std::nullopt);

/// Writes an EnrollmentGroup. `state` must have a group.
void write_group(json_writer& out, const engine::group_state& state, const shown_keys& keys);

}  // namespace muster::connectors
