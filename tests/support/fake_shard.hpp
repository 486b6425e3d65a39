#pragma once

#include "actors/scope_catalog.hpp"
#include "engine/fold.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/proposal_sink.hpp"
#include "engine/scope_memory.hpp"
#include "projections/memory_projection.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace muster::tests {

/// Whether `p` writes an event of type `muster.NAME.v1`.
inline bool writes(const engine::proposal& p, std::string_view name) {
  const auto type = "muster." + std::string(name) + ".v1";
  return std::ranges::any_of(p.events, [&](const events::event_record& each) { return each.meta.type == type; });
}

/// The shards of a node without threads: the real fold and writer over the journal that it is given, with projections
/// in memory. Nothing happens until `step`. A test may hold proposals back, or decide what becomes of them.
class fake_shards final : public engine::proposal_sink {
public:
  fake_shards(engine::journal& journal, engine::keyring& keys, engine::clock& clock, engine::entropy& random,
              actors::scope_catalog& catalog)
      : journal_(journal), keys_(keys), clock_(clock), random_(random), catalog_(catalog) {
    for (std::uint32_t i = 0; i < journal.identity().shards; ++i) {
      slots_.push_back(std::make_unique<slot>(options_of(events::shard_id(i), "node-a"), keys, random));
    }
  }

  /// Proposals for which this is true wait until `release`.
  std::function<bool(const engine::proposal&)> hold;
  /// What becomes of the next proposal that writes an event of that name; it does not reach the log.
  std::map<std::string, engine::settlement_kind> refuse_next;

  void propose(events::shard_id shard, engine::proposal p) override {
    auto& s = *slots_[shard.value()];
    if (const auto fate = std::ranges::find_if(refuse_next, [&](const auto& each) { return writes(p, each.first); });
        fate != refuse_next.end()) {
      s.refused.emplace_back(std::move(p), fate->second);
      refuse_next.erase(fate);
    } else if (!s.serving) {
      s.refused.emplace_back(std::move(p), engine::settlement_kind::unavailable);
    } else if (hold && hold(p)) {
      held_.emplace_back(shard, std::move(p));
    } else {
      s.writer.propose(std::move(p));
    }
  }

  bool open(events::shard_id shard) const override { return slots_[shard.value()]->serving; }

  /// A shard serves from the next `step` on that finds its claim accepted.
  void start_serving(std::uint32_t shard) { slots_[shard]->wanted = true; }
  /// It no longer serves; what it has taken it still writes.
  void stop_serving(std::uint32_t shard) {
    slots_[shard]->wanted = slots_[shard]->serving = false;
    catalog_.set_view(events::shard_id(shard), nullptr);
  }

  void release() {
    hold = nullptr;
    for (auto& [shard, p] : std::exchange(held_, {})) propose(shard, std::move(p));
  }
  std::size_t held() const { return held_.size(); }

  /// Another node claims the shard and writes `p`; this one reads it with the next step.
  void write_elsewhere(std::uint32_t shard, engine::proposal p) {
    engine::shard other(options_of(events::shard_id(shard), "node-b"), {}, random_);
    other.should_own(true);
    other.propose(std::move(p));
    do {
      for (const auto& record : read(shard, other.position())) other.fold(record);
    } while (send(other));
  }

  /// One round of every shard. True if something happened.
  bool step() {
    bool happened = false;
    for (auto& s : slots_) happened = step(*s) || happened;
    return happened;
  }

  /// Makes the snapshots anew from the rows, as a restart does.
  void reload(events::shard_id shard) {
    auto& s = *slots_[shard.value()];
    s.scopes = std::make_unique<engine::scope_memory>(shard, keys_);
    MUSTER_ASSERT(s.scopes->load(*s.projection).has_value());
    publish(s);
  }

  /// The shard's read models, whether it serves or not.
  engine::shard_view& rows(std::uint32_t shard) { return *slots_[shard]->projection; }

private:
  struct slot {
    slot(engine::shard_options options, engine::keyring& keys, engine::entropy& random)
        : id(options.id), writer(std::move(options), {}, random),
          scopes(std::make_unique<engine::scope_memory>(id, keys)) {
      writer.should_own(true);
    }
    events::shard_id id;
    std::shared_ptr<engine::shard_projection> projection = projections::make_memory_projection();
    engine::shard writer;
    std::unique_ptr<engine::scope_memory> scopes;
    bool wanted = true;
    bool serving = false;
    std::vector<std::pair<engine::proposal, engine::settlement_kind>> refused;
  };

  engine::shard_options options_of(events::shard_id shard, std::string node) const {
    engine::shard_options options;
    options.journal = journal_.identity().id;
    options.id = shard;
    options.node = std::move(node);
    options.exclusive = true;
    return options;
  }

  std::vector<engine::log_record> read(std::uint64_t shard, const engine::log_position& from) {
    auto records = journal_.read(events::shard_id(shard), from.next_offset, std::numeric_limits<std::size_t>::max());
    MUSTER_ASSERT(records.has_value());
    return std::move(*records);
  }

  bool send(engine::shard& writer) {
    auto frame = writer.next_frame(clock_.now(), true);
    if (!frame) return false;
    MUSTER_ASSERT(keys_.store(frame->keys).has_value());
    writer.appended(engine::append_and_wait(journal_, {frame->frame}).front(), clock_.now());
    return true;
  }

  void fold(slot& s, const engine::log_record& record) {
    auto accepted = s.writer.fold(record);
    MUSTER_ASSERT(!s.writer.stopped());
    if (!accepted) return;
    const auto frame = engine::read_events(std::move(*accepted));
    MUSTER_ASSERT(frame.has_value());
    MUSTER_ASSERT(s.projection->apply(std::span(&*frame, 1)).has_value());
    s.scopes->fold(*frame);
  }

  bool step(slot& s) {
    const auto before = s.writer.position();
    const bool sent = send(s.writer);
    for (const auto& record : read(s.id.value(), s.writer.position())) fold(s, record);
    publish(s);
    auto settlements = s.writer.take_settlements();
    for (auto& each : settlements) each.settled(each.what);
    auto refused = std::exchange(s.refused, {});
    for (auto& [p, kind] : refused) p.settled({kind, {}, {}, {}});
    return sent || before != s.writer.position() || !settlements.empty() || !refused.empty();
  }

  void publish(slot& s) {
    auto changed = s.scopes->take_changed();
    MUSTER_ASSERT(changed.has_value());
    for (auto& snapshot : *changed) catalog_.publish(std::move(snapshot));
    catalog_.folded_to(s.id, s.writer.position().sequence);
    const bool serves = s.wanted && s.writer.open();
    if (serves != s.serving) catalog_.set_view(s.id, serves ? s.projection : nullptr);
    s.serving = serves;
  }

  engine::journal& journal_;
  engine::keyring& keys_;
  engine::clock& clock_;
  engine::entropy& random_;
  actors::scope_catalog& catalog_;
  std::vector<std::unique_ptr<slot>> slots_;
  std::vector<std::pair<events::shard_id, engine::proposal>> held_;
};

}  // namespace muster::tests
