#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace muster::connectors {

/// Counts open connections, in all and per source, against two limits. Any thread.
class connection_ledger {
public:
  /// `per_source_max` 0 is no limit.
  connection_ledger(std::size_t all_max, std::size_t per_source_max)
      : all_max_(all_max), per_source_max_(per_source_max) {}

  /// True if one more may be opened; it is then counted until it leaves.
  bool enter(const std::string& source) {
    const std::lock_guard lock(mutex_);
    if (all_ >= all_max_) return false;
    auto& count = by_source_[source];
    if (per_source_max_ > 0 && count >= per_source_max_) return false;
    ++count;
    ++all_;
    return true;
  }

  void leave(std::string_view source) {
    const std::lock_guard lock(mutex_);
    const auto found = by_source_.find(std::string(source));
    if (found == by_source_.end()) return;
    --all_;
    if (--found->second == 0) by_source_.erase(found);
  }

private:
  const std::size_t all_max_;
  const std::size_t per_source_max_;
  std::mutex mutex_;
  std::size_t all_ = 0;
  std::unordered_map<std::string, std::size_t> by_source_;
};

}  // namespace muster::connectors
