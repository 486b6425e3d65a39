#pragma once

#include "events/ids.hpp"
#include "events/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace muster::engine {

/// How fast something may be spent: `per_s` in the long run, and ahead of that as much as may be owed. No limit if
/// `per_s` is 0.
struct spending_limit {
  double per_s = 0;
  double owed_max = 0;
};

/// A debt that is paid off steadily. Who owes no more than allowed may spend, whatever it costs: so the cost may be
/// known only afterwards, and one spending may overdraw once.
class debt {
public:
  /// How long until something may be spent again; 0: now.
  std::chrono::microseconds wait(const spending_limit& limit, events::timestamp now) const;
  void add(double amount, const spending_limit& limit, events::timestamp now);
  /// When nothing is owed any more.
  events::timestamp paid_at() const { return paid_at_; }

private:
  events::timestamp paid_at_;
};

/// What the devices and back ends of one ID scope may write and ask. The defaults are far beyond what a device does
/// (some registrations a day, each a few kB) and what one scope gets through its shard, and still keep one credential,
/// or one tenant, from filling the disk.
struct write_limits {
  spending_limit device_bytes{2 * 1024, 16 * 1024 * 1024};          ///< events of attested registers, per device
  spending_limit scope_events{50'000, 100'000};                     ///< of everybody in the scope
  spending_limit scope_bytes{64 * 1024 * 1024, 128 * 1024 * 1024};  ///< likewise
  spending_limit polls{0.5, 4};  ///< operation status, per device: 5 at once. DPS: 5 in 10 s
};

/// Counts what is written in one scope against `write_limits`. It remembers a device only while that owes something,
/// which outlasts the device's actor. Not thread-safe: its owner locks.
class write_quota {
public:
  explicit write_quota(const write_limits& limits) : limits_(limits) {}

  /// How long until the scope may write again; 0: now.
  std::chrono::seconds scope_wait(events::timestamp now) const;
  /// How long until `device` may register again; 0: now.
  std::chrono::seconds device_wait(const events::registration_id& device, events::timestamp now) const;
  /// The scope wrote so much.
  void wrote(std::size_t events, std::size_t bytes, events::timestamp now);
  /// ... because `device` registered.
  void registered(const events::registration_id& device, std::size_t bytes, events::timestamp now);
  /// How long until `device` may ask for an operation's status; 0: now, and that is counted.
  std::chrono::seconds poll(const events::registration_id& device, events::timestamp now);

  /// How many devices are remembered.
  std::size_t size() const { return devices_.size(); }

private:
  struct spent {
    debt written;
    debt polled;
    events::timestamp paid_at() const { return std::max(written.paid_at(), polled.paid_at()); }
  };

  spent& remembered(const events::registration_id& device, events::timestamp now);
  void forget(events::timestamp now);

  write_limits limits_;
  debt events_;
  debt bytes_;
  std::unordered_map<std::uint64_t, spent> devices_;  ///< by a hash of the id: who shares it shares the quota
  std::size_t forget_at_ = 0;                         ///< devices remembered when it is time to forget
};

}  // namespace muster::engine
