#pragma once

#include "tests/simulation/observer.hpp"
#include "tests/simulation/simulated_log.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

namespace muster::simulation {

/// What is drawn once for a whole run.
struct run_plan {
  bool truncates = false;            ///< the log loses records that were on it
  bool exclusive = false;            ///< one process on a log that nobody else can write to
  std::size_t frame_bytes_max = 0;   ///< 0: the engine's own
  std::size_t changed_keys_max = 0;  ///< 0: the engine's own
  microseconds decision_max{0};      ///< how long a decision takes at most
  microseconds tail_delay{0};        ///< how long after it landed a record is read at most, mostly
  microseconds tail_delay_max{0};    ///< and at most, ever
  unsigned save_per_mille = 300;     ///< how often a process saves after a record
  unsigned unasked_per_mille = 0;    ///< how often the log cannot be asked for its end
  unsigned lag_per_mille = 300;      ///< how often an actor or a snapshot stays behind
};

/// What everything in a run shares.
struct world {
  world(std::uint64_t seed, bool with_trace, events::journal_id id)
      : roll(seed), journal(id), seen(id), log(queue, roll), tracing(with_trace) {}

  dice roll;
  events::journal_id journal;
  event_queue queue;
  observer seen;
  simulated_log log;
  run_plan plan;
  std::uint64_t answered = 0;  ///< the highest sequence that anybody has been told of
  /// What `answered` was when: it rises, but where the log was truncated.
  std::vector<std::pair<microseconds, std::uint64_t>> answered_when{{microseconds(0), 0}};
  std::vector<std::uint64_t> truncated_to;  ///< the sequence behind each truncation
  bool lost = false;                        ///< something answered was truncated
  bool alarmed = false;                     ///< a shard stopped
  std::uint64_t stale_answers = 0;          ///< by nodes that had not yet noticed what the log had lost
  std::uint64_t aged_reads = 0;             ///< that said how old they are
  int attempts = 0;
  std::uint64_t conflicts = 0;

  bool tracing;
  std::deque<std::string> trace;  ///< the last steps
  std::optional<std::string> violation;

  static constexpr std::size_t trace_max = 60;

  void heard(std::uint64_t sequence) {
    if (sequence <= answered) return;
    answered = sequence;
    answered_when.emplace_back(queue.now(), sequence);
  }
  /// The highest sequence that anybody had been told of at `when`.
  std::uint64_t answered_at(microseconds when) const {
    auto at = answered_when.rbegin();
    while (at + 1 != answered_when.rend() && at->first > when) ++at;
    return at->second;
  }
  /// What is left of a sequence that was answered when there had been `truncations`.
  std::uint64_t left_of(std::uint64_t sequence, std::size_t truncations) const {
    for (auto i = truncations; i < truncated_to.size(); ++i) sequence = std::min(sequence, truncated_to[i]);
    return sequence;
  }

  /// Notes a step; `text` makes its words and is only asked if somebody will read them.
  template <class Text>
  void note(Text text) {
    if (!tracing || violation) return;
    const auto us = queue.now().count();
    auto time = std::to_string(us % 1'000'000);
    trace.push_back(std::to_string(us / 1'000'000) + '.' + std::string(6 - time.size(), '0') + time + "  " + text());
    if (trace.size() > trace_max) trace.pop_front();
  }

  /// The run has failed; the first reason stays.
  void fail(const std::string& what) {
    note([&] { return "VIOLATION: " + what; });
    if (!violation) violation = what;
  }
  void fail_if(const std::optional<std::string>& what) {
    if (what) fail(*what);
  }
};

}  // namespace muster::simulation
