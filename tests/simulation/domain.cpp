#include "tests/simulation/domain.hpp"

#include "engine/key_hash.hpp"
#include "engine/proposal.hpp"

#include <charconv>

namespace muster::simulation {

namespace {

const events::id_scope& scope() {
  static const auto value = *events::id_scope::parse("0ne00000001");
  return value;
}

template <std::size_t N>
std::array<events::stream_name, N> streams(std::string_view kind) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<events::stream_name, N>{
        *events::stream_name::parse(scope().text() + "/" + std::string(kind) + std::to_string(I))...};
  }(std::make_index_sequence<N>());
}

const events::stream_name& device_stream(int device) {
  static const auto all = streams<devices>("devices/d");
  return all[static_cast<std::size_t>(device)];
}

const events::stream_name& group_stream(int group) {
  static const auto all = streams<groups>("groups/g");
  return all[static_cast<std::size_t>(group)];
}

const events::stream_name& refusals() {
  static const auto value = events::stream_name::refusals(scope());
  return value;
}

auto& at(auto& array, int index) {
  return array[static_cast<std::size_t>(index)];
}

}  // namespace

std::uint64_t device_key(int device) {
  return engine::key_hash(device_stream(device).text());
}
std::uint64_t group_key(int group) {
  return engine::key_hash(group_stream(group).text());
}
std::uint64_t hub_key(int hub_id) {
  return engine::key_hash("hub:" + std::to_string(hub_id));
}
std::uint64_t command_key(int command) {
  return engine::key_hash("command:" + std::to_string(command));
}

events::event_record to_record(const effect& e) {
  events::event_record record;
  record.index_keys.push_back(command_key(e.command));
  switch (e.kind) {
  case effect_kind::registered:
  case effect_kind::released:
    record.meta.stream = device_stream(e.device);
    record.index_keys.push_back(hub_key(e.hub_id));
    break;
  case effect_kind::refused:
    record.meta.stream = refusals();
    break;
  case effect_kind::group_set:
    record.meta.stream = group_stream(e.group);
    break;
  }
  record.meta.type = "toy";
  for (const int each :
       {static_cast<int>(e.kind), e.attempt, e.command, e.device, e.group, e.hub_id, e.enabled ? 1 : 0}) {
    record.data += std::to_string(each);
    record.data += ' ';
  }
  return record;
}

effect to_effect(const events::event_record& record) {
  std::array<int, 7> numbers{};
  const char* from = record.data.data();
  const char* const end = from + record.data.size();
  for (int& each : numbers) {
    from = std::from_chars(from, end, each).ptr;
    if (from != end) ++from;
  }
  return {static_cast<effect_kind>(numbers[0]),
          numbers[1],
          numbers[2],
          numbers[3],
          numbers[4],
          numbers[5],
          numbers[6] != 0};
}

std::string to_text(const effect& e) {
  const auto who = " (command " + std::to_string(e.command) + ", attempt " + std::to_string(e.attempt) + ")";
  const auto device = "device " + std::to_string(e.device);
  switch (e.kind) {
  case effect_kind::registered:
    return device + " registered as hub id " + std::to_string(e.hub_id) + " through group " + std::to_string(e.group) +
           who;
  case effect_kind::refused:
    return device + " refused" + who;
  case effect_kind::released:
    return device + " released hub id " + std::to_string(e.hub_id) + who;
  case effect_kind::group_set:
    return "group " + std::to_string(e.group) + (e.enabled ? " enabled" : " disabled") + who;
  }
  return {};
}

void evolve(device_row& row, const effect& e) {
  if (e.kind != effect_kind::registered && e.kind != effect_kind::released) return;
  ++row.version;
  if (e.kind == effect_kind::registered)
    row.hub_id = e.hub_id;
  else
    row.hub_id.reset();
}

void evolve(rows& table, const effect& e, std::uint64_t sequence) {
  evolve(at(table.device, e.device), e);
  if (e.kind == effect_kind::registered) at(table.owner, e.hub_id) = e.device;
  if (e.kind == effect_kind::released) at(table.owner, e.hub_id).reset();
  if (e.kind == effect_kind::group_set) at(table.enabled, e.group) = e.enabled;
  table.done[e.command] = {sequence, e};
}

std::optional<int> group_for(int device, const std::array<bool, groups>& enabled) {
  const int preferred = device % groups;
  if (at(enabled, preferred)) return preferred;
  const int other = (preferred + 1) % groups;
  if (at(enabled, other)) return other;
  return std::nullopt;
}

std::optional<std::string> objection(const rows& table, const effect& e) {
  if (table.done.contains(e.command)) return "the command has had its effect already";
  const auto& device = at(table.device, e.device);
  switch (e.kind) {
  case effect_kind::registered:
    if (device.hub_id) return "the device is assigned already";
    if (at(table.owner, e.hub_id)) return "the hub id has an owner already";
    if (!at(table.enabled, e.group)) return "the group is disabled";
    if (group_for(e.device, table.enabled) != e.group) return "another group comes first";
    break;
  case effect_kind::refused:
    if (device.hub_id) return "the device is assigned already";
    if (group_for(e.device, table.enabled)) return "a group is enabled";
    break;
  case effect_kind::released:
    if (device.hub_id != e.hub_id) return "the device does not have this hub id";
    break;
  case effect_kind::group_set:
    if (at(table.enabled, e.group) == e.enabled) return "the group is so already";
    break;
  }
  return std::nullopt;
}

std::string to_text(const command& c) {
  const auto id = "command " + std::to_string(c.id) + ": ";
  switch (c.kind) {
  case command_kind::register_device:
    return id + "register device " + std::to_string(c.device) + " as hub id " + std::to_string(c.hub_id);
  case command_kind::release_device:
    return id + "release device " + std::to_string(c.device);
  case command_kind::set_group:
    return id + (c.enabled ? "enable group " : "disable group ") + std::to_string(c.group);
  case command_kind::read_device:
    return id + "read device " + std::to_string(c.device);
  case command_kind::read_exactly:
    return id + "read exactly device " + std::to_string(c.device);
  }
  return {};
}

std::string to_text(const answer& a) {
  const auto as_of = ", as of sequence " + std::to_string(a.as_of);
  switch (a.kind) {
  case answer_kind::done:
    return "done at sequence " + std::to_string(a.sequence);
  case answer_kind::recorded:
    return "done before, at sequence " + std::to_string(a.sequence) + as_of;
  case answer_kind::assigned:
    return "assigned already to hub id " + std::to_string(a.device.hub_id.value_or(-1)) + as_of;
  case answer_kind::taken:
    return "hub id taken" + as_of;
  case answer_kind::unchanged:
    return "group unchanged" + as_of;
  case answer_kind::not_registered:
    return "not registered" + as_of;
  case answer_kind::read:
    return "version " + std::to_string(a.device.version) + as_of;
  case answer_kind::unavailable:
    return "unavailable";
  }
  return {};
}

std::optional<std::string> objection(const rows& table, const command& c, const answer& a) {
  const auto& device = at(table.device, c.device);
  const auto owner = at(table.owner, c.hub_id);
  const auto done = table.done.find(c.id);
  bool right = true;
  switch (a.kind) {
  case answer_kind::done:
  case answer_kind::unavailable:
    break;
  case answer_kind::recorded:
    right = done != table.done.end() && done->second.sequence == a.sequence;
    break;
  case answer_kind::assigned:
    right = device.hub_id && device == a.device;
    break;
  case answer_kind::taken:
    right = !device.hub_id && owner && owner != c.device;
    break;
  case answer_kind::unchanged:
    right = at(table.enabled, c.group) == c.enabled;
    break;
  case answer_kind::not_registered:
    right = !device.hub_id;
    break;
  case answer_kind::read:
    right = device == a.device;
    break;
  }
  if (a.kind != answer_kind::recorded && a.kind != answer_kind::read && done != table.done.end()) right = false;
  if (right) return std::nullopt;
  return "it was not so there";
}

}  // namespace muster::simulation
