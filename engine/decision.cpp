#include "engine/decision.hpp"

#include "engine/overload.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"

namespace muster::engine {

std::string etag_of(events::stream_version version) {
  char quoted[24];
  const int size =
      std::snprintf(quoted, sizeof quoted, "\"%016llx\"", static_cast<unsigned long long>(version.value()));
  return events::to_base64({quoted, static_cast<std::size_t>(size)});
}

const events::id_scope* scope_of(const command& c) {
  return std::visit(overload{[](const create_service&) -> const events::id_scope* { return nullptr; },
                             [](const auto& each) -> const events::id_scope* { return &each.scope; }},
                    c);
}

const evidence* evidence_of(const command& c) {
  return std::visit(overload{[](const register_device& each) { return &each.evidence; },
                             [](const poll_operation& each) { return &each.evidence; },
                             [](const look_up_registration& each) { return &each.evidence; },
                             [](const auto&) -> const evidence* { return nullptr; }},
                    c);
}

const events::registration_id* device_of(const command& c) {
  using id = const events::registration_id*;
  return std::visit(overload{[](const register_device& each) -> id { return &each.evidence.presented; },
                             [](const poll_operation& each) -> id { return &each.evidence.presented; },
                             [](const look_up_registration& each) -> id { return &each.evidence.presented; },
                             [](const put_enrollment& each) -> id { return &each.enrollment.id; },
                             [](const delete_enrollment& each) -> id { return &each.id; },
                             [](const delete_registration& each) -> id { return &each.id; },
                             [](const auto&) -> id { return nullptr; }},
                    c);
}

std::string command_id_text(const caller& who) {
  if (who.command_id.empty()) return {};
  return who.command_id + ":" + events::to_hex(events::as_bytes(who.request));
}

std::string command_key(const events::id_scope& scope, std::string_view command_id) {
  return scope.text() + "/commands/" + std::string(command_id);
}

proposal to_proposal(const decision& d, const caller& who, const events::id_scope* scope,
                     events::log_sequence command_seen, events::timestamp deadline) {
  proposal p;
  p.reads = d.reads;
  p.keys = d.keys;
  p.deadline = deadline;
  const bool has_command_id = !who.command_id.empty() && scope != nullptr;
  const auto key = has_command_id ? key_hash(command_key(*scope, who.command_id)) : 0;
  if (has_command_id) p.reads.push_back({key, command_seen});
  p.events.reserve(d.events.size());
  for (const auto& each : d.events) {
    auto& record = p.events.emplace_back();
    record.meta.stream = each.stream;
    record.meta.version = each.version;
    record.meta.type = events::type_of(each.data);
    record.meta.by = who.by;
    record.meta.correlation_id = who.correlation_id;
    record.meta.operation = events::is_operation(each.data);
    record.data = events::to_json(each.data);
    for (const auto& name : each.index_keys) record.index_keys.push_back(key_hash(name));
    if (has_command_id) {
      record.meta.command_id = command_id_text(who);
      record.index_keys.push_back(key);
    }
  }
  return p;
}

rejection not_recorded(const settlement& what) {
  const std::chrono::seconds retry_after(1);
  switch (what.kind) {
  case settlement_kind::conflict:
    return {rejection_code::unavailable, "The request met too many concurrent changes.", retry_after};
  case settlement_kind::overloaded:
    return {rejection_code::too_many_requests, "The service has too many requests waiting.", retry_after};
  case settlement_kind::too_large:
    return {rejection_code::invalid, "The request is too large to be recorded as one event.", {}};
  case settlement_kind::committed:
  case settlement_kind::unavailable:
    break;
  }
  MUSTER_ASSERT(what.kind == settlement_kind::unavailable);
  if (!what.in_doubt)
    return {rejection_code::unavailable, "The request could not be recorded; nothing has changed.", retry_after};
  return {
      rejection_code::unavailable,
      "The service stopped while the request was being recorded: it may have taken effect. Look before trying again.",
      retry_after};
}

std::size_t bytes_of(const proposal& p) {
  std::size_t bytes = 0;
  for (const auto& record : p.events) bytes += events::encoded_size_max(record);
  return bytes;
}

std::optional<rejection> check_precondition(const precondition& condition, events::stream_version version,
                                            rejection exists) {
  const bool there = version != events::stream_version();
  switch (condition.what) {
  case precondition::kind::none:
    if (there) return exists;
    return std::nullopt;
  case precondition::kind::any:
    if (there) return std::nullopt;
    return rejection{rejection_code::precondition_failed, "If-Match is '*', but there is no such entry.", {}};
  case precondition::kind::etag:
    if (there && condition.etag == etag_of(version)) return std::nullopt;
    return rejection{rejection_code::precondition_failed,
                     there ? "Precondition failed. The entry has changed: its etag is '" + etag_of(version) +
                                 "' now, not '" + condition.etag.substr(0, 100) + "'."
                           : "Precondition failed. There is no such entry.",
                     {}};
  }
  return std::nullopt;
}

}  // namespace muster::engine
