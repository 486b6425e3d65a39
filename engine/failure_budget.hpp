#pragma once

#include "events/device_event.hpp"

#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace muster::engine {

/// How many refused attempts of one scope get an event of their own: so many a minute and a day (UTC) in all, and so
/// many a minute from one address, that is, one IPv4 address or one IPv6 network of 64 bits, which a single host may
/// own. What is beyond is counted by reason and address, for one summary a minute. Only failures spend the budget and
/// only failures feel it: a good credential always passes. Not thread-safe: its owner locks.
class failure_budget {
public:
  failure_budget(std::uint32_t per_minute_scope, std::uint32_t per_minute_address,
                 std::uint32_t per_day_scope = std::numeric_limits<std::uint32_t>::max())
      : scope_max_(per_minute_scope), address_max_(per_minute_address), day_max_(per_day_scope) {}

  /// Whether a refused attempt gets an event. If not, it is counted here.
  bool admit(const std::string& address, events::refusal_reason reason, events::timestamp now);

  struct suppressed {
    events::refusal_reason reason;
    std::string address;  ///< empty: all addresses beyond the first so many
    std::uint64_t count = 0;
  };
  struct summary {
    events::timestamp from;
    events::timestamp to;
    std::vector<suppressed> counts;  ///< in order of reason and address
  };

  /// What was suppressed in minutes that have ended by `now`; empty `counts` if nothing was. Taking it forgets it.
  summary take_summary(events::timestamp now);

  /// True if something was suppressed and not taken yet.
  bool pending() const { return !counts_.empty() || !ended_.empty(); }

private:
  using tally = std::map<std::pair<events::refusal_reason, std::string>, std::uint64_t>;

  void enter_minute(events::timestamp now);
  static void add(tally& to, events::refusal_reason reason, const std::string& address, std::uint64_t count);

  std::uint32_t scope_max_;
  std::uint32_t address_max_;
  std::uint32_t day_max_;
  std::chrono::sys_days day_;  ///< the day being counted
  std::uint32_t day_spent_ = 0;
  events::timestamp minute_;  ///< start of the minute being counted
  std::uint32_t scope_spent_ = 0;
  std::unordered_map<std::string, std::uint32_t> address_spent_;
  tally counts_;                  ///< what was suppressed in this minute,
  tally ended_;                   ///< and what in minutes before that nobody has taken yet:
  events::timestamp ended_from_;  ///< half-open, [from, to)
  events::timestamp ended_to_;
};

/// What failures from `address` are counted under: an IPv4 address as it is, also one mapped into IPv6; of an IPv6
/// address its first 64 bits (`2001:db8:1:2::/64`). Any other text stays as it is.
std::string network_of(const std::string& address);

}  // namespace muster::engine
