#pragma once

#include "engine/failure_budget.hpp"
#include "engine/limits.hpp"
#include "engine/write_quota.hpp"

#include <mutex>

namespace muster::actors {

/// How much a scope and its devices may spend; see the configuration's sections `refusals` and `quota`.
struct spending_options {
  std::uint32_t refusals_per_minute_scope = engine::limits::refusals_per_minute_scope;
  std::uint32_t refusals_per_minute_address = engine::limits::refusals_per_minute_address;
  std::uint32_t refusals_per_day_scope = engine::limits::refusals_per_day_scope;
  engine::write_limits writes;
};

/// What a scope and its devices have spent: it outlasts the devices' actors, so that an actor's end gives nobody a new
/// budget. Any thread.
class scope_budget {
public:
  explicit scope_budget(const spending_options& options)
      : failures_(options.refusals_per_minute_scope, options.refusals_per_minute_address,
                  options.refusals_per_day_scope),
        quota_(options.writes) {}

  /// engine::failure_budget
  bool admit(const std::string& address, events::refusal_reason reason, events::timestamp now) {
    const std::lock_guard lock(mutex_);
    return failures_.admit(address, reason, now);
  }
  engine::failure_budget::summary take_summary(events::timestamp now) {
    const std::lock_guard lock(mutex_);
    return failures_.take_summary(now);
  }

  /// engine::write_quota
  std::chrono::seconds scope_wait(events::timestamp now) {
    const std::lock_guard lock(mutex_);
    return quota_.scope_wait(now);
  }
  std::chrono::seconds device_wait(const events::registration_id& device, events::timestamp now) {
    const std::lock_guard lock(mutex_);
    return quota_.device_wait(device, now);
  }
  std::chrono::seconds poll(const events::registration_id& device, events::timestamp now) {
    const std::lock_guard lock(mutex_);
    return quota_.poll(device, now);
  }
  /// `registered`: whose attested register led to the events, if that is what did.
  void wrote(const events::registration_id* registered, std::size_t events, std::size_t bytes, events::timestamp now) {
    const std::lock_guard lock(mutex_);
    quota_.wrote(events, bytes, now);
    if (registered != nullptr) quota_.registered(*registered, bytes, now);
  }

private:
  std::mutex mutex_;
  engine::failure_budget failures_;
  engine::write_quota quota_;
};

}  // namespace muster::actors
