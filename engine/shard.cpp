#include "engine/shard.hpp"

#include "engine/limits.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace muster::engine {

std::uint64_t key_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a, then a finaliser that spreads it over all bits
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 33U);
}

shard::shard(shard_options options, log_position start, entropy& random)
    : options_(std::move(options)), rule_(options_.journal, options_.id, start),
      memory_(start.sequence, options_.changed_keys_max == 0 ? limits::changed_keys_max : options_.changed_keys_max),
      random_(random) {
  if (options_.frame_bytes_max == 0) options_.frame_bytes_max = limits::frame_bytes_max;
}

// ---- the log

std::optional<shard::accepted_frame> shard::fold(const log_record& record) {
  if (stopped_) return std::nullopt;
  const auto seen = rule_.judge(record.offset, record.bytes);
  if (seen.what == verdict::divergent || seen.what == verdict::unreadable) {
    stop(seen.reason);
    return std::nullopt;
  }
  const bool accepted = seen.what == verdict::accepted;
  if (!accepted) ++void_frames_;
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

// A frame of ours came back: what rode in it is settled by the verdict.
void shard::settle_what_came_back(const judgement& seen, bool accepted) {
  if (claim_ && claim_->hash == seen.hash) claim_.reset();
  if (!batch_ || batch_->hash != seen.hash) return;
  auto landed = std::move(*batch_);
  batch_.reset();
  if (accepted) {
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
  holds_ = claimed_.contains(h.incarnation);
  incarnation_ = h.incarnation;
  must_claim_ = false;
  // Whatever was on its way under an earlier claim can no longer count.
  if (batch_) {
    auto dead = std::move(*batch_);
    batch_.reset();
    requeue(std::move(waiting_));
    waiting_.clear();
    requeue(std::move(dead.proposals));
  }
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
  if (bytes > options_.frame_bytes_max - (options_.frame_bytes_max / 16)) {
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
    if (!should_own_ || draining_ || !caught_up || now < claim_not_before_) return std::nullopt;
    return build_claim(now);
  }
  if (batch_) return std::nullopt;
  return build_batch(now);
}

std::optional<shard::frame_to_send> shard::build_claim(events::timestamp now) {
  auto frame = new_frame(events::frame_kind::claim, now);
  frame.epoch = position().epoch.next();
  frame.incarnation = random_.draw_id<events::incarnation_id>();
  frame.folded_sequence = position().sequence;
  frame.folded_head = position().head;
  claimed_.insert(frame.incarnation);
  outgoing_frame out{options_.id, events::encode_frame(frame)};
  claim_ = in_flight{events::sha256(out.bytes), {}, now};
  awaiting_outcome_ = last_was_claim_ = true;
  // Whoever meets another claimer tries again after a random pause, so that one of them wins.
  const std::chrono::milliseconds longest = limits::claim_backoff_max;
  claim_not_before_ = now + longest * static_cast<std::uint8_t>(random_.draw(1)[0]) / 255;
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
  std::size_t bytes = 1024;  // more than a header takes
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
