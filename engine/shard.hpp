#pragma once

#include "engine/change_memory.hpp"
#include "engine/error.hpp"
#include "engine/log_rule.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/journal.hpp"
#include "engine/proposal.hpp"

#include <deque>
#include <optional>

namespace muster::engine {

struct shard_options {
  events::journal_id journal;
  events::shard_id id;
  std::string node;        ///< this node's name, written into its frames
  bool exclusive = false;  ///< nobody else can append (journal::exclusive): a decision without events needs no frame
  std::size_t frame_bytes_max = 0;     ///< 0: limits::frame_bytes_max
  std::size_t changed_keys_max = 0;    ///< 0: limits::changed_keys_max
  log_rule::repair_lookup repaired{};  ///< finds operators' repairs in this shard's log; absent: there are none
};

/// One shard: the fold of its log, and the writer that appends to it. Plain and single-threaded: whoever owns it feeds
/// it records, proposals and outcomes, and takes frames and settlements out. It knows no thread, clock, storage or
/// actor, so that the simulator runs the same code as the node.
///
/// One frame is in flight at a time. A proposal is answered only after its frame was read back as accepted, or once it
/// can never count: then it waits here for another frame, or is given back as unavailable when its deadline has passed.
class shard {
public:
  /// Continues at `start`, the position of the projections. Nothing is known of what changed before it.
  shard(shard_options options, log_position start, entropy& random);

  // The log, in order ------------------------------------------------------------------------------------------------

  /// A frame that counts, with its events.
  struct accepted_frame {
    events::frame_kind kind = events::frame_kind::batch;
    events::log_offset offset;
    events::timestamp time;
    std::vector<events::event_record> records;  ///< empty in claims and empty batches
    log_position after;                         ///< to be saved with what the events change
  };

  /// Folds the next record of the log. Gives the frame if it counts; nothing if it is void, or if the shard has stopped
  /// (`stopped()`). Settlements that follow from it are kept until the caller, after its projections took the frame,
  /// calls `take_settlements`.
  std::optional<accepted_frame> fold(const log_record& record);

  struct due_settlement {
    std::function<void(const settlement&)> settled;
    settlement what;
  };

  /// What became of proposals, to be passed on in this order.
  std::vector<due_settlement> take_settlements();

  // Writing ----------------------------------------------------------------------------------------------------------

  /// Whether this node should own the shard. Only then does it claim; it gives up nothing that is in flight.
  void should_own(bool yes) {
    if (yes && !should_own_) superseded_ = false;  // to pause is for nodes that fight over a shard
    should_own_ = yes;
  }

  /// The position at which the log must be compared with this fold now (`check_continues`), if it must: before each
  /// claim, and every `limits::log_check_interval`. `checked` is to be called with what the comparison found before the
  /// next one is given. Never where nobody else can append. `caught_up` as in `next_frame`.
  std::optional<log_position> next_check(events::timestamp now, bool caught_up);

  /// What the comparison asked for last has found. `corrupt` stops the shard for good; any other error means that the
  /// log could not be asked, so that there is no claim yet.
  void checked(const result<void>& found, events::timestamp now);

  /// Queues a proposal. It settles in a later `take_settlements`.
  void propose(proposal p);

  struct frame_to_send {
    outgoing_frame frame;
    std::vector<named_key> keys;  ///< to be stored first
  };

  /// The next frame to append, if there is one now. `caught_up`: everything the log had was folded when it was last
  /// asked.
  std::optional<frame_to_send> next_frame(events::timestamp now, bool caught_up);

  /// What the journal says of the frame that `next_frame` gave last.
  void appended(append_outcome outcome, events::timestamp now);

  /// The frame that `next_frame` gave last was not sent and never will be, because its keys could not be stored. Its
  /// proposals are given up; a batch that was sent before it stays open.
  void not_sent();

  /// Takes no further proposals and no further claims; what is queued is still written.
  void drain() { draining_ = true; }

  /// True if this node holds the claim, as far as it has folded.
  bool open() const { return holds_ && !stopped_; }
  /// True if nothing is queued or in flight.
  bool idle() const;
  /// When the last accepted frame of the claim that this node holds was given out to be sent: as of then nobody else
  /// had the shard. Nothing if it does not hold the claim.
  std::optional<events::timestamp> confirmed() const { return open() ? confirmed_ : std::nullopt; }
  /// Why the shard has stopped for good, if it has: a log that parted from this fold, or that cannot be read.
  const std::optional<std::string>& stopped() const { return stopped_; }
  /// The frame at which the fold stopped, if it was a frame: what `muster repair` is told to pass.
  struct stopping_frame {
    events::log_offset offset;
    events::digest hash{};
  };
  const std::optional<stopping_frame>& stopped_at() const { return stopped_at_; }
  /// The fold cannot go on, for a reason found outside: an event that cannot be evolved, projections that cannot be
  /// written. What `take_settlements` has not given out yet becomes unavailable: its rows may not have been written.
  void stop(std::string reason);

  const log_position& position() const { return rule_.position(); }
  std::size_t queued() const { return queue_.size() + waiting_.size(); }
  std::uint64_t void_frames() const { return void_frames_; }
  /// Where the last void frame stood, who sent it, and why it is void. Empty if there was none.
  const std::string& last_void_frame() const { return last_void_frame_; }

private:
  struct in_flight {
    events::digest hash{};
    std::vector<proposal> proposals;  ///< empty in a claim
    events::timestamp sent;
  };

  std::optional<frame_to_send> build_claim(events::timestamp now);
  std::optional<frame_to_send> build_batch(events::timestamp now);
  bool settle_at_once(const proposal& p) const;
  std::optional<settlement> check_against_fold(const proposal& p) const;
  void settle_what_came_back(const judgement& seen, bool accepted);
  void accepted_claim(const events::frame_header& h);
  void note_void(const log_record& record, const judgement& seen);
  bool made_claim(const events::incarnation_id& incarnation) const;
  bool may_claim(events::timestamp now, bool caught_up) const;
  std::chrono::milliseconds claim_pause();
  void remember_changes(const std::vector<events::event_record>& records);
  void requeue(std::vector<proposal> proposals);
  void give_up_batch();
  void expire(events::timestamp now);
  void due(proposal& p, settlement what);
  events::frame new_frame(events::frame_kind kind, events::timestamp now) const;

  shard_options options_;
  log_rule rule_;
  change_memory memory_;
  entropy& random_;

  std::deque<proposal> queue_;
  std::vector<proposal> waiting_;   ///< in conflict with the batch in flight: checked again when that is settled
  std::optional<in_flight> batch_;  ///< not settled yet
  std::optional<in_flight> claim_;  ///< not settled yet
  bool awaiting_outcome_ = false;   ///< a frame was given out and `appended` has not been called for it
  bool last_was_claim_ = false;
  struct made {
    events::incarnation_id incarnation;
    events::shard_epoch epoch;
  };
  std::deque<made> claimed_;            ///< claims of this object that may yet be accepted, oldest first
  events::incarnation_id incarnation_;  ///< of the accepted claim, if `holds_`
  bool holds_ = false;
  bool should_own_ = false;
  bool must_claim_ = false;  ///< something of ours is of unknown outcome: only another claim settles it
  bool draining_ = false;
  bool superseded_ = false;  ///< another node took the claim: pause before the next one
  events::timestamp claim_not_before_;
  bool checking_ = false;                           ///< a comparison was asked for and is not done
  events::timestamp check_asked_;                   ///< when
  std::optional<events::timestamp> claim_checked_;  ///< when the comparison for the next claim was asked for
  events::timestamp check_not_before_;              ///< after one that could not be done
  std::optional<events::timestamp> last_check_;
  std::optional<events::timestamp> confirmed_;
  std::vector<due_settlement> due_;
  std::optional<std::string> stopped_;
  std::optional<stopping_frame> stopped_at_;
  std::uint64_t void_frames_ = 0;
  std::string last_void_frame_;
};

}  // namespace muster::engine
