#include "engine/shard.hpp"

#include "engine/key_hash.hpp"
#include "engine/limits.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace muster::engine {

namespace {

// What an operator must know who meets a stopped shard: where, why, and what to do.
std::string explain_stop(events::shard_id shard, events::log_offset offset, const judgement& seen) {
  const auto number = std::to_string(shard.value());
  const auto hash = events::to_hex(events::as_bytes(seen.hash));
  auto text = seen.reason + ". Nothing at or behind offset " + std::to_string(offset.value()) + " was taken over. ";
  if (seen.header.kind == events::frame_kind::repair)
    return text + "Run 'muster rebuild', so that the projections follow the log as it is";
  if (seen.what == verdict::unreadable) text += "If a newer version of Muster wrote it, run that version. ";
  return text +
         "If other nodes go on behind it, run 'muster rebuild' on this one. If none does, find out how it came "
         "there (a log that lost frames, a second cluster on it?) and, if it is not to count, run 'muster repair "
         "--shard " +
         number + " --hash " + hash + " --reason TEXT'";
}

}  // namespace

shard::shard(shard_options options, log_position start, entropy& random)
    : options_(std::move(options)), rule_(options_.journal, options_.id, start, options_.repaired),
      memory_(start.sequence, options_.changed_keys_max == 0 ? limits::changed_keys_max : options_.changed_keys_max),
      random_(random) {
  if (options_.frame_bytes_max == 0) options_.frame_bytes_max = limits::frame_bytes_max;
}

// ---- the log

std::optional<shard::accepted_frame> shard::fold(const log_record& record) {
  if (stopped_) return std::nullopt;
  const auto seen = rule_.judge(record.offset, record.bytes);
  if (seen.what == verdict::divergent || seen.what == verdict::unreadable) {
    stopped_at_ = {record.offset, seen.hash};
    stop(explain_stop(options_.id, record.offset, seen));
    return std::nullopt;
  }
  const bool accepted = seen.what == verdict::accepted;
  if (!accepted) note_void(record, seen);
  accepted_frame frame{seen.header.kind, record.offset, seen.header.time, {}, {}};
  if (accepted && seen.header.kind == events::frame_kind::batch) {
    auto records = events::read_records(seen.header);
    if (!records) {
      stop("the frame at offset " + std::to_string(record.offset.value()) + " cannot be read: " + records.error().text);
      return std::nullopt;
    }
    frame.records = std::move(*records);
    remember_changes(frame.records);
  }
  settle_what_came_back(seen, accepted);
  if (!accepted) return std::nullopt;
  if (seen.header.kind == events::frame_kind::claim) accepted_claim(seen.header);
  frame.after = rule_.position();
  return frame;
}

void shard::note_void(const log_record& record, const judgement& seen) {
  if (seen.header.kind == events::frame_kind::repair) return;  // it has done what it is for
  ++void_frames_;
  last_void_frame_ = "offset " + std::to_string(record.offset.value()) + ": " + seen.reason;
  if (!seen.header.node.empty()) last_void_frame_ += " (sent by node '" + std::string(seen.header.node) + "')";
}

// A frame of ours came back: what rode in it is settled by the verdict.
void shard::settle_what_came_back(const judgement& seen, bool accepted) {
  if (claim_ && claim_->hash == seen.hash) {
    if (accepted) confirmed_ = claim_->sent;
    claim_.reset();
  }
  if (!batch_ || batch_->hash != seen.hash) return;
  auto landed = std::move(*batch_);
  batch_.reset();
  if (accepted) {
    confirmed_ = landed.sent;
    auto sequence = seen.header.first_sequence;
    for (auto& p : landed.proposals) {
      due(p, {settlement_kind::committed, sequence, seen.header.time, {}});
      sequence = events::log_sequence(sequence.value() + p.events.size());
    }
    requeue(std::move(waiting_));
  } else {
    requeue(std::move(waiting_));
    requeue(std::move(landed.proposals));
  }
  waiting_.clear();
}

void shard::accepted_claim(const events::frame_header& h) {
  const bool mine = made_claim(h.incarnation);
  superseded_ = holds_ && !mine;
  if (!mine) confirmed_.reset();
  holds_ = mine;
  incarnation_ = h.incarnation;
  must_claim_ = false;
  std::erase_if(claimed_, [&](const made& each) { return each.epoch <= h.epoch; });  // void, whenever they land
  // Whatever was on its way under an earlier claim can no longer count.
  if (batch_) {
    auto dead = std::move(*batch_);
    batch_.reset();
    requeue(std::move(waiting_));
    waiting_.clear();
    requeue(std::move(dead.proposals));
  }
}

bool shard::made_claim(const events::incarnation_id& incarnation) const {
  return std::ranges::find(claimed_, incarnation, &made::incarnation) != claimed_.end();
}

void shard::remember_changes(const std::vector<events::event_record>& records) {
  for (const auto& record : records) {
    memory_.changed(key_hash(record.meta.stream.text()), record.meta.sequence);
    for (const auto key : record.index_keys) memory_.changed(key, record.meta.sequence);
  }
}

std::vector<shard::due_settlement> shard::take_settlements() {
  return std::exchange(due_, {});
}

// ---- writing

void shard::propose(proposal p) {
  if (stopped_ || draining_) return due(p, {});
  if (queued() >= limits::proposals_queued_max) return due(p, {settlement_kind::overloaded, {}, {}, {}});
  std::size_t bytes = 0;
  for (const auto& record : p.events) bytes += events::encoded_size_max(record);
  if (bytes + events::batch_overhead(options_.node.size()) > options_.frame_bytes_max) {
    return due(p, {settlement_kind::too_large, {}, {}, {}});
  }
  queue_.push_back(std::move(p));
}

std::optional<shard::frame_to_send> shard::next_frame(events::timestamp now, bool caught_up) {
  if (stopped_) return std::nullopt;
  expire(now);  // an append may take longer than a deadline
  if (awaiting_outcome_) return std::nullopt;
  // Where nobody else can append there is no unknown fate: what is durable will be read back, however slow the disk is.
  const auto late = [&](const std::optional<in_flight>& f) {
    return f && !options_.exclusive && now - f->sent > limits::settle_timeout;
  };
  if (late(batch_)) must_claim_ = true;
  if (late(claim_)) claim_.reset();  // it may still be accepted, and is adopted then: its incarnation is remembered
  if (claim_) return std::nullopt;
  if (!holds_ || must_claim_) {
    if (should_own_ && std::exchange(superseded_, false))
      claim_not_before_ = std::max(claim_not_before_, now + claim_pause());
    if (!may_claim(now, caught_up)) return std::nullopt;
    const bool compared = claim_checked_ && now - *claim_checked_ <= limits::log_check_valid;
    if (!options_.exclusive && !compared) return std::nullopt;
    return build_claim(now);
  }
  if (batch_) return std::nullopt;
  return build_batch(now);
}

// Whoever meets another claimer tries again after a random pause, so that one of them wins.
std::chrono::milliseconds shard::claim_pause() {
  const std::chrono::milliseconds longest = limits::claim_backoff_max;
  return longest * static_cast<std::uint8_t>(random_.draw(1)[0]) / 255;
}

bool shard::may_claim(events::timestamp now, bool caught_up) const {
  const bool needed = !claim_ && !awaiting_outcome_ && (!holds_ || must_claim_);
  return needed && should_own_ && !draining_ && caught_up && now >= claim_not_before_;
}

std::optional<log_position> shard::next_check(events::timestamp now, bool caught_up) {
  if (options_.exclusive || stopped_ || checking_ || now < check_not_before_) return std::nullopt;
  const bool periodic = !last_check_ || now - *last_check_ >= limits::log_check_interval || now < *last_check_;
  const bool compared = claim_checked_ && now - *claim_checked_ <= limits::log_check_valid;
  if (!periodic && (compared || superseded_ || !may_claim(now, caught_up))) return std::nullopt;
  checking_ = true;
  check_asked_ = now;
  return position();
}

void shard::checked(const result<void>& found, events::timestamp now) {
  MUSTER_ASSERT(checking_);
  checking_ = false;
  if (stopped_) return;
  if (found) {
    last_check_ = claim_checked_ = check_asked_;
    return;
  }
  check_not_before_ = now + limits::log_check_pause;
  if (found.error().code == errc::corrupt) stop(found.error().text);
}

std::optional<shard::frame_to_send> shard::build_claim(events::timestamp now) {
  auto frame = new_frame(events::frame_kind::claim, now);
  frame.epoch = position().epoch.next();
  frame.incarnation = random_.draw_id<events::incarnation_id>();
  frame.folded_sequence = position().sequence;
  frame.folded_head = position().head;
  claimed_.push_back({frame.incarnation, frame.epoch});
  // One that is forgotten and accepted all the same is nobody's: then there is another claim.
  if (claimed_.size() > limits::open_claims_max) claimed_.pop_front();
  claim_checked_.reset();
  outgoing_frame out{options_.id, events::encode_frame(frame)};
  claim_ = in_flight{events::sha256(out.bytes), {}, now};
  awaiting_outcome_ = last_was_claim_ = true;
  claim_not_before_ = now + claim_pause();
  return frame_to_send{std::move(out), {}};
}

std::optional<shard::frame_to_send> shard::build_batch(events::timestamp now) {
  if (queue_.empty()) return std::nullopt;
  auto frame = new_frame(events::frame_kind::batch, now);
  frame.epoch = position().epoch;
  frame.incarnation = incarnation_;
  std::vector<proposal> taken;
  std::vector<named_key> keys;
  std::unordered_set<std::uint64_t> written;
  std::size_t bytes = events::batch_overhead(options_.node.size());
  while (!queue_.empty()) {
    auto& p = queue_.front();
    if (const auto conflict = check_against_fold(p)) {
      due(p, *conflict);
      queue_.pop_front();
      continue;
    }
    if (std::ranges::any_of(p.reads, [&](const key_read& r) { return written.contains(r.key); })) {
      waiting_.push_back(std::move(p));
      queue_.pop_front();
      continue;
    }
    if (settle_at_once(p)) {
      due(p, {settlement_kind::committed, position().sequence.next(), position().time, {}});
      queue_.pop_front();
      continue;
    }
    std::size_t size = 0;
    for (const auto& record : p.events) size += events::encoded_size_max(record);
    const bool full =
        bytes + size > options_.frame_bytes_max || frame.records.size() + p.events.size() > limits::frame_events_max;
    if (full && !taken.empty()) break;
    bytes += size;
    for (const auto& record : p.events) {
      written.insert(key_hash(record.meta.stream.text()));
      written.insert(record.index_keys.begin(), record.index_keys.end());
      frame.records.push_back(record);
    }
    keys.insert(keys.end(), p.keys.begin(), p.keys.end());
    taken.push_back(std::move(p));
    queue_.pop_front();
  }
  if (taken.empty()) return std::nullopt;
  outgoing_frame out{options_.id, events::encode_frame(frame)};
  batch_ = in_flight{events::sha256(out.bytes), std::move(taken), now};
  awaiting_outcome_ = true;
  last_was_claim_ = false;
  return frame_to_send{std::move(out), std::move(keys)};
}

// Where nobody else can append, a decision without events is settled by the check alone.
bool shard::settle_at_once(const proposal& p) const {
  return options_.exclusive && p.events.empty() && !p.framed;
}

std::optional<settlement> shard::check_against_fold(const proposal& p) const {
  events::log_sequence reload_at;
  for (const auto& read : p.reads) {
    const auto changed = memory_.last_change(read.key);
    if (read.seen < changed) reload_at = std::max(reload_at, changed);
  }
  if (reload_at == events::log_sequence()) return std::nullopt;
  return settlement{settlement_kind::conflict, {}, {}, reload_at};
}

void shard::appended(append_outcome outcome, events::timestamp now) {
  MUSTER_ASSERT(awaiting_outcome_);
  awaiting_outcome_ = false;
  auto& sent = last_was_claim_ ? claim_ : batch_;
  if (!sent) return;  // read back, and so settled, before the journal's word came
  switch (outcome) {
  case append_outcome::durable:
    break;  // it counts when it is read back
  case append_outcome::unknown:
    if (last_was_claim_) claim_.reset();  // adopted if it is ever accepted
    must_claim_ = true;
    break;
  case append_outcome::refused:
    if (last_was_claim_) {
      claim_.reset();
      claim_not_before_ = std::max(claim_not_before_, now);
    } else {
      give_up_batch();
    }
    break;
  }
}

void shard::not_sent() {
  MUSTER_ASSERT(awaiting_outcome_);
  awaiting_outcome_ = false;
  if (last_was_claim_)
    claim_.reset();
  else
    give_up_batch();
}

// It is known not to be on the log.
void shard::give_up_batch() {
  if (!batch_) return;
  auto landed = std::move(*batch_);
  batch_.reset();
  for (auto& p : landed.proposals) due(p, {});
  requeue(std::move(waiting_));
  waiting_.clear();
}

bool shard::idle() const {
  return queue_.empty() && waiting_.empty() && !batch_ && !claim_ && !awaiting_outcome_;
}

void shard::stop(std::string reason) {
  if (stopped_) return;
  stopped_ = std::move(reason);
  holds_ = false;
  const settlement in_doubt{settlement_kind::unavailable, {}, {}, {}, true};
  for (auto& each : due_) {
    if (each.what.kind == settlement_kind::committed) each.what = in_doubt;
  }
  if (batch_) {
    for (auto& p : batch_->proposals) due(p, in_doubt);
  }
  batch_.reset();
  claim_.reset();
  requeue(std::move(waiting_));
  waiting_.clear();
  for (auto& p : queue_) due(p, {});
  queue_.clear();
}

void shard::requeue(std::vector<proposal> proposals) {
  queue_.insert(queue_.begin(), std::make_move_iterator(proposals.begin()), std::make_move_iterator(proposals.end()));
}

void shard::expire(events::timestamp now) {
  const auto passed = [&](proposal& p) {
    if (p.deadline >= now) return false;
    due(p, {});
    return true;
  };
  std::erase_if(queue_, passed);
  std::erase_if(waiting_, passed);  // never sent
}

void shard::due(proposal& p, settlement what) {
  due_.push_back({std::move(p.settled), what});
}

events::frame shard::new_frame(events::frame_kind kind, events::timestamp now) const {
  events::frame frame;
  frame.kind = kind;
  frame.journal = options_.journal;
  frame.shard = options_.id;
  frame.first_sequence = position().sequence.next();
  frame.prev_hash = position().head;
  frame.time = std::max(now, position().time);
  frame.node = options_.node;
  return frame;
}

}  // namespace muster::engine
