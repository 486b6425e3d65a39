#pragma once

#include "events/ids.hpp"
#include "events/time.hpp"

#include <string>
#include <vector>

/// The hourly report of what a service used. It is in the feed but not on the log: every fold of the log leads to the
/// same reports.
namespace muster::events {

/// How many events of a type there were, and how many of them were operations.
struct type_count {
  std::string type;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("type", self.type);
    visit("events", self.events);
    visit("operations", self.operations);
  }
  friend bool operator==(const type_count&, const type_count&) = default;
};

/// One service in one hour (UTC, by log time) that has ended, with at least one operation.
struct usage_reported {
  static constexpr std::string_view type = "muster.usage.v1";
  timestamp from;
  timestamp to;  ///< half-open: [from, to)
  std::uint64_t operations = 0;
  std::vector<type_count> types;  ///< in the order of their names; all events, operations or not
  log_sequence first;             ///< the service's first event in that hour
  log_sequence last;              ///< its last one
  log_sequence sequence;          ///< the shard's last event up to the end of the hour
  std::string head;               ///< the chain over all frames of the shard up to then, as 64 hex digits
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("from", self.from);
    visit("to", self.to);
    visit("operations", self.operations);
    visit("types", self.types);
    visit("firstSequence", self.first);
    visit("lastSequence", self.last);
    visit("endSequence", self.sequence);
    visit("head", self.head);
  }
  friend bool operator==(const usage_reported&, const usage_reported&) = default;
};

/// Its data, in JSON.
std::string to_json(const usage_reported& e);

}  // namespace muster::events
