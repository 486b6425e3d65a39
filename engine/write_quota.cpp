#include "engine/write_quota.hpp"

#include "engine/limits.hpp"

#include <algorithm>
#include <vector>

namespace muster::engine {

namespace {

std::uint64_t hash_of(const events::registration_id& device) {
  return std::hash<std::string_view>()(device.key());
}

// Whole seconds, as Retry-After has them: never too early.
std::chrono::seconds whole(std::chrono::microseconds wait) {
  return std::chrono::ceil<std::chrono::seconds>(wait);
}

std::chrono::microseconds time_for(double amount, const spending_limit& limit) {
  return std::chrono::microseconds(static_cast<std::int64_t>(amount / limit.per_s * 1e6));
}

}  // namespace

std::chrono::microseconds debt::wait(const spending_limit& limit, events::timestamp now) const {
  if (limit.per_s <= 0) return std::chrono::microseconds(0);
  const auto free_at = paid_at_ - time_for(limit.owed_max, limit);
  return std::max(std::chrono::microseconds(0), std::chrono::duration_cast<std::chrono::microseconds>(free_at - now));
}

void debt::add(double amount, const spending_limit& limit, events::timestamp now) {
  if (limit.per_s > 0) paid_at_ = std::max(paid_at_, now) + time_for(amount, limit);
}

std::chrono::seconds write_quota::scope_wait(events::timestamp now) const {
  return whole(std::max(events_.wait(limits_.scope_events, now), bytes_.wait(limits_.scope_bytes, now)));
}

std::chrono::seconds write_quota::device_wait(const events::registration_id& device, events::timestamp now) const {
  const auto at = devices_.find(hash_of(device));
  return at == devices_.end() ? std::chrono::seconds(0) : whole(at->second.written.wait(limits_.device_bytes, now));
}

void write_quota::wrote(std::size_t events, std::size_t bytes, events::timestamp now) {
  events_.add(static_cast<double>(events), limits_.scope_events, now);
  bytes_.add(static_cast<double>(bytes), limits_.scope_bytes, now);
}

void write_quota::registered(const events::registration_id& device, std::size_t bytes, events::timestamp now) {
  if (limits_.device_bytes.per_s > 0)
    remembered(device, now).written.add(static_cast<double>(bytes), limits_.device_bytes, now);
}

std::chrono::seconds write_quota::poll(const events::registration_id& device, events::timestamp now) {
  auto& polled = remembered(device, now).polled;
  const auto wait = whole(polled.wait(limits_.polls, now));
  if (wait.count() == 0) polled.add(1, limits_.polls, now);
  return wait;
}

write_quota::spent& write_quota::remembered(const events::registration_id& device, events::timestamp now) {
  if (devices_.size() >= std::max(forget_at_, limits::quota_devices_min)) forget(now);
  return devices_[hash_of(device)];
}

// Forgets who owes nothing. Should too many be left, which the scope's own limit prevents unless it is turned off,
// those who owe least go: whoever writes much stays.
void write_quota::forget(events::timestamp now) {
  std::erase_if(devices_, [&](const auto& each) { return each.second.paid_at() <= now; });
  if (devices_.size() >= limits::quota_devices_max) {
    std::vector<events::timestamp> debts;
    debts.reserve(devices_.size());
    for (const auto& [device, each] : devices_) debts.push_back(each.paid_at());
    const auto middle = debts.begin() + static_cast<std::ptrdiff_t>(debts.size() / 2);
    std::ranges::nth_element(debts, middle);
    std::erase_if(devices_, [&](const auto& each) { return each.second.paid_at() <= *middle; });
  }
  forget_at_ = std::min(2 * devices_.size(), limits::quota_devices_max);
}

}  // namespace muster::engine
