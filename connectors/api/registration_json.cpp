#include "connectors/api/registration_json.hpp"

#include "engine/answer.hpp"
#include "events/describe.hpp"

namespace muster::connectors {

namespace {

// A device that was brought back to a hub it already had is told so on the service's side only (TESTED by the vendor's
// CLI).
events::registration_substatus told(events::registration_substatus substatus, record_reader reader) {
  const bool device = reader == record_reader::device;
  return device && substatus == events::registration_substatus::reprovisioned_to_initial_assignment
             ? events::registration_substatus::initial_assignment
             : substatus;
}

}  // namespace

void write_registration(json_writer& out, const engine::registration_record& record, record_reader reader) {
  const bool assigned = record.status == events::registration_status::assigned;
  const bool disabled_device =
      reader == record_reader::device && record.status == events::registration_status::disabled;
  out.begin_object();
  out.string("registrationId", record.id.text());
  out.string("createdDateTimeUtc", events::to_iso8601(record.created));
  if (record.hub && !disabled_device) out.string("assignedHub", record.hub->text());
  if (record.device && !disabled_device) out.string("deviceId", record.device->text());
  out.string("status", events::name_of(record.status));
  if (assigned) out.string("substatus", events::name_of(told(record.substatus, reader)));
  if (record.error_code != 0) out.number("errorCode", record.error_code);
  if (!record.error_message.empty())
    out.string("errorMessage", record.error_message);
  else if (disabled_device)
    out.string("errorMessage", "The enrollment of this device is disabled.");
  out.string("lastUpdatedDateTimeUtc", events::to_iso8601(record.updated));
  out.string("etag", engine::etag_of(record.version));
  if (record.group && reader == record_reader::registration_query)
    out.string("enrollmentGroupId", record.group->text());
  if (record.group && reader == record_reader::device) {
    out.begin_object("symmetricKey");
    out.string("enrollmentGroupId", record.group->text());
    out.end_object();
  }
  out.end_object();
}

std::string registration_state_of(const engine::device_state& device, const events::registration_id& id) {
  json_writer out;
  if (device.registration) {
    write_registration(out, *device.registration, record_reader::back_end);
  } else {
    out.begin_object();
    out.string("registrationId", id.text());
    out.string("status", "unassigned");
    out.end_object();
  }
  return out.take();
}

}  // namespace muster::connectors
