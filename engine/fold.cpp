#include "engine/fold.hpp"

#include "engine/overload.hpp"
#include "events/codec.hpp"

namespace muster::engine {

bool belongs_on(const events::event& e, const events::stream_name& stream) {
  const auto subject = stream.subject();
  const auto on = [&](std::string_view kind) { return subject.starts_with(kind); };
  return std::visit(
      overload{[&](const events::service_placed&) { return subject == "directory"; },
               [&](const events::placement_confirmed&) { return subject == "directory"; },
               [&](const events::placement_withdrawn&) { return subject == "directory"; },
               [&](const events::service_created&) { return subject == "service"; },
               [&](const events::service_settings_changed&) { return subject == "service"; },
               [&](const events::hub_linked&) { return subject == "service"; },
               [&](const events::hub_unlinked&) { return subject == "service"; },
               [&](const events::webhook_set&) { return subject == "service"; },
               [&](const events::webhook_resumed&) { return subject == "service"; },
               [&](const events::webhook_removed&) { return subject == "service"; },
               [&](const events::enrollment_group_created&) { return on("groups/"); },
               [&](const events::enrollment_group_updated&) { return on("groups/"); },
               [&](const events::enrollment_group_deleted&) { return on("groups/"); },
               [&](const events::registration_refused&) { return on("devices/") || subject == "refusals"; },
               [&](const events::attempts_suppressed&) { return subject == "refusals"; },
               [&](const events::hub_device_created&) { return on("hubs/"); },
               [&](const events::hub_device_updated&) { return on("hubs/"); },
               [&](const events::hub_device_deleted&) { return on("hubs/"); },
               [&](const auto&) { return on("devices/"); }},
      e);
}

const events::data_key_id* key_to_destroy(const events::event& e) {
  return std::visit(overload{[](const events::enrollment_deleted& d) { return &d.data_key; },
                             [](const events::enrollment_group_deleted& d) { return &d.data_key; },
                             [](const events::registration_deleted& d) { return &d.data_key; },
                             [](const events::hub_device_deleted& d) { return &d.data_key; },
                             [](const events::hub_device_updated& u) { return &u.former_data_key; },
                             [](const auto&) -> const events::data_key_id* { return nullptr; }},
                    e);
}

namespace {

// Reads `data` into `e`, whose envelope is there.
result<void> read_event(std::string_view data, events::recorded_event& e) {
  const auto where = [&] {
    return "event " + std::to_string(e.meta.sequence.value()) + " of stream " + e.meta.stream.text();
  };
  if (const auto bad = events::read_json(e.meta.type, data, e.data))
    return fail(errc::corrupt, where() + " cannot be read: " + bad->text);
  if (!belongs_on(e.data, e.meta.stream))
    return fail(errc::corrupt, where() + " has type " + e.meta.type + ", which does not belong there");
  return {};
}

}  // namespace

result<folded_frame> read_events(shard::accepted_frame frame) {
  folded_frame folded{frame.offset, frame.kind, frame.time, {}, std::move(frame.after)};
  folded.events.reserve(frame.records.size());
  for (auto& record : frame.records) {
    auto& e = folded.events.emplace_back();
    e.meta = std::move(record.meta);
    if (auto read = read_event(record.data, e); !read) return std::unexpected(read.error());
  }
  return folded;
}

result<folded_frame> read_events(const events::frame_header& header, events::log_offset offset, log_position after) {
  folded_frame folded{offset, header.kind, header.time, {}, std::move(after)};
  events::record_reader records(header);
  folded.events.reserve(records.count_max());
  while (records.next()) {
    auto& e = folded.events.emplace_back();
    e.meta = std::move(records.meta());
    if (auto read = read_event(records.data(), e); !read) return std::unexpected(read.error());
  }
  if (records.error()) return fail(errc::corrupt, records.error()->text);
  return folded;
}

}  // namespace muster::engine
