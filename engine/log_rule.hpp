#pragma once

#include "events/frame.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace muster::engine {

/// How far a shard's log has been folded, and the chain's state there. Written with the rows it led to, in one write: a
/// position apart from its rows, or without epoch and incarnation, breaks the rule after a crash.
struct log_position {
  events::log_offset next_offset;      ///< the next frame to read
  events::log_offset last_offset;      ///< the frame read last; meaningful if `next_offset` is not 0
  events::digest last_hash{};          ///< that frame's hash: it must still be there, unchanged
  events::log_offset counted_offset;   ///< the frame accepted last; meaningful if `epoch` is not 0
  events::digest counted_hash{};       ///< that frame's hash: it must still be there as well, whatever came after it
  events::log_sequence sequence;       ///< of the last accepted event
  events::digest head{};               ///< the chain over all accepted frames
  events::shard_epoch epoch;           ///< of the current claim
  events::incarnation_id incarnation;  ///< of the current claim
  events::timestamp time;              ///< of the last accepted frame
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("nextOffset", self.next_offset);
    visit("lastOffset", self.last_offset);
    visit("lastHash", self.last_hash);
    visit("countedOffset", self.counted_offset);
    visit("countedHash", self.counted_hash);
    visit("sequence", self.sequence);
    visit("head", self.head);
    visit("epoch", self.epoch);
    visit("incarnation", self.incarnation);
    visit("time", self.time);
  }
  friend bool operator==(const log_position&, const log_position&) = default;
};

enum class verdict {
  accepted,    ///< it counts, for every reader, for ever
  void_frame,  ///< it does not count: a late claim, a zombie's batch, a duplicate, somebody else's record
  divergent,   ///< the log holds a history that this fold never saw: stop, unless an operator's repair passes it
  unreadable,  ///< a frame of this journal that cannot be read: stop, unless an operator's repair passes it
};

struct judgement {
  verdict what = verdict::void_frame;
  std::string reason;           ///< why it is not accepted, for people
  events::digest hash{};        ///< of the judged bytes
  events::frame_header header;  ///< of a readable frame; its views point into the judged bytes
};

/// The rule of the log: which frames count. It sees frames in log order and nothing else, so every reader comes to the
/// same verdicts. A claim counts if its epoch is the current one + 1. A batch counts if its incarnation is that of the
/// current claim, its first sequence is the next and its `prev_hash` is the head. The head after an accepted frame is
/// SHA-256(head | hash of the frame).
///
/// A frame at which readers would stop is void if an operator's repair frame behind it names its hash. A repair belongs
/// to no chain and is void itself; but a fold that has counted the frame it names must not go on: its rows rest on what
/// does not count.
class log_rule {
public:
  /// Asks whether a repair behind `offset` names the frame `hash`. Only asked of frames that would stop the reader, so
  /// that it may read the log to its end.
  using repair_lookup = std::function<bool(events::log_offset offset, const events::digest& hash)>;

  /// Continues at `start`, which was reached in shard `shard` of journal `journal`. Without `repaired` there are no
  /// repairs.
  log_rule(events::journal_id journal, events::shard_id shard, log_position start, repair_lookup repaired = {});

  /// Judges the frame at `offset`, which must not lie before `position().next_offset`, and moves past it unless it is
  /// divergent or unreadable.
  judgement judge(events::log_offset offset, std::string_view bytes);

  const log_position& position() const { return position_; }

private:
  struct passed_head {
    events::log_sequence sequence;
    events::digest head;
    std::optional<events::digest> frame;  ///< the hash of the frame that led to it, if it was met here
  };

  judgement verdict_on(events::log_offset offset, std::string_view bytes) const;
  judgement judge_claim(const events::frame_header& h) const;
  judgement judge_batch(const events::frame_header& h) const;
  judgement judge_repair(const events::frame_header& h) const;
  bool passed(events::log_sequence sequence, const events::digest& head) const;
  void accept(const judgement& accepted);

  events::journal_id journal_;
  events::shard_id shard_;
  log_position position_;
  repair_lookup repaired_;
  std::deque<passed_head> heads_;  ///< the newest heads, oldest first; what lies below is not judged
  bool knows_all_heads_;           ///< since the first claim: then nothing lies below
};

}  // namespace muster::engine
