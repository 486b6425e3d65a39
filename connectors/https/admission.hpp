#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace muster::connectors {

/// What one source, or all together, may take. Zero is no limit.
struct admission_limits {
  double requests_per_second = 0;
  double burst_requests = 0;            ///< what may come at once after a pause; at least one second's worth is usual
  std::size_t bytes_in_flight_max = 0;  ///< of requests not answered yet
};

struct admission_options {
  admission_limits all = {.requests_per_second = 0, .burst_requests = 0, .bytes_in_flight_max = 64 * 1024 * 1024};
  admission_limits per_address = {
      .requests_per_second = 20'000, .burst_requests = 40'000, .bytes_in_flight_max = 16 * 1024 * 1024};
  std::size_t addresses_max = 65'536;  ///< remembered; the one unseen for the longest time is forgotten
};

/// Decides whether a request may enter: token buckets for requests, a bound for their bytes, for all and per source
/// address. It protects this process's memory and time; quotas are counted elsewhere. Any thread. Knows no clock: the
/// caller says what time it is.
class admission {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A request inside. Its bytes are given back when this goes; the admission must outlive it.
  class ticket {
  public:
    ticket() = default;
    ticket(ticket&& other) noexcept { *this = std::move(other); }
    ticket& operator=(ticket&& other) noexcept;
    ~ticket() { leave(); }
    void leave();

  private:
    friend class admission;
    ticket(admission& owner, std::string_view address, std::size_t bytes)
        : owner_(&owner), address_(address), bytes_(bytes) {}
    admission* owner_ = nullptr;
    std::string address_;
    std::size_t bytes_ = 0;
  };

  explicit admission(admission_options options) : options_(options) {}

  /// A ticket, or after how long to try again (at least one second). A lone request is never refused for its bytes.
  std::expected<ticket, std::chrono::seconds> admit(std::string_view address, std::size_t bytes, time_point now);

  std::size_t addresses() const;

private:
  struct account {
    std::string address;
    double tokens = 0;
    time_point counted_at;
    std::size_t bytes_in_flight = 0;
  };
  using accounts = std::list<account>;

  account& account_of(std::string_view address, time_point now);
  void give_back(std::string_view address, std::size_t bytes);

  const admission_options options_;
  mutable std::mutex mutex_;
  account all_;
  bool began_ = false;
  accounts recent_;                                                      ///< the latest first
  std::unordered_map<std::string_view, accounts::iterator> by_address_;  ///< keys point into `recent_`
};

}  // namespace muster::connectors
