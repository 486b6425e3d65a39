#include "engine/failure_budget.hpp"

#include "engine/limits.hpp"

namespace muster::engine {

void failure_budget::enter_minute(events::timestamp now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (minute == minute_) return;
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
  if (counts_.empty()) counted_from_ = minute_;
  const bool known = counts_.contains({reason, address});
  ++counts_[{reason, known || counts_.size() < limits::suppressed_addresses_max ? address : std::string()}];
  return false;
}

failure_budget::summary failure_budget::take_summary(events::timestamp now) {
  summary s;
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (counts_.empty() || counted_from_ >= minute) return s;
  s.from = counted_from_;
  s.to = minute;
  for (const auto& [key, count] : counts_) s.counts.push_back({key.first, key.second, count});
  counts_.clear();
  return s;
}

}  // namespace muster::engine
