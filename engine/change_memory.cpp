#include "engine/change_memory.hpp"

#include <algorithm>

namespace muster::engine {

namespace {
constexpr std::size_t initial_slots = 256;  // a power of two, as every later size
}

change_memory::change_memory(events::log_sequence floor, std::size_t keys_max)
    : floor_(floor), keys_max_(keys_max), slots_(initial_slots) {}

events::log_sequence change_memory::last_change(std::uint64_t key) const {
  const auto& found = slots_[place(slots_, key)];
  return found.sequence == 0 ? floor_ : events::log_sequence(found.sequence);
}

void change_memory::changed(std::uint64_t key, events::log_sequence sequence) {
  if (sequence <= floor_) return;
  if (size_ >= keys_max_) forget_older_half();
  if ((size_ + 1) * 2 > slots_.size()) grow();
  auto& s = slots_[place(slots_, key)];
  if (s.sequence == 0) ++size_;
  s = {key, sequence.value()};
}

// The slot that holds `key`, or the empty one where it belongs. Keys are hashes already: their low bits serve as they
// are.
std::size_t change_memory::place(const std::vector<slot>& slots, std::uint64_t key) const {
  const auto mask = slots.size() - 1;
  auto at = static_cast<std::size_t>(key) & mask;
  while (slots[at].sequence != 0 && slots[at].key != key) at = (at + 1) & mask;
  return at;
}

void change_memory::insert(std::vector<slot>& slots, const slot& s) const {
  slots[place(slots, s.key)] = s;
}

void change_memory::grow() {
  std::vector<slot> larger(slots_.size() * 2);
  for (const auto& s : slots_) {
    if (s.sequence != 0) insert(larger, s);
  }
  slots_ = std::move(larger);
}

void change_memory::forget_older_half() {
  std::vector<std::uint64_t> sequences;
  sequences.reserve(size_);
  for (const auto& s : slots_) {
    if (s.sequence != 0) sequences.push_back(s.sequence);
  }
  const auto middle = sequences.begin() + static_cast<std::ptrdiff_t>(sequences.size() / 2);
  std::ranges::nth_element(sequences, middle);
  floor_ = events::log_sequence(*middle);
  std::vector<slot> kept(slots_.size());
  size_ = 0;
  for (const auto& s : slots_) {
    if (s.sequence <= floor_.value()) continue;
    insert(kept, s);
    ++size_;
  }
  slots_ = std::move(kept);
}

}  // namespace muster::engine
