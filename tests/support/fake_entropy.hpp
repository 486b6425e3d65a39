#pragma once

#include "engine/ports/entropy.hpp"

#include <atomic>
#include <cstdint>

namespace muster::tests {

/// Bytes that look random and follow from the seed alone, as long as one thread draws them. Any thread.
class fake_entropy final : public engine::entropy {
public:
  explicit fake_entropy(std::uint64_t seed = 1) : state_(seed) {}

  std::string draw(std::size_t size) override {
    std::string bytes;
    bytes.reserve(size + sizeof(std::uint64_t));
    while (bytes.size() < size) {
      const auto word = next();
      bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    bytes.resize(size);
    return bytes;
  }

private:
  /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  std::uint64_t next() {
    constexpr std::uint64_t step = 0x9e3779b97f4a7c15;
    auto z = state_.fetch_add(step) + step;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::atomic<std::uint64_t> state_;
};

}  // namespace muster::tests
