#pragma once

#include "events/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace muster::engine {

/// When each key last changed, for the keys that changed above a floor. Below the floor nothing is known, so that a
/// read from there must count as a conflict. Open addressing: it is asked some ten times per proposal.
class change_memory {
public:
  /// Knows nothing at or below `floor`. Forgets the older half whenever it holds `keys_max` keys.
  change_memory(events::log_sequence floor, std::size_t keys_max);

  events::log_sequence floor() const { return floor_; }

  /// When `key` last changed, or the floor if it has not changed since.
  events::log_sequence last_change(std::uint64_t key) const;

  /// Notes that `key` changed at `sequence`, which is not below any noted before.
  void changed(std::uint64_t key, events::log_sequence sequence);

private:
  struct slot {
    std::uint64_t key = 0;
    std::uint64_t sequence = 0;  ///< 0: empty
  };

  std::size_t place(const std::vector<slot>& slots, std::uint64_t key) const;
  void insert(std::vector<slot>& slots, const slot& s) const;
  void grow();
  void forget_older_half();

  events::log_sequence floor_;
  std::size_t keys_max_;
  std::size_t size_ = 0;
  std::vector<slot> slots_;
};

}  // namespace muster::engine
