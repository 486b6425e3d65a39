#pragma once

#include "engine/ports/entropy.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>

namespace muster::simulation {

using std::chrono::microseconds;

/// A small generator (SplitMix64): one seed, one sequence, on every machine. Everything that is not fixed is decided by
/// it.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    auto z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  /// A number below `bound`, which is not 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  int pick(int bound) { return static_cast<int>(below(static_cast<std::uint64_t>(bound))); }
  bool chance(unsigned per_mille) { return below(1000) < per_mille; }
  microseconds between(microseconds least, microseconds most) {
    return least + microseconds(below(static_cast<std::uint64_t>((most - least).count()) + 1));
  }

private:
  std::uint64_t state_;
};

/// The random bytes of one process.
class seeded_entropy final : public engine::entropy {
public:
  explicit seeded_entropy(std::uint64_t seed) : roll_(seed) {}

  std::string draw(std::size_t size) override {
    std::string bytes;
    while (bytes.size() < size) {
      const auto word = roll_.next();
      bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    bytes.resize(size);
    return bytes;
  }

private:
  dice roll_;
};

}  // namespace muster::simulation
