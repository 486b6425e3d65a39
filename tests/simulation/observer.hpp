#pragma once

#include "tests/simulation/domain.hpp"

#include <set>
#include <vector>

namespace muster::simulation {

/// Sees every frame the moment it is on the log, folds by a rule of its own, and decides every event again at its
/// place. It shares no code with engine/log_rule.cpp: what it says is what the design says.
class observer {
public:
  /// The fold's state behind one record of the log.
  struct state {
    std::uint64_t offset = 0;
    bool counts = false;
    bool stops = false;  ///< whoever folds the log from its beginning stops here, unless a repair passes it
    std::uint64_t sequence = 0;
    events::digest head{};
    std::uint64_t epoch = 0;
    events::incarnation_id incarnation;
    events::timestamp time;
    std::string node;  ///< of the current claim
  };

  observer(events::journal_id journal) : journal_(journal) {
    states_.push_back({});
    tables_.emplace_back();
  }

  /// `bytes` stand on the log at `offset`. What is wrong with that, if anything is.
  std::optional<std::string> landed(std::uint64_t offset, std::string_view bytes);

  /// The log keeps `records` records; what it said behind them never was.
  void truncated(std::size_t records);

  /// A proposal was given up: its events must never count. What is wrong with that, if anything is.
  std::optional<std::string> given_up(int attempt);

  /// What is wrong with telling a client `a`, now; nothing if it is right. `answered_before`: the highest sequence
  /// anybody had been answered when the command arrived.
  std::optional<std::string> check(const command& c, const answer& a, std::uint64_t answered_before) const;

  const state& now() const { return states_.back(); }
  /// The state behind the record at `offset`, or null if there is no record.
  const state* behind(std::uint64_t offset) const;
  const rows& table() const { return table_; }

  std::uint64_t frames() const { return frames_; }
  std::uint64_t void_frames() const { return frames_ - counting_; }
  std::uint64_t claims() const { return claims_; }

private:
  rows table_as_of(std::uint64_t sequence) const;
  bool passed(std::uint64_t sequence, const events::digest& head) const;

  events::journal_id journal_;
  std::vector<state> states_;  ///< the first is the state before any record
  rows table_;
  std::vector<effect> effects_;  ///< the one with sequence s at s - 1
  std::vector<rows> tables_;     ///< every so many events, to look back
  std::set<int> given_up_;
  std::set<int> stand_;  ///< attempts whose event counts
  std::uint64_t frames_ = 0;
  std::uint64_t counting_ = 0;
  std::uint64_t claims_ = 0;
};

}  // namespace muster::simulation
