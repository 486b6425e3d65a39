#pragma once

#include "engine/change_memory.hpp"
#include "engine/log_rule.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/journal.hpp"
#include "engine/proposal.hpp"

#include <deque>
#include <optional>
#include <set>

namespace muster::engine {

struct shard_options {
  events::journal_id journal;
  events::shard_id id;
  std::string node;        ///< this node's name, written into its frames
  bool exclusive = false;  ///< nobody else can append (journal::exclusive): a decision without events needs no frame
  std::size_t frame_bytes_max = 0;   ///< 0: limits::frame_bytes_max
  std::size_t changed_keys_max = 0;  ///< 0: limits::changed_keys_max
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
  void should_own(bool yes) { should_own_ = yes; }

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
  /// Why the shard has stopped for good, if it has: a log that parted from this fold, or that cannot be read.
  const std::optional<std::string>& stopped() const { return stopped_; }
  /// The fold cannot go on, for a reason found outside: an event that cannot be evolved, projections that cannot be
  /// written. What `take_settlements` has not given out yet becomes unavailable: its rows may not have been written.
  void stop(std::string reason);

  const log_position& position() const { return rule_.position(); }
  std::size_t queued() const { return queue_.size() + waiting_.size(); }
  std::uint64_t void_frames() const { return void_frames_; }

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
  std::set<events::incarnation_id> claimed_;  ///< incarnations of claims this object ever made
  events::incarnation_id incarnation_;        ///< of the accepted claim, if `holds_`
  bool holds_ = false;
  bool should_own_ = false;
  bool must_claim_ = false;  ///< something of ours is of unknown outcome: only another claim settles it
  bool draining_ = false;
  events::timestamp claim_not_before_;
  std::vector<due_settlement> due_;
  std::optional<std::string> stopped_;
  std::uint64_t void_frames_ = 0;
};

}  // namespace muster::engine
