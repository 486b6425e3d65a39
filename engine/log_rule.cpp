#include "engine/log_rule.hpp"

#include "engine/error.hpp"
#include "engine/limits.hpp"

#include <algorithm>

namespace muster::engine {

namespace {

judgement voided(std::string reason) {
  return {verdict::void_frame, std::move(reason), {}, {}};
}
judgement divergent(std::string reason) {
  return {verdict::divergent, std::move(reason), {}, {}};
}

std::string number(auto counter) {
  return std::to_string(counter.value());
}

}  // namespace

log_rule::log_rule(events::journal_id journal, events::shard_id shard, log_position start, repair_lookup repaired)
    : journal_(journal), shard_(shard), position_(std::move(start)), repaired_(std::move(repaired)),
      heads_{{position_.sequence, position_.head, std::nullopt}},
      knows_all_heads_(position_.epoch == events::shard_epoch()) {}

judgement log_rule::judge(events::log_offset offset, std::string_view bytes) {
  MUSTER_ASSERT(offset >= position_.next_offset);
  auto seen = verdict_on(offset, bytes);
  seen.hash = events::sha256(bytes);
  if (seen.what == verdict::divergent || seen.what == verdict::unreadable) {
    if (!repaired_ || !repaired_(offset, seen.hash)) return seen;
    seen.what = verdict::void_frame;
    seen.reason = "passed by an operator's repair: " + seen.reason;
  }
  position_.next_offset = offset.next();
  position_.last_offset = offset;
  position_.last_hash = seen.hash;
  if (seen.what == verdict::accepted) accept(seen);
  return seen;
}

judgement log_rule::verdict_on(events::log_offset offset, std::string_view bytes) const {
  const auto unreadable = [&](const std::string& why) {
    return judgement{verdict::unreadable, "the frame at offset " + number(offset) + " " + why, {}, {}};
  };
  const auto header = events::read_header(bytes);
  if (!header) {
    if (events::may_belong_to(bytes, journal_)) return unreadable("cannot be read: " + header.error().text);
    return voided("not a frame of this journal");
  }
  if (header->journal != journal_) {
    auto seen = voided("a frame of another journal");
    seen.header = *header;
    return seen;
  }
  if (header->shard != shard_)
    return unreadable("belongs to shard " + number(header->shard) + ", not to shard " + number(shard_));
  auto seen = header->kind == events::frame_kind::claim   ? judge_claim(*header)
              : header->kind == events::frame_kind::batch ? judge_batch(*header)
                                                          : judge_repair(*header);
  seen.header = *header;
  return seen;
}

judgement log_rule::judge_claim(const events::frame_header& h) const {
  if (!passed(h.folded_sequence, h.folded_head)) {
    return divergent("the claim of epoch " + number(h.epoch) + " by node '" + std::string(h.node) +
                     "' rests on sequence " + number(h.folded_sequence) + " with a head that this fold never had");
  }
  if (h.epoch > position_.epoch.next()) {
    return divergent("the claim of epoch " + number(h.epoch) + " by node '" + std::string(h.node) +
                     "' skips epochs: the current one is " + number(position_.epoch));
  }
  if (h.epoch != position_.epoch.next()) return voided("a claim that came too late");
  return {verdict::accepted, {}, {}, {}};
}

judgement log_rule::judge_batch(const events::frame_header& h) const {
  if (h.incarnation != position_.incarnation) {
    if (h.epoch < position_.epoch) return voided("a batch of a former owner");
    return divergent("a batch of epoch " + number(h.epoch) + " by node '" + std::string(h.node) +
                     "' follows a claim that this fold never saw");
  }
  if (h.epoch != position_.epoch) return divergent("a batch of the current claim names epoch " + number(h.epoch));
  if (h.first_sequence == position_.sequence.next() && h.prev_hash == position_.head)
    return {verdict::accepted, {}, {}, {}};
  const events::log_sequence before(h.first_sequence.value() - 1);
  if (passed(before, h.prev_hash)) return voided("a batch that came twice");
  return divergent("a batch of the current claim follows sequence " + number(before) +
                   " with a head that this fold never had");
}

judgement log_rule::judge_repair(const events::frame_header& h) const {
  const bool counted = std::ranges::any_of(heads_, [&](const passed_head& each) { return each.frame == h.repaired; });
  if (!counted) return voided("a repair by operator '" + std::string(h.by) + "': " + std::string(h.reason));
  return divergent("operator '" + std::string(h.by) + "' says that the frame " +
                   events::to_hex(events::as_bytes(h.repaired)) + " does not count (" + std::string(h.reason) +
                   "), but this fold has counted it");
}

bool log_rule::passed(events::log_sequence sequence, const events::digest& head) const {
  if (!knows_all_heads_ && sequence <= heads_.front().sequence) return true;  // forgotten long ago: not judged
  return std::ranges::any_of(heads_,
                             [&](const passed_head& each) { return each.sequence == sequence && each.head == head; });
}

void log_rule::accept(const judgement& accepted) {
  const auto& h = accepted.header;
  if (h.kind == events::frame_kind::claim) {
    position_.epoch = h.epoch;
    position_.incarnation = h.incarnation;
  }
  position_.sequence = events::log_sequence(position_.sequence.value() + h.count);
  position_.head = events::sha256(events::as_bytes(position_.head), events::as_bytes(accepted.hash));
  position_.counted_offset = position_.last_offset;
  position_.counted_hash = accepted.hash;
  position_.time = std::max(position_.time, h.time);
  heads_.push_back({position_.sequence, position_.head, accepted.hash});
  if (heads_.size() <= limits::remembered_heads_max) return;
  heads_.pop_front();
  knows_all_heads_ = false;
}

}  // namespace muster::engine
