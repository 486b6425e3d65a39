#pragma once

#include "events/frame.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

/// The toy domain: devices are registered under unique hub ids through one of two groups, which are enabled and
/// disabled.
namespace muster::simulation {

inline constexpr int devices = 5;
inline constexpr int hub_ids = 4;
inline constexpr int groups = 2;

enum class effect_kind { registered, refused, released, group_set };

/// What an event says.
struct effect {
  effect_kind kind = effect_kind::registered;
  int attempt = 0;  ///< which proposal it came in; a name for the checks only
  int command = 0;
  int device = 0;
  int group = 0;
  int hub_id = 0;
  bool enabled = false;
  friend bool operator==(const effect&, const effect&) = default;
};

/// The event on the log that says `e`, with its stream and index keys.
events::event_record to_record(const effect& e);
effect to_effect(const events::event_record& record);
std::string to_text(const effect& e);

std::uint64_t device_key(int device);
std::uint64_t group_key(int group);
std::uint64_t hub_key(int hub_id);
std::uint64_t command_key(int command);

/// What stands on the log about a command.
struct done_command {
  std::uint64_t sequence = 0;
  effect what;
  friend bool operator==(const done_command&, const done_command&) = default;
};

struct device_row {
  std::optional<int> hub_id;
  std::uint64_t version = 0;
  friend bool operator==(const device_row&, const device_row&) = default;
};

/// What is folded from the events: a node's projections.
struct rows {
  std::array<device_row, devices> device;
  std::array<std::optional<int>, hub_ids> owner;
  std::array<bool, groups> enabled{true, true};
  std::map<int, done_command> done;
  friend bool operator==(const rows&, const rows&) = default;
};

void evolve(device_row& row, const effect& e);
void evolve(rows& table, const effect& e, std::uint64_t sequence);

/// Through which group a device registers while `enabled` holds; nothing if through none.
std::optional<int> group_for(int device, const std::array<bool, groups>& enabled);

/// Why `e` must not stand on the log right after what `table` was folded from; nothing if it may.
std::optional<std::string> objection(const rows& table, const effect& e);

enum class command_kind { register_device, release_device, set_group, read_device, read_exactly };

struct command {
  int id = 0;
  command_kind kind = command_kind::read_device;
  int device = 0;
  int group = 0;
  int hub_id = 0;
  bool enabled = false;
};

std::string to_text(const command& c);

enum class answer_kind {
  done,            ///< its event stands at `sequence`
  recorded,        ///< the event of an earlier try stands at `sequence`
  assigned,        ///< the device was assigned `hub_id` before
  taken,           ///< the hub id has another owner
  unchanged,       ///< the group is as wanted
  not_registered,  ///< nothing to release
  read,            ///< the device is `device`
  unavailable,
};

/// What a client is told. All but `done` and `unavailable` hold right behind the event at `as_of`.
struct answer {
  answer_kind kind = answer_kind::unavailable;
  std::uint64_t sequence = 0;
  std::uint64_t as_of = 0;
  device_row device;
};

std::string to_text(const answer& a);

/// What is wrong with an answer without events to `c`, given the table it is said to hold for; nothing if it is right.
std::optional<std::string> objection(const rows& table, const command& c, const answer& a);

}  // namespace muster::simulation
