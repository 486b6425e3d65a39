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

log_rule::log_rule(events::journal_id journal, events::shard_id shard, log_position start)
    : journal_(journal), shard_(shard), position_(std::move(start)), heads_{{position_.sequence, position_.head}} {}

judgement log_rule::judge(events::log_offset offset, std::string_view bytes) {
  MUSTER_ASSERT(offset >= position_.next_offset);
  const auto header = events::read_header(bytes);
  judgement verdict_here;
  if (!header) {
    if (events::may_belong_to(bytes, journal_)) {
      return {verdict::unreadable,
              "the frame at offset " + number(offset) + " cannot be read: " + header.error().text,
              {},
              {}};
    }
    verdict_here = voided("not a frame of this journal");
  } else if (header->journal != journal_) {
    verdict_here = voided("a frame of another journal");
  } else if (header->shard != shard_) {
    return {verdict::unreadable,
            "the frame at offset " + number(offset) + " belongs to shard " + number(header->shard) + ", not to shard " +
                number(shard_),
            {},
            {}};
  } else {
    verdict_here = header->kind == events::frame_kind::claim ? judge_claim(*header) : judge_batch(*header);
    verdict_here.header = *header;
  }
  if (verdict_here.what == verdict::divergent) return verdict_here;
  verdict_here.hash = events::sha256(bytes);
  position_.next_offset = offset.next();
  position_.last_offset = offset;
  position_.last_hash = verdict_here.hash;
  if (verdict_here.what == verdict::accepted) accept(verdict_here);
  return verdict_here;
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

bool log_rule::passed(events::log_sequence sequence, const events::digest& head) const {
  if (sequence <= heads_.front().sequence) return true;  // forgotten long ago: not judged
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
  position_.time = std::max(position_.time, h.time);
  heads_.push_back({position_.sequence, position_.head});
  if (heads_.size() > limits::remembered_heads_max) heads_.pop_front();
}

}  // namespace muster::engine
