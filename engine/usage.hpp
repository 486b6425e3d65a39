#pragma once

#include "engine/error.hpp"
#include "events/bytes.hpp"
#include "events/event.hpp"
#include "events/usage_event.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What services used, counted from their events. Hours are UTC, by log time (`log_position::time`); days and months
/// are sums of hours.
namespace muster::engine {

using events::type_count;

/// The events of one service in one hour. It had at least one.
struct usage_counts {
  events::log_sequence first;     ///< of its events in that hour
  events::log_sequence last;      ///< likewise; what lies between may belong to other services of the shard
  std::vector<type_count> types;  ///< in the order of their names
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("first", self.first);
    visit("last", self.last);
    visit("types", self.types);
  }
  friend bool operator==(const usage_counts&, const usage_counts&) = default;
};

/// Where a shard's log stood when an hour had ended: the first frame of a later hour is what ends one.
struct hour_end {
  events::log_sequence sequence;  ///< of the shard's last event up to then
  events::digest head{};          ///< the chain over all frames up to then
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("sequence", self.sequence);
    visit("head", self.head);
  }
  friend bool operator==(const hour_end&, const hour_end&) = default;
};

/// One service in one hour.
struct usage_hour {
  events::log_hour hour;
  usage_counts counts;
  std::optional<hour_end> end;  ///< absent while the hour is open: its counts may still grow
  friend bool operator==(const usage_hour&, const usage_hour&) = default;
};

/// All operations in `counts`.
std::uint64_t operations_of(const usage_counts& counts);

/// Counts events by type as they come.
class usage_counter {
public:
  /// From nothing, or from what was counted so far; `corrupt` if that names an event type that does not exist.
  usage_counter() = default;
  static result<usage_counter> from(const usage_counts& counts);

  void add(const events::recorded_event& e);
  usage_counts counts() const;

private:
  struct of_type {
    std::uint64_t events = 0;
    std::uint64_t operations = 0;
  };
  events::log_sequence first_;
  events::log_sequence last_;
  std::array<of_type, std::variant_size_v<events::event>> types_{};  ///< in the order of `event`'s alternatives
};

/// How much a report sums up in one line.
enum class usage_period : std::uint8_t { hour, day, month };

/// A question about usage. Half-open: [from, to); absent: from the first event, up to now.
struct usage_query {
  std::optional<events::log_hour> from;
  std::optional<events::log_hour> to;
  usage_period by = usage_period::day;
};

/// Sums over some hours. Without events it is empty.
struct usage_sum {
  std::map<std::string, type_count> types;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  void add(const usage_counts& counts);
};

/// One line of a report: what there was from `from` up to `to`, as far as the question reached.
struct usage_line {
  events::log_hour from;
  events::log_hour to;
  bool open = false;  ///< not all its hours have ended by log time: it may still grow
  usage_sum sum;
  events::log_sequence first;
  events::log_sequence last;
  std::optional<hour_end> end;  ///< of the last hour with events; absent while that is open
};

struct usage_report {
  usage_query asked;
  usage_sum total;
  std::vector<usage_line> lines;  ///< oldest first; periods without events are left out
};

class shard_view;

/// Answers `query` for one service from the read models of its shard. `invalid` if it asks for more than
/// `limits::usage_lines_max` lines. Reads many rows: not for the command path. Any thread.
result<usage_report> report_usage(shard_view& view, const events::id_scope& scope, const usage_query& query);

/// The beginning of a month (`2026-11`), a day (`2026-11-21`) or a full hour (`2026-11-21T06`, `2026-11-21T06:00:00Z`),
/// UTC; nothing if `text` is none.
std::optional<events::log_hour> read_hour(std::string_view text);

}  // namespace muster::engine
