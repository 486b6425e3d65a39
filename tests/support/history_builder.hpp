#pragma once

#include "engine/error.hpp"
#include "engine/log_rule.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/shard_view.hpp"
#include "events/codec.hpp"

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// Histories for tests: real frames, chained and judged by the rule of the log, from a few words each.
///
///     history_builder history;
///     history.add(service_created_in(scope_a)).add(enrolled(scope_a, "dev-1")).commit();
///     history.add(registered(scope_a, "dev-1", {.hub = "hub1"}));
///     history.commit();
///     projection->apply(history.frames());
namespace muster::tests {

/// The name that `text` spells; a text that its rule refuses ends the test program.
template <class Name>
Name named(std::string_view text) {
  auto name = Name::parse(text);
  MUSTER_ASSERT(name.has_value());
  return std::move(*name);
}

inline const auto scope_a = named<events::id_scope>("0ne00000001");
inline const auto scope_b = named<events::id_scope>("0ne00000002");

/// A data key id that follows from `name`.
inline events::data_key_id data_key_named(std::string_view name) {
  events::data_key_id id;
  const auto digest = events::sha256("data key", name);
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

/// An event, and the stream it belongs to.
struct placed_event {
  events::stream_name stream;
  events::event data;
};

// Samples
// -------------------------------------------------------------------------------------------------------------- Boxes
// are as long as real ones, and open nothing.

inline events::sealed_text sealed(const events::data_key_id& key, std::size_t plaintext_size = 44) {
  return {key, std::string(12 + plaintext_size + 16, 'x')};
}

inline events::enrollment_terms terms(const events::data_key_id& key) {
  events::enrollment_terms made;
  made.attestation = {events::attestation_type::symmetric_key, key, {sealed(key), sealed(key)}};
  return made;
}

inline placed_event service_placed_on(events::shard_id shard, const events::id_scope& scope,
                                      std::string_view name = "demo") {
  events::service_placed e;
  e.name = named<events::service_name>(name);
  e.scope = scope;
  e.shard = shard;
  return {events::stream_name::directory(), std::move(e)};
}

inline placed_event service_created_in(const events::id_scope& scope, std::string_view name = "demo",
                                       std::initializer_list<std::string_view> hubs = {"hub1", "hub2"}) {
  events::service_created e;
  e.name = named<events::service_name>(name);
  e.scope = scope;
  e.data_key = data_key_named(scope.text());
  for (const auto hub : hubs) e.hubs.push_back({named<events::hub_name>(hub), 1, true});
  return {events::stream_name::service(scope), e};
}

inline events::data_key_id group_key(const events::id_scope& scope, std::string_view id) {
  return data_key_named(scope.text() + "/groups/" + std::string(id));
}
inline events::data_key_id enrollment_key(const events::id_scope& scope, std::string_view id) {
  return data_key_named(scope.text() + "/enrollments/" + std::string(id));
}
inline events::data_key_id registration_key(const events::id_scope& scope, std::string_view id) {
  return data_key_named(scope.text() + "/registrations/" + std::string(id));
}
inline events::data_key_id hub_device_key(const events::id_scope& scope, std::string_view hub, std::string_view id) {
  return data_key_named(scope.text() + "/hubs/" + std::string(hub) + "/" + std::string(id));
}

inline placed_event group_created(const events::id_scope& scope, std::string_view id) {
  const auto group = named<events::group_id>(id);
  return {events::stream_name::group(scope, group),
          events::enrollment_group_created{{group, terms(group_key(scope, id))}}};
}

inline placed_event group_deleted(const events::id_scope& scope, std::string_view id) {
  const auto group = named<events::group_id>(id);
  return {events::stream_name::group(scope, group), events::enrollment_group_deleted{group, group_key(scope, id)}};
}

inline placed_event enrolled(const events::id_scope& scope, std::string_view id) {
  const auto registration = named<events::registration_id>(id);
  events::individual_enrollment enrollment{registration, {}, {}, terms(enrollment_key(scope, id))};
  return {events::stream_name::device(scope, registration), events::enrollment_created{std::move(enrollment)}};
}

inline placed_event unenrolled(const events::id_scope& scope, std::string_view id) {
  const auto registration = named<events::registration_id>(id);
  return {events::stream_name::device(scope, registration),
          events::enrollment_deleted{registration, enrollment_key(scope, id)}};
}

/// How a registration went; `group` empty: through the individual enrollment.
struct way_in {
  std::string_view hub = "hub1";
  std::string_view group = {};
};

inline events::attempt_report attempt(const events::id_scope& scope, std::string_view id, std::string_view group) {
  events::attempt_report report;
  report.presented = named<events::registration_id>(id);
  report.protocol = "https";
  report.api_version = "2021-06-01";
  report.source_address = sealed(registration_key(scope, id), 12);
  report.enrollment.emplace();
  if (!group.empty()) report.enrollment->group = named<events::group_id>(group);
  report.enrollment->version = events::stream_version(1);
  report.slot = events::key_slot::primary;
  report.checks = {{"resource", true, scope.text() + "/registrations/" + std::string(id)},
                   {"signature", true, "primary"}};
  return report;
}

inline placed_event registered(const events::id_scope& scope, std::string_view id, way_in way = {}) {
  events::device_registered e;
  const auto hub = named<events::hub_name>(way.hub);
  e.operation_id = "4.0123456789abcdef.01234567-89ab-cdef-0123-456789abcdef";
  e.attempt = attempt(scope, id, way.group);
  e.allocation = {events::allocation_policy::hashed, {{hub, 1, true}}, hub};
  e.hub = hub;
  e.device = named<events::device_id>(id);
  e.data_key = registration_key(scope, id);
  return {events::stream_name::device(scope, e.attempt.presented), std::move(e)};
}

inline placed_event failed_to_register(const events::id_scope& scope, std::string_view id,
                                       std::string_view group = {}) {
  events::registration_failed e;
  e.operation_id = "4.0123456789abcdef.01234567-89ab-cdef-0123-456789abcdef";
  e.attempt = attempt(scope, id, group);
  e.error_code = 400208;
  e.error_message = "No hub is linked.";
  e.data_key = registration_key(scope, id);
  return {events::stream_name::device(scope, e.attempt.presented), std::move(e)};
}

/// Refused because its enrollment is disabled, which shows on the registration record.
inline placed_event refused_as_disabled(const events::id_scope& scope, std::string_view id,
                                        std::string_view group = {}) {
  const auto report = attempt(scope, id, group);
  return {
      events::stream_name::device(scope, report.presented),
      events::registration_refused{events::refusal_reason::enrollment_disabled, report, registration_key(scope, id)}};
}

/// Refused as a stranger.
inline placed_event refused_as_unknown(const events::id_scope& scope, std::string_view id) {
  return {events::stream_name::refusals(scope),
          events::registration_refused{events::refusal_reason::unknown_registration, attempt(scope, id, {})}};
}

inline placed_event registration_removed(const events::id_scope& scope, std::string_view id) {
  const auto registration = named<events::registration_id>(id);
  return {events::stream_name::device(scope, registration),
          events::registration_deleted{registration, registration_key(scope, id)}};
}

inline placed_event hub_device_made(const events::id_scope& scope, std::string_view id, way_in way = {}) {
  events::hub_device_created e;
  e.identity.id = named<events::device_id>(id);
  e.identity.hub = named<events::hub_name>(way.hub);
  e.identity.registration = named<events::registration_id>(id);
  if (!way.group.empty()) e.identity.source.group = named<events::group_id>(way.group);
  e.identity.data_key = hub_device_key(scope, way.hub, id);
  e.identity.keys = {sealed(e.identity.data_key), sealed(e.identity.data_key)};
  const auto stream = events::stream_name::hub_device(scope, e.identity.hub, e.identity.id);
  return {stream, std::move(e)};
}

inline placed_event hub_device_removed(const events::id_scope& scope, std::string_view id,
                                       std::string_view hub = "hub1") {
  const events::hub_device_deleted e{named<events::device_id>(id), named<events::hub_name>(hub),
                                     hub_device_key(scope, hub, id)};
  return {events::stream_name::hub_device(scope, e.hub, e.id), e};
}

// The builder
// ----------------------------------------------------------------------------------------------------------

/// Builds the log of one shard: a claim first, then what is added, with right versions, sequences, chain and positions.
class history_builder {
public:
  /// Begins at 2026-01-01T00:00:00Z.
  explicit history_builder(events::shard_id shard = {}) : shard_(shard), rule_(journal_, shard, {}) { claim(); }

  static constexpr events::timestamp start = std::chrono::sys_days(std::chrono::January / 1 / 2026);

  /// Adds an event to the frame at hand. `command_id` as the log has it: `ID` or `ID:HEX64`.
  history_builder& add(placed_event e, std::string command_id = {}) {
    events::recorded_event recorded;
    recorded.meta.stream = std::move(e.stream);
    auto& version = versions_[recorded.meta.stream.text()];
    version = version.next();
    recorded.meta.version = version;
    recorded.meta.sequence = events::log_sequence(rule_.position().sequence.value() + events_.size() + 1);
    recorded.meta.type = events::type_of(e.data);
    recorded.meta.by = "muster";
    recorded.meta.correlation_id = "01234567-89ab-cdef-0123-456789abcdef";
    recorded.meta.command_id = std::move(command_id);
    recorded.meta.operation = events::is_operation(e.data);
    recorded.data = std::move(e.data);
    events_.push_back(std::move(recorded));
    return *this;
  }

  /// Ends the frame at hand, which may be empty. Its time is now.
  history_builder& commit() {
    auto frame = next_frame(events::frame_kind::batch);
    frame.epoch = rule_.position().epoch;
    frame.incarnation = rule_.position().incarnation;
    for (auto& e : events_) {
      e.meta.time = now_;
      frame.records.push_back({e.meta, events::to_json(e.data), {}});
    }
    append(frame);
    return *this;
  }

  /// Another node takes the shard.
  history_builder& claim() {
    auto frame = next_frame(events::frame_kind::claim);
    frame.epoch = rule_.position().epoch.next();
    frame.incarnation.bytes.fill(static_cast<std::uint8_t>(frame.epoch.value()));
    frame.folded_sequence = rule_.position().sequence;
    frame.folded_head = rule_.position().head;
    append(frame);
    return *this;
  }

  /// Log time goes on.
  history_builder& advance(std::chrono::microseconds by) {
    now_ += by;
    return *this;
  }

  events::timestamp now() const { return now_; }
  const engine::log_position& position() const { return rule_.position(); }
  const events::journal_id& journal() const { return journal_; }

  /// All frames so far, as projections take them.
  const std::vector<engine::folded_frame>& frames() const { return frames_; }
  /// The same frames as a journal holds them.
  const std::vector<engine::log_record>& log() const { return log_; }
  /// Gives the frames away, for histories that would not fit into memory.
  std::vector<engine::folded_frame> take_frames() {
    log_.clear();
    return std::exchange(frames_, {});
  }

private:
  events::frame next_frame(events::frame_kind kind) const {
    events::frame frame;
    frame.kind = kind;
    frame.journal = journal_;
    frame.shard = shard_;
    frame.first_sequence = rule_.position().sequence.next();
    frame.prev_hash = rule_.position().head;
    frame.time = now_;
    frame.node = "test";
    return frame;
  }

  void append(events::frame& frame) {
    const auto offset = rule_.position().next_offset;
    log_.push_back({offset, events::encode_frame(frame)});
    const auto seen = rule_.judge(offset, log_.back().bytes);
    MUSTER_ASSERT(seen.what == engine::verdict::accepted);
    frames_.push_back({offset, frame.kind, now_, std::exchange(events_, {}), rule_.position()});
  }

  events::journal_id journal_{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  events::shard_id shard_;
  events::timestamp now_ = start;
  engine::log_rule rule_;
  std::map<std::string, events::stream_version> versions_;
  std::vector<events::recorded_event> events_;  ///< of the frame at hand
  std::vector<engine::folded_frame> frames_;
  std::vector<engine::log_record> log_;
};

}  // namespace muster::tests
