#include "engine/failure_budget.hpp"

#include "engine/limits.hpp"
#include "events/bytes.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace muster::engine {

void failure_budget::enter_minute(events::timestamp now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  if (minute == minute_) return;
  if (const auto day = std::chrono::floor<std::chrono::days>(now); day != day_) {
    day_ = day;
    day_spent_ = 0;
  }
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
  const auto network = network_of(address);
  if (scope_spent_ < scope_max_ && day_spent_ < day_max_) {
    auto& spent = address_spent_[network];  // bounded by the scope's budget: beyond it no address is added
    if (spent < address_max_) {
      ++spent;
      ++scope_spent_;
      ++day_spent_;
      return true;
    }
  }
  add(counts_, reason, network, 1);
  return false;
}

void failure_budget::add(tally& to, events::refusal_reason reason, const std::string& address, std::uint64_t count) {
  const bool has_place = to.size() < limits::suppressed_addresses_max || to.contains({reason, address});
  to[{reason, has_place ? address : std::string()}] += count;
}

namespace {

// The groups of an IPv6 address's text between colons; nothing if one of them is none.
std::optional<std::vector<std::string>> groups_of(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    const auto group = text.substr(0, text.find(':'));
    const auto digits = group.substr(std::min(group.find_first_not_of('0'), group.empty() ? 0 : group.size() - 1));
    const bool ok = !group.empty() && group.size() <= 4 &&
                    group.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (!ok) return std::nullopt;
    groups.push_back(events::to_lower(digits));
    text.remove_prefix(std::min(text.size(), group.size() + 1));
  }
  return groups;
}

}  // namespace

std::string network_of(const std::string& address) {
  constexpr std::string_view mapped = "::ffff:";
  constexpr std::size_t all_groups = 8;
  if (address.find(':') == std::string::npos) return address;
  if (address.starts_with(mapped) && address.find('.') != std::string::npos) return address.substr(mapped.size());
  const auto text = std::string_view(address).substr(0, address.find('%'));  // without the zone
  const auto gap = text.find("::");
  auto groups = groups_of(text.substr(0, gap));
  const auto rest = groups_of(gap == std::string_view::npos ? std::string_view() : text.substr(gap + 2));
  if (!groups || !rest || groups->size() + rest->size() > all_groups) return address;
  if (gap == std::string_view::npos && groups->size() != all_groups) return address;
  groups->insert(groups->end(), all_groups - groups->size() - rest->size(), "0");
  groups->insert(groups->end(), rest->begin(), rest->end());
  return (*groups)[0] + ":" + (*groups)[1] + ":" + (*groups)[2] + ":" + (*groups)[3] + "::/64";
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
