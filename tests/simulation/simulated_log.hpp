#pragma once

#include "engine/log_rule.hpp"
#include "engine/ports/journal.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/event_queue.hpp"

#include <functional>
#include <vector>

namespace muster::simulation {

/// How often frames meet which fate, per thousand.
struct log_faults {
  unsigned refused = 0;
  unsigned lost = 0;     ///< of unknown outcome, and never on the log
  unsigned unknown = 0;  ///< of unknown outcome, but on the log some time
  unsigned late = 0;     ///< on the log after up to `late_max`
  unsigned doubled = 0;
  microseconds late_max{0};
};

/// The log of one shard: what lands on it has one order for everybody. On the way there frames meet their fates.
class simulated_log {
public:
  simulated_log(event_queue& queue, dice& roll) : queue_(queue), roll_(roll) {}

  log_faults faults;
  /// Nothing lands or is heard of later than this if it was sent before.
  microseconds calm_from{0};
  /// Called when a record has landed.
  std::function<void(const engine::log_record&)> on_landed;

  /// Sends `bytes` for process `sender`, from where the way takes `distance` longer than from others. `outcome` is
  /// called later, once.
  void send(int sender, microseconds distance, const std::string& bytes,
            std::function<void(engine::append_outcome)> outcome);

  /// A record that no shard wrote.
  void land(std::string bytes);

  /// Nothing that `sender` has on its way lands any more: its disk is its own.
  void drop_from(int sender) { dropped_.push_back(sender); }

  /// No broker answers for `length`: nothing lands, nothing can be read, and every frame is of unknown outcome.
  void go_away(microseconds length) { away_until_ = bounded(queue_.now() + length); }
  bool away() const { return queue_.now() < away_until_; }

  /// Whether a fold that came to `position` can go on here, as engine::check_continues says it.
  bool holds(const engine::log_position& position) const;

  /// The last `count` records are gone, as after an unclean election; their offsets are given anew.
  void truncate(std::size_t count);
  std::size_t size() const { return records_.size(); }

  /// The offset behind the last record.
  events::log_offset end() const { return records_.empty() ? events::log_offset() : records_.back().offset.next(); }

  /// At most `count` records from `from` on. Not to be asked while it is away.
  std::vector<engine::log_record> read(events::log_offset from, std::size_t count) const;

private:
  microseconds bounded(microseconds when) const;
  void land_at(microseconds when, int sender, const std::string& bytes);

  event_queue& queue_;
  dice& roll_;
  std::vector<engine::log_record> records_;
  std::vector<int> dropped_;
  microseconds away_until_{0};
};

}  // namespace muster::simulation
