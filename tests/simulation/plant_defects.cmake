# Writes copies of engine/shard.cpp, engine/log_rule.cpp, engine/change_memory.cpp and engine/read_gate.cpp into which the defects of tests/simulation/defects.hpp can be
# planted at run time. Called with SOURCE_DIR and OUTPUT_DIR. A text that is no longer found stops the build: then the
# engine has changed and the defect must be planted anew.
file(READ ${SOURCE_DIR}/engine/shard.cpp shard)
file(READ ${SOURCE_DIR}/engine/log_rule.cpp log_rule)
file(READ ${SOURCE_DIR}/engine/change_memory.cpp change_memory)
file(READ ${SOURCE_DIR}/engine/read_gate.cpp read_gate)

# Replaces `old`, which must occur once in the file held by variable `file`, with `new`.
function(plant file old new)
  string(FIND "${${file}}" "${old}" first)
  string(FIND "${${file}}" "${old}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "engine/${file}.cpp must hold this text exactly once, so that a defect can be planted there:\n${old}")
  endif()
  string(REPLACE "${old}" "${new}" planted "${${file}}")
  set(${file} "${planted}" PARENT_SCOPE)
endfunction()

plant(log_rule [=[namespace {

judgement]=] [=[using simulation::defect;
using simulation::planted;

namespace {

judgement]=])
plant(log_rule [=[#include "engine/limits.hpp"]=] [=[#include "engine/limits.hpp"
#include "tests/simulation/defects.hpp"]=])
plant(shard [=[shard::shard(shard_options options]=] [=[using simulation::defect;
using simulation::planted;

namespace {

// For the defect of two frames in flight: the older of them.
struct older_frame {
  events::digest hash{};
  std::vector<proposal> proposals;
  std::uint64_t events = 0;
};
std::map<const shard*, older_frame> older_frames;

// For the defect of a batch before its claim: the claim it rests on.
struct sent_claim {
  events::shard_epoch epoch;
  events::incarnation_id incarnation;
};
std::map<const shard*, sent_claim> sent_claims;

// For the defect of epochs that rise with each try.
std::map<const shard*, events::shard_epoch> last_tried;

// For the defect of claims without an incarnation.
events::incarnation_id named(const std::string& node) {
  events::incarnation_id id;
  std::copy_n(node.begin(), std::min<std::size_t>(16, node.size()), id.bytes.begin());
  return id;
}

}  // namespace

shard::shard(shard_options options]=])
plant(shard [=[#include "engine/limits.hpp"]=] [=[#include "engine/limits.hpp"
#include "tests/simulation/defects.hpp"

#include <map>]=])

# no-incarnation: a claim is known by its node's name, not by this try's own random number.
plant(shard [=[  claimed_.push_back({frame.incarnation, frame.epoch});
]=] [=[  if (planted(defect::no_incarnation)) frame.incarnation = named(options_.node);
  sent_claims[this] = {frame.epoch, frame.incarnation};
  if (planted(defect::released_when_claim_is_sent) && batch_) {
    auto released = std::move(*batch_);
    batch_.reset();
    requeue(std::move(waiting_));
    waiting_.clear();
    requeue(std::move(released.proposals));
  }
  claimed_.push_back({frame.incarnation, frame.epoch});
]=])
plant(shard [=[  return std::ranges::find(claimed_]=] [=[  if (planted(defect::no_incarnation)) return incarnation == named(options_.node);
  return std::ranges::find(claimed_]=])
plant(log_rule [=[  if (h.epoch != position_.epoch) return divergent("a batch of the current claim names]=]
[=[  if (planted(defect::no_incarnation) && h.epoch < position_.epoch) return voided("a batch of a former claim");
  if (h.epoch != position_.epoch) return divergent("a batch of the current claim names]=])

# claim-extends-chain: a claim counts only if nothing came between it and what its sender had folded.
plant(log_rule [=[  return {verdict::accepted, {}, {}, {}};
}

judgement log_rule::judge_batch(]=] [=[  if (planted(defect::claim_extends_chain) && h.prev_hash != position_.head) return voided("a claim that does not extend the chain");
  return {verdict::accepted, {}, {}, {}};
}

judgement log_rule::judge_batch(]=])

# no-frame-check, no-fold-check: the two halves of the writer's check.
plant(shard [=[return written.contains(r.key);]=] [=[return !planted(defect::no_frame_check) && written.contains(r.key);]=])
plant(shard [=[  events::log_sequence reload_at;
]=] [=[  events::log_sequence reload_at;
  if (planted(defect::no_fold_check)) return std::nullopt;
]=])

# memory-without-floor: a change that was forgotten counts as none, however long ago the reader looked.
plant(change_memory [=[#include "engine/change_memory.hpp"]=] [=[#include "engine/change_memory.hpp"

#include "tests/simulation/defects.hpp"]=])
plant(change_memory [=[found.sequence == 0 ? floor_ :]=]
[=[found.sequence == 0 ? (simulation::planted(simulation::defect::memory_without_floor) ? events::log_sequence() : floor_) :]=])

# rebuilt-frame: after an unknown outcome the same proposals go into another frame of the same claim.
plant(shard [=[if (last_was_claim_) claim_.reset();  // adopted if it is ever accepted
]=] [=[if (!last_was_claim_ && planted(defect::rebuilt_frame)) {
        auto rebuilt = std::move(*batch_);
        batch_.reset();
        requeue(std::move(waiting_));
        waiting_.clear();
        requeue(std::move(rebuilt.proposals));
        break;
      }
      if (last_was_claim_) claim_.reset();  // adopted if it is ever accepted
]=])

# batch-before-claim: the first batch is sent right behind the claim, resting on it.
# two-frames-in-flight: a batch is sent behind one that has not been read back, resting on it.
plant(shard [=[  if (claim_) return std::nullopt;
]=] [=[  if (claim_ && planted(defect::batch_before_claim) && !batch_) return build_batch(now);
  if (claim_) return std::nullopt;
]=])
plant(shard [=[  if (batch_) return std::nullopt;
  return build_batch(now);
]=] [=[  if (planted(defect::two_frames_in_flight) && batch_ && !older_frames.contains(this)) return build_batch(now);
  if (batch_) return std::nullopt;
  return build_batch(now);
]=])
plant(shard [=[  std::unordered_set<std::uint64_t> written;
]=] [=[  std::unordered_set<std::uint64_t> written;
  if (planted(defect::batch_before_claim) && claim_) {
    frame.epoch = sent_claims[this].epoch;
    frame.incarnation = sent_claims[this].incarnation;
    frame.prev_hash = events::sha256(events::as_bytes(position().head), events::as_bytes(claim_->hash));
  }
  if (batch_) {
    std::uint64_t before = 0;
    for (const auto& p : batch_->proposals) {
      before += p.events.size();
      for (const auto& record : p.events) {
        written.insert(key_hash(record.meta.stream.text()));
        written.insert(record.index_keys.begin(), record.index_keys.end());
      }
    }
    frame.first_sequence = events::log_sequence(frame.first_sequence.value() + before);
    frame.prev_hash = events::sha256(events::as_bytes(position().head), events::as_bytes(batch_->hash));
  }
]=])
plant(shard [=[  batch_ = in_flight{events::sha256(out.bytes), std::move(taken), now};
]=] [=[  if (batch_) older_frames[this] = {batch_->hash, std::move(batch_->proposals), 0};
  batch_ = in_flight{events::sha256(out.bytes), std::move(taken), now};
]=])
plant(shard [=[  if (!batch_ || batch_->hash != seen.hash) return;
]=] [=[  if (const auto older = older_frames.find(this); older != older_frames.end() && older->second.hash == seen.hash) {
    auto proposals = std::move(older->second.proposals);
    older_frames.erase(older);
    auto at = seen.header.first_sequence;
    for (auto& p : proposals) {
      if (accepted) due(p, {settlement_kind::committed, at, seen.header.time, {}});
      at = events::log_sequence(at.value() + p.events.size());
    }
    if (!accepted) requeue(std::move(proposals));
  }
  if (!batch_ || batch_->hash != seen.hash) return;
]=])

# claim-leaves-batch-open: an accepted claim does not settle what was sent before it.
plant(shard [=[  if (batch_) {
    auto dead = std::move(*batch_);
]=] [=[  if (const auto older = older_frames.find(this); older != older_frames.end()) {
    auto proposals = std::move(older->second.proposals);
    older_frames.erase(older);
    requeue(std::move(proposals));
  }
  if (planted(defect::batch_before_claim) && holds_) return;
  if (batch_ && !planted(defect::claim_leaves_batch_open)) {
    auto dead = std::move(*batch_);
]=])

# last-tried-plus-one: after a claim of unknown fate the next one names a later epoch.
# claims-at-the-edge-only: a node claims once each time it is told to own.
plant(shard [=[  frame.epoch = position().epoch.next();
]=] [=[  frame.epoch = position().epoch.next();
  if (planted(defect::last_tried_plus_one)) frame.epoch = std::max(frame.epoch, last_tried[this].next());
  last_tried[this] = frame.epoch;
  if (planted(defect::claims_at_the_edge_only)) should_own_ = false;
]=])

# heads-judged-after-restart: what was passed before the start counts as never passed.
plant(log_rule [=[  if (!knows_all_heads_ && sequence <= heads_.front().sequence) return true;]=]
[=[  if (!knows_all_heads_ && sequence <= heads_.front().sequence && !planted(defect::heads_judged_after_restart)) return true;]=])

# memory-begun-at-claim: what changed before the own claim counts as unchanged.
plant(shard [=[  const bool mine = made_claim(h.incarnation);
]=] [=[  const bool mine = made_claim(h.incarnation);
  if (mine && planted(defect::memory_begun_at_claim)) memory_ = change_memory({}, limits::changed_keys_max);
]=])

# log-not-compared: the log is taken for what it was.
plant(shard [=[  if (options_.exclusive || stopped_ || checking_]=]
[=[  if (planted(defect::log_not_compared)) {
    claim_checked_ = now;
    return std::nullopt;
  }
  if (options_.exclusive || stopped_ || checking_]=])

# joins-barrier-in-flight: a read is let through by an empty batch that was sent before it arrived.
# recent-for-ever: a node that held the shard once is taken for its owner.
plant(read_gate [=[#include "engine/limits.hpp"]=] [=[#include "engine/limits.hpp"
#include "tests/simulation/defects.hpp"]=])
plant(read_gate [=[  const auto batch = std::make_shared<fate>(fate::open);
]=] [=[  if (simulation::planted(simulation::defect::joins_barrier_in_flight) && !waiting_.empty()) {
    waiting_.push_back({kind, std::move(go), waiting_.back().until, waiting_.back().batch});
    return;
  }
  const auto batch = std::make_shared<fate>(fate::open);
]=])
plant(read_gate [=[now - *confirmed < recent_max;]=]
[=[(now - *confirmed < recent_max || simulation::planted(simulation::defect::recent_for_ever));]=])

# A shard that is made where another one lay starts afresh.
plant(shard [=[  if (options_.frame_bytes_max == 0) options]=] [=[  older_frames.erase(this);
  sent_claims.erase(this);
  last_tried.erase(this);
  if (options_.frame_bytes_max == 0) options]=])

file(WRITE ${OUTPUT_DIR}/shard.cpp "${shard}")
file(WRITE ${OUTPUT_DIR}/log_rule.cpp "${log_rule}")
file(WRITE ${OUTPUT_DIR}/change_memory.cpp "${change_memory}")
file(WRITE ${OUTPUT_DIR}/read_gate.cpp "${read_gate}")
