#include "engine/failure_budget.hpp"

#include "engine/limits.hpp"

namespace muster::engine {

void failure_budget::enter_minute(events::timestamp now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (minute == minute_) return;
  if (!counts_.empty()) {
    ended_to_ = minute_ + std::chrono::minutes(1);
    if (ended_.empty()) {
      ended_from_ = minute_;
      ended_.swap(counts_);
    }
    for (const auto& [key, count] : counts_) add(ended_, key.first, key.second, count);
    counts_.clear();
  }
  minute_ = minute;
  scope_spent_ = 0;
  address_spent_.clear();
}

bool failure_budget::admit(const std::string& address, events::refusal_reason reason, events::timestamp now) {
  enter_minute(now);
  if (scope_spent_ < scope_max_) {
    auto& spent = address_spent_[address];  // bounded by the scope's budget: beyond it no address is added
    if (spent < address_max_) {
      ++spent;
      ++scope_spent_;
      return true;
    }
  }
  add(counts_, reason, address, 1);
  return false;
}

void failure_budget::add(tally& to, events::refusal_reason reason, const std::string& address, std::uint64_t count) {
  const bool has_place = to.size() < limits::suppressed_addresses_max || to.contains({reason, address});
  to[{reason, has_place ? address : std::string()}] += count;
}

failure_budget::summary failure_budget::take_summary(events::timestamp now) {
  summary s;
  enter_minute(now);
  s.from = ended_from_;
  s.to = ended_to_;
  for (const auto& [key, count] : ended_) s.counts.push_back({key.first, key.second, count});
  ended_.clear();
  return s;
}

}  // namespace muster::engine
