#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace muster::simulation {

/// What happened in a run, or in several together.
struct statistics {
  std::uint64_t frames = 0;
  std::uint64_t void_frames = 0;
  std::uint64_t claims = 0;    ///< accepted
  std::uint64_t answers = 0;   ///< other than `unavailable`
  std::uint64_t given_up = 0;  ///< commands whose client got no answer at all
  std::uint64_t conflicts = 0;
  std::uint64_t restarts = 0;
  std::uint64_t claims_in_calm = 0;  ///< the most there were in one run, accepted or not, once faults had ended

  void add(const statistics& other);
};

struct run_result {
  std::optional<std::string> violation;  ///< the first thing that went wrong
  std::deque<std::string> trace;         ///< the last steps before it, if asked for
  statistics counts;
};

/// Runs what `seed` decides, with the defect planted last (defects.hpp). The same seed runs the same way for ever.
run_result run(std::uint64_t seed, bool with_trace);

}  // namespace muster::simulation
