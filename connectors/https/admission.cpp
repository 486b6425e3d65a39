#include "connectors/https/admission.hpp"

#include <algorithm>
#include <cmath>

namespace muster::connectors {

using std::chrono::duration;
using std::chrono::seconds;

namespace {

template <class Account>
void refill(Account& account, const admission_limits& limits, admission::time_point now) {
  const auto passed = std::max(duration<double>(now - account.counted_at).count(), 0.0);
  account.tokens = std::min(std::max(limits.burst_requests, 1.0), account.tokens + passed * limits.requests_per_second);
  account.counted_at = std::max(now, account.counted_at);
}

/// How long until the account has room for a request; zero if it has.
template <class Account>
seconds wait_of(const Account& account, const admission_limits& limits, std::size_t bytes) {
  if (limits.requests_per_second > 0 && account.tokens < 1) {
    return seconds(std::max(1LL, std::llround(std::ceil((1 - account.tokens) / limits.requests_per_second))));
  }
  const bool full = limits.bytes_in_flight_max > 0 && account.bytes_in_flight > 0 &&
                    account.bytes_in_flight + bytes > limits.bytes_in_flight_max;
  return seconds(full ? 1 : 0);
}

template <class Account>
void take(Account& account, const admission_limits& limits, std::size_t bytes) {
  if (limits.requests_per_second > 0) account.tokens -= 1;
  account.bytes_in_flight += bytes;
}

}  // namespace

std::expected<admission::ticket, seconds> admission::admit(std::string_view address, std::size_t bytes,
                                                           time_point now) {
  const std::lock_guard lock(mutex_);
  if (!began_) {
    all_.tokens = std::max(options_.all.burst_requests, 1.0);
    all_.counted_at = now;
    began_ = true;
  }
  auto& one = account_of(address, now);
  refill(all_, options_.all, now);
  refill(one, options_.per_address, now);
  const auto wait = std::max(wait_of(all_, options_.all, bytes), wait_of(one, options_.per_address, bytes));
  if (wait > seconds(0)) return std::unexpected(wait);
  take(all_, options_.all, bytes);
  take(one, options_.per_address, bytes);
  return ticket(*this, address, bytes);
}

admission::account& admission::account_of(std::string_view address, time_point now) {
  if (const auto known = by_address_.find(address); known != by_address_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front();
  }
  if (recent_.size() >= std::max<std::size_t>(options_.addresses_max, 1)) {
    by_address_.erase(recent_.back().address);
    recent_.pop_back();
  }
  recent_.push_front({std::string(address), std::max(options_.per_address.burst_requests, 1.0), now, 0});
  by_address_.emplace(recent_.front().address, recent_.begin());
  return recent_.front();
}

void admission::give_back(std::string_view address, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  all_.bytes_in_flight -= std::min(all_.bytes_in_flight, bytes);
  // The address may have been forgotten, and met again, since the request came in.
  if (const auto known = by_address_.find(address); known != by_address_.end()) {
    auto& in_flight = known->second->bytes_in_flight;
    in_flight -= std::min(in_flight, bytes);
  }
}

std::size_t admission::addresses() const {
  const std::lock_guard lock(mutex_);
  return recent_.size();
}

admission::ticket& admission::ticket::operator=(ticket&& other) noexcept {
  if (this != &other) {
    leave();
    owner_ = std::exchange(other.owner_, nullptr);
    address_ = std::move(other.address_);
    bytes_ = other.bytes_;
  }
  return *this;
}

void admission::ticket::leave() {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back(address_, bytes_);
}

}  // namespace muster::connectors
