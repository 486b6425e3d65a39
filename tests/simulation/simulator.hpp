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
  std::uint64_t aged_reads = 0;      ///< that were answered although the log did not confirm them, and said so
  std::uint64_t truncated_runs = 0;  ///< in which the log lost records
  std::uint64_t losing_runs = 0;     ///< in which it lost what somebody had been answered
  std::uint64_t silent_runs = 0;     ///< of these, in which no shard stopped: nobody who had folded that was left
  std::uint64_t repairs = 0;
  std::uint64_t rebuilds = 0;
  std::uint64_t found_by_verification = 0;  ///< nodes that had folded what was lost and did not notice by themselves
  std::uint64_t stale_answers = 0;          ///< by nodes that had not yet noticed what the log had lost
  std::uint64_t claims_in_calm = 0;         ///< the most there were in one run, accepted or not, once faults had ended

  void add(const statistics& other);
};

struct run_result {
  std::optional<std::string> violation;  ///< the first thing that went wrong
  std::deque<std::string> trace;         ///< the last steps before it, if asked for
  statistics counts;
};

/// Runs what `seed` decides, with the defect planted last (defects.hpp). The same seed runs the same way for ever.
/// `truncating`: the log loses records in every run, not only where the seed decides so.
run_result run(std::uint64_t seed, bool with_trace, bool truncating = false);

}  // namespace muster::simulation
