#include "actors/strangers.hpp"

#include "actors/hub_readers.hpp"
#include "actors/rejections.hpp"
#include "actors/supervision.hpp"
#include "engine/limits.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace muster::actors {

using namespace std::chrono_literals;

bool strangers::let_in(const command_ptr& c, const engine::evidence& shown) {
  auto verdict = engine::attest(*c->judged_on.value, {}, nullptr, shown, deps().clock.now());
  count_attestation(deps().telemetry, verdict);
  if (verdict.group) {
    c->verdict = std::move(verdict);
    return true;
  }
  refuse(c, shown, verdict);
  return false;
}

void strangers::refuse(const command_ptr& c, const engine::evidence& shown,
                       const engine::attestation_verdict& verdict) {
  const auto now = deps().clock.now();
  if (!c->admitted && !ties_->budget.admit(shown.source_address, *verdict.refusal, now))
    return c->answer(too_many_attempts());
  c->admitted = true;
  log_closed_groups(deps().log, ties_->scope, shown.presented, verdict);
  no_hub_reader hubs;
  const auto d = engine::decide_refusal(
      {}, shown, verdict, events::stream_name::refusals(ties_->scope),
      {{now, deps().entropy, *c->judged_on.value, c->judged_on.sequence}, {}, nullptr, nullptr, hubs});
  auto p = engine::to_proposal(d, c->who, nullptr, {}, c->deadline);
  // Nothing here waits for it: the answer goes out from the shard's thread, and a conflict begins anew.
  ties_->budget.wrote(nullptr, 1, engine::bytes_of(p), now);
  p.settled = [c, rejected = *d.rejected, to = scope_actor(self_)](const engine::settlement& what) {
    if (what.kind == engine::settlement_kind::committed) return c->answer(rejected);
    if (begins_anew(*c, what)) return caf::anon_send(to, c);
    c->answer(engine::not_recorded(what));
  };
  deps().shards.propose(c->judged_on.value->shard, std::move(p));
}

void strangers::sum_up() {
  sum_up_until(deps().clock.now(), nullptr);
}

void strangers::sum_up_all(std::shared_ptr<void> done) {
  if (summing_up_)
    asked_meanwhile_ = std::move(done);
  else
    sum_up_until(deps().clock.now() + 1min, std::move(done));
}

// Every attempt is accounted for: counts are forgotten only once they are on the log, and until then sent again.
void strangers::sum_up_until(events::timestamp until, std::shared_ptr<void> done) {
  const auto snapshot = deps().catalog.find(ties_->scope).value;
  if (summing_up_ || !snapshot) return;
  if (unsent_.counts.empty()) unsent_ = ties_->budget.take_summary(until);
  if (unsent_.counts.empty()) return;
  summing_up_ = true;
  auto p = engine::to_proposal(summary_of(*snapshot), {"muster", deps().entropy.draw_uuid(), {}, {}}, nullptr, {},
                               deps().clock.now() + engine::limits::command_deadline);
  p.settled = [to = scope_actor(self_), done = std::move(done)](const engine::settlement& what) {
    caf::anon_send(to, summary_settled{what.kind == engine::settlement_kind::committed});
  };
  deps().shards.propose(snapshot->shard, std::move(p));
}

engine::decision strangers::summary_of(const engine::scope_snapshot& snapshot) const {
  const auto stream = events::stream_name::refusals(ties_->scope);
  events::attempts_suppressed suppressed{unsent_.from, unsent_.to, {}};
  for (const auto& each : unsent_.counts) {
    auto& count = suppressed.counts.emplace_back();
    count.reason = each.reason;
    count.count = each.count;
    if (!each.address.empty())
      count.source_address = engine::seal(snapshot.data_key, stream, "sourceAddress", each.address, deps().entropy);
  }
  engine::decision d;
  d.events.push_back({stream, {}, std::move(suppressed), {}});
  return d;
}

void strangers::summed_up(bool recorded) {
  summing_up_ = false;
  if (recorded)
    unsent_ = {};
  else
    deps().log.write(engine::log_level::warning, "a summary of suppressed attempts was not recorded yet");
  if (asked_meanwhile_) sum_up_all(std::exchange(asked_meanwhile_, nullptr));
}

}  // namespace muster::actors
