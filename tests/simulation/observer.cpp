#include "tests/simulation/observer.hpp"

#include "tests/simulation/defects.hpp"

#include <algorithm>

namespace muster::simulation {

namespace {
constexpr std::uint64_t table_interval = 64;
}

std::optional<std::string> observer::landed(std::uint64_t offset, std::string_view bytes) {
  ++frames_;
  auto after = states_.back();
  after.offset = offset;
  after.counts = after.stops = false;
  const auto header = events::read_header(bytes);
  if (!header || header->journal != journal_) {
    states_.push_back(after);
    return std::nullopt;
  }
  const auto& h = *header;
  if (h.kind == events::frame_kind::claim) {
    after.stops = h.epoch.value() > after.epoch + 1 || !passed(h.folded_sequence.value(), h.folded_head);
    after.counts = !after.stops && h.epoch.value() == after.epoch + 1;
    // Takes over this planted rule, so that its harm is found and not the mere difference.
    if (planted(defect::claim_extends_chain) && h.prev_hash != after.head) after.counts = false;
    if (after.counts) {
      ++claims_;
      after.epoch = h.epoch.value();
      after.incarnation = h.incarnation;
      after.node = h.node;
    }
  } else if (h.kind == events::frame_kind::batch) {
    after.counts = h.incarnation == after.incarnation && h.epoch.value() == after.epoch &&
                   h.first_sequence.value() == after.sequence + 1 && h.prev_hash == after.head;
    if (!after.counts) {
      after.stops = h.incarnation == after.incarnation ? !passed(h.first_sequence.value() - 1, h.prev_hash)
                                                       : h.epoch.value() >= after.epoch;
    }
  }
  if (!after.counts) {
    states_.push_back(after);
    return std::nullopt;
  }
  ++counting_;
  const auto hash = events::sha256(bytes);
  after.head = events::sha256(events::as_bytes(after.head), events::as_bytes(hash));
  after.sequence += h.count;
  if (h.kind == events::frame_kind::batch && h.time < after.time)
    return "log time goes backwards at offset " + std::to_string(offset);
  after.time = std::max(after.time, h.time);
  states_.push_back(after);
  if (h.count == 0) return std::nullopt;

  const auto records = events::read_records(h);
  if (!records) return "a frame that counts cannot be read: " + records.error().text;
  for (const auto& record : *records) {
    const auto e = to_effect(record);
    const auto where = " at sequence " + std::to_string(record.meta.sequence.value()) + ": " + to_text(e);
    if (const auto why = objection(table_, e)) return "wrong event" + where + ": " + *why;
    if (given_up_.contains(e.attempt)) return "an event that had been given up counts" + where;
    stand_.insert(e.attempt);
    effects_.push_back(e);
    evolve(table_, e, effects_.size());
    if (effects_.size() % table_interval == 0) tables_.push_back(table_);
  }
  return std::nullopt;
}

void observer::truncated(std::size_t records) {
  states_.resize(records + 1);
  const auto sequence = states_.back().sequence;
  table_ = table_as_of(sequence);
  effects_.resize(sequence);
  tables_.resize((sequence / table_interval) + 1);
  stand_.clear();
  for (const auto& each : effects_) stand_.insert(each.attempt);
  given_up_.clear();  // settled by claims that are gone
}

bool observer::passed(std::uint64_t sequence, const events::digest& head) const {
  for (auto at = states_.rbegin(); at != states_.rend() && at->sequence >= sequence; ++at) {
    if (at->sequence == sequence && at->head == head) return true;
  }
  return false;
}

std::optional<std::string> observer::given_up(int attempt) {
  if (stand_.contains(attempt)) return "attempt " + std::to_string(attempt) + " was given up, but its event counts";
  given_up_.insert(attempt);
  return std::nullopt;
}

std::optional<std::string> observer::check(const command& c, const answer& a, std::uint64_t answered_before) const {
  if (a.kind == answer_kind::unavailable) return std::nullopt;
  if (a.kind == answer_kind::done || a.kind == answer_kind::recorded) {
    if (a.sequence == 0 || a.sequence > effects_.size()) return "it was answered, but nothing stands there on the log";
    if (effects_[a.sequence - 1].command != c.id) return "it was answered, but something else stands there on the log";
  }
  const auto place = a.kind == answer_kind::done ? a.sequence : a.as_of;
  if (place < answered_before) {
    return "it does not see what had been answered before it arrived, up to sequence " +
           std::to_string(answered_before);
  }
  if (a.kind == answer_kind::done) return std::nullopt;
  if (a.as_of > effects_.size()) return "it names a sequence that does not exist";
  return objection(table_as_of(a.as_of), c, a);
}

const observer::state* observer::behind(std::uint64_t offset) const {
  const auto found = std::ranges::lower_bound(states_.begin() + 1, states_.end(), offset, {}, &state::offset);
  return found == states_.end() || found->offset != offset ? nullptr : &*found;
}

rows observer::table_as_of(std::uint64_t sequence) const {
  if (sequence == effects_.size()) return table_;
  auto table = tables_[sequence / table_interval];
  for (auto s = sequence / table_interval * table_interval; s < sequence; ++s) evolve(table, effects_[s], s + 1);
  return table;
}

}  // namespace muster::simulation
