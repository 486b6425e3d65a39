#include "actors/scope.hpp"

#include "actors/supervision.hpp"
#include "engine/limits.hpp"
#include "engine/recorded_answer.hpp"
#include "engine/service_decisions.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace muster::actors {

using namespace std::chrono_literals;
namespace limits = engine::limits;
using engine::rejection_code;

namespace {

constexpr std::size_t own_queue_max = 256;
constexpr std::size_t asked_to_go_max = 1024;  // in one sweep; more go with the next

struct no_hubs final : engine::hub_reader {
  engine::result<engine::as_of<engine::hub_device_state>> find(const events::hub_name&,
                                                               const events::device_id&) override {
    return engine::as_of<engine::hub_device_state>{};
  }
};

}  // namespace

void scope::init(actor_dependencies* dependencies, scope_options options, events::id_scope id,
                 scope_actor::pointer self) {
  d_ = dependencies;
  options_ = options;
  id_ = std::move(id);
  self_ = self;
  ties_ = std::make_shared<device_ties>(dependencies, id_, scope_actor(self), options.spending);
}

void scope::take(command_ptr c) {
  if (const auto* id = engine::device_of(c->what)) {
    return outlive(
        *d_, [&] { take_device_command(c, *id); },
        [&] { c->reject(rejection_code::unavailable, "The request failed; nothing has changed.", 1s); });
  }
  if (!current_) return start_own(std::move(c));
  if (queue_.size() >= own_queue_max) {
    return c->reject(rejection_code::too_many_requests, "Too many requests for this service are waiting.", 1s);
  }
  queue_.push_back(std::move(c));
}

// ---- devices

void scope::take_device_command(const command_ptr& c, const events::registration_id& id) {
  if (const auto at = children_.find(id.key()); at != children_.end()) return send_to(at->second, c);
  if (c->deadline < d_->clock.now())
    return c->reject(rejection_code::unavailable, "The request was not decided in time.", 1s);
  const auto now = d_->catalog.find(id_);
  const auto view = now.value ? d_->catalog.view(now.value->shard) : nullptr;
  if (!view) return c->reject(rejection_code::unavailable, "The service is not open on this node yet.", 1s);
  if (const auto* shown = engine::evidence_of(c->what)) {
    // An ID with neither enrollment nor record nor a group that vouches for it gets no actor.
    const auto stored = view->device(id_, id);
    if (!stored) return c->reject(rejection_code::unavailable, "The device's data cannot be read.", 1s);
    if (!stored->value.enrollment && !stored->value.registration) {
      c->judged_on = now;
      if (!judge_stranger(c, *shown)) return;
    }
  }
  send_to(child_of(id), c);
}

bool scope::judge_stranger(const command_ptr& c, const engine::evidence& shown) {
  auto verdict = engine::attest(*c->judged_on.value, {}, nullptr, shown, d_->clock.now());
  count_attestation(d_->telemetry, verdict);
  if (verdict.group) {
    c->verdict = std::move(verdict);
    return true;
  }
  refuse_stranger(c, shown, verdict);
  return false;
}

void scope::refuse_stranger(const command_ptr& c, const engine::evidence& shown,
                            const engine::attestation_verdict& verdict) {
  const auto now = d_->clock.now();
  if (!c->admitted && !ties_->budget.admit(shown.source_address, *verdict.refusal, now))
    return c->answer(too_many_attempts());
  c->admitted = true;
  log_closed_groups(d_->log, id_, shown.presented, verdict);
  no_hubs hubs;
  const auto d = engine::decide_refusal(
      {}, shown, verdict, events::stream_name::refusals(id_),
      {{now, d_->entropy, *c->judged_on.value, c->judged_on.sequence}, {}, nullptr, nullptr, hubs});
  auto p = engine::to_proposal(d, c->who, nullptr, {}, c->deadline);
  // Nothing here waits for it: the answer goes out from the shard's thread, and a conflict begins anew.
  ties_->budget.wrote(nullptr, 1, engine::bytes_of(p), now);
  p.settled = [c, rejected = *d.rejected, to = scope_actor(self_)](const engine::settlement& what) {
    if (what.kind == engine::settlement_kind::committed) return c->answer(rejected);
    if (what.kind == engine::settlement_kind::conflict && ++c->tries <= limits::conflict_retries_max) {
      return caf::anon_send(to, c);
    }
    c->answer(engine::not_recorded(what));
  };
  d_->shards.propose(c->judged_on.value->shard, std::move(p));
}

scope::child& scope::child_of(const events::registration_id& id) {
  if (d_->telemetry.device_actors.load(std::memory_order_relaxed) >= options_.device_actors_max) make_room();
  const auto actor = self_->spawn<caf::monitored>(run_device, device_identity{ties_, !failed_.contains(id.key())});
  auto& [key, made] = *children_.try_emplace(id.key()).first;
  by_use_.push_back(&key);
  made = {actor, 0, d_->clock.now(), std::prev(by_use_.end())};
  by_actor_[actor.id()] = &key;
  return made;
}

void scope::send_to(child& to, command_ptr c) {
  ++to.sent;
  to.used = d_->clock.now();
  by_use_.splice(by_use_.end(), by_use_, to.recent);
  self_->send(to.actor, std::move(c));
}

// For the one that comes, and for one more while there are too many; not more, because each question is two messages.
void scope::make_room() {
  const std::size_t live = d_->telemetry.device_actors.load(std::memory_order_relaxed);
  const std::size_t asked = live > options_.device_actors_max ? 2 : 1;
  for (std::size_t i = 0; i < asked && !by_use_.empty(); ++i) ask_to_go(by_use_.front());
}

// Whoever was asked counts as used: if it stays it was busy, and others are asked first.
void scope::ask_to_go(const std::string* registration) {
  auto& each = children_.at(*registration);
  each.used = d_->clock.now();
  by_use_.splice(by_use_.end(), by_use_, each.recent);
  self_->send(each.actor, may_you_go{});
}

// A device is let go only if it has had every command that was sent to it: a command on its way would be lost with it.
void scope::let_go(const ready_to_go& device) {
  const auto known = by_actor_.find(device.from);
  if (known == by_actor_.end()) return;
  const auto& each = children_.at(*known->second);
  if (each.sent != device.received) return;
  self_->send(each.actor, go{});
  ++d_->telemetry.device_actors_passivated;
  forget(known->second);
}

void scope::forget(const std::string* registration) {
  const auto at = children_.find(*registration);
  by_actor_.erase(at->second.actor.id());
  by_use_.erase(at->second.recent);
  children_.erase(at);
}

void scope::device_down(const caf::actor_addr& who, bool failed) {
  const auto at = by_actor_.find(who.id());
  if (at == by_actor_.end()) return;
  if (failed) failed_.insert(*at->second);
  forget(at->second);
}

void scope::look_around() {
  const auto idle_since = d_->clock.now() - options_.idle_after;
  const std::size_t live = d_->telemetry.device_actors.load(std::memory_order_relaxed);
  const auto too_many = live - std::min(live, options_.device_actors_max);
  const auto most = std::min(by_use_.size(), asked_to_go_max);
  for (std::size_t asked = 0; asked < most; ++asked) {
    const auto* oldest = by_use_.front();
    if (children_.at(*oldest).used > idle_since && asked >= too_many) break;
    ask_to_go(oldest);
  }
  sum_up_suppressed(d_->clock.now(), nullptr);
}

// Every attempt is accounted for: counts are forgotten only once they are on the log, and until then sent again.
void scope::sum_up_suppressed(events::timestamp until, std::shared_ptr<void> done) {
  const auto snapshot = d_->catalog.find(id_).value;
  if (summing_up_ || !snapshot) return;
  if (unsent_.counts.empty()) unsent_ = ties_->budget.take_summary(until);
  if (unsent_.counts.empty()) return;
  summing_up_ = true;
  auto p = engine::to_proposal(summary_of(*snapshot), {"muster", d_->entropy.draw_uuid(), {}, {}}, nullptr, {},
                               d_->clock.now() + limits::command_deadline);
  p.settled = [to = scope_actor(self_), done = std::move(done)](const engine::settlement& what) {
    caf::anon_send(to, summary_settled{what.kind == engine::settlement_kind::committed});
  };
  d_->shards.propose(snapshot->shard, std::move(p));
}

engine::decision scope::summary_of(const engine::scope_snapshot& snapshot) const {
  const auto stream = events::stream_name::refusals(id_);
  events::attempts_suppressed suppressed{unsent_.from, unsent_.to, {}};
  for (const auto& each : unsent_.counts) {
    auto& count = suppressed.counts.emplace_back();
    count.reason = each.reason;
    count.count = each.count;
    if (!each.address.empty())
      count.source_address = engine::seal(snapshot.data_key, stream, "sourceAddress", each.address, d_->entropy);
  }
  engine::decision d;
  d.events.push_back({stream, {}, std::move(suppressed), {}});
  return d;
}

// The minute at hand counts as ended: nothing will come any more.
void scope::sum_up_all(std::shared_ptr<void> done) {
  if (summing_up_)
    asked_meanwhile_ = std::move(done);
  else
    sum_up_suppressed(d_->clock.now() + 1min, std::move(done));
}

void scope::summed_up(bool recorded) {
  summing_up_ = false;
  if (recorded)
    unsent_ = {};
  else
    d_->log.write(engine::log_level::warning, "a summary of suppressed attempts was not recorded yet");
  if (asked_meanwhile_) sum_up_all(std::exchange(asked_meanwhile_, nullptr));
}

void scope::stop() {
  for (const auto& [registration, each] : children_) caf::anon_send_exit(each.actor, caf::exit_reason::user_shutdown);
}

// ---- the scope's own commands

void scope::start_own(command_ptr c) {
  current_ = std::move(c);
  decide_own();
}

void scope::decide_own() {
  outlive(
      *d_, [this] { propose_own(); },
      [this] {
        finish_own(engine::rejection{rejection_code::unavailable, "The request failed; nothing has changed.", 1s});
      });
}

void scope::propose_own() {
  if (current_->deadline < d_->clock.now()) {
    return finish_own(engine::rejection{rejection_code::unavailable, "The request was not decided in time.", 1s});
  }
  snapshot_ = d_->catalog.find(id_);
  const auto view = snapshot_.value ? d_->catalog.view(snapshot_.value->shard) : nullptr;
  if (!view)
    return finish_own(engine::rejection{rejection_code::unavailable, "The service is not open on this node yet.", 1s});
  auto recorded = engine::find_recorded(current_->who, id_, snapshot_.value->shard, *view, d_->history, d_->keyring);
  if (!recorded)
    return finish_own(engine::rejection{rejection_code::unavailable, "The earlier answer cannot be read.", 1s});
  command_seen_ = recorded->seen;
  if (recorded->found) return finish_own(std::move(*recorded->found));
  if (const auto wait = ties_->budget.scope_wait(d_->clock.now()); wait.count() != 0) {
    return finish_own(
        engine::rejection{rejection_code::too_many_requests, "The service writes more than it may.", wait});
  }
  decision_ = std::visit(
      [&](const auto& c) {
        return decide(c, engine::decision_context{d_->clock.now(), d_->entropy, *snapshot_.value, snapshot_.sequence});
      },
      current_->what);
  if (decision_.rejected && decision_.rejected->code == rejection_code::unavailable) {
    d_->log.write(engine::log_level::error, "a command cannot be decided",
                  {{"idScope", id_.text()}, {"error", decision_.rejected->message}});
    return finish_own(*decision_.rejected);
  }
  auto p = engine::to_proposal(decision_, current_->who, &id_, command_seen_, current_->deadline);
  proposed_bytes_ = engine::bytes_of(p);
  p.settled = [to = scope_actor(self_)](const engine::settlement& what) { caf::anon_send(to, proposal_settled{what}); };
  d_->shards.propose(snapshot_.value->shard, std::move(p));
}

template <class Command>
engine::decision scope::decide(const Command& c, engine::decision_context context) {
  if constexpr (requires { engine::decide(c, context); })
    return engine::decide(c, context);
  else
    return engine::decision::reject(rejection_code::unavailable, "The command does not belong to a scope.");
}

// Nobody else writes a scope's groups, so what the rows say of one that was deleted, or never was, is current as of the
// snapshot too.
engine::result<engine::group_state> scope::group_of(const events::group_id& id) const {
  const auto living = snapshot_.value->groups.find(id.key());
  if (living != snapshot_.value->groups.end()) return living->second->state;
  const auto view = d_->catalog.view(snapshot_.value->shard);
  if (!view) return engine::fail(engine::errc::unavailable, "its shard is not open");
  auto stored = view->group(id_, id);
  if (!stored) return std::unexpected(stored.error());
  if (stored->value.group) return engine::fail(engine::errc::unavailable, "it is changing");
  return std::move(stored->value);
}

engine::decision scope::decide(const engine::put_group& c, engine::decision_context context) {
  auto state = group_of(c.group.id);
  if (!state)
    return engine::decision::reject(rejection_code::unavailable,
                                    "The group cannot be read: " + state.error().text + ".");
  group_ = std::move(*state);
  engine::entry_context entry{context, snapshot_.sequence};
  std::optional<engine::named_key> key;
  if (group_.group) {
    const auto& keys = snapshot_.value->groups.at(c.group.id.key())->keys;
    const auto& id = group_.group->terms.attestation.data_key;
    const auto found = d_->keyring.find(id);
    if (keys && found) {
      key = engine::named_key{id, *found};
      entry.data_key = &*key;
      entry.keys = &*keys;
    }
  }
  return engine::decide(group_, c, entry);
}

engine::decision scope::decide(const engine::delete_group& c, engine::decision_context context) {
  const auto state = group_of(c.id);
  if (!state)
    return engine::decision::reject(rejection_code::unavailable,
                                    "The group cannot be read: " + state.error().text + ".");
  return engine::decide(*state, c, engine::entry_context{context, snapshot_.sequence});
}

engine::decision scope::decide(const engine::delete_hub_device& c, engine::decision_context) {
  const auto view = d_->catalog.view(snapshot_.value->shard);
  const auto stored = view ? view->hub_device(id_, c.hub, c.id) : engine::fail(engine::errc::unavailable, {});
  if (!stored) return engine::decision::reject(rejection_code::unavailable, "The hub's registry cannot be read.");
  return engine::decide(stored->value, c, stored->sequence);
}

void scope::settle(const engine::settlement& what) {
  if (!current_) return;
  if (what.kind == engine::settlement_kind::committed) {
    return outlive(
        *d_, [&] { finish_own(own_answer(what)); },
        [this] {
          finish_own(
              engine::rejection{rejection_code::unavailable, "The request was recorded, but its answer is lost.", 1s});
        });
  }
  if (what.kind == engine::settlement_kind::conflict && ++current_->tries <= limits::conflict_retries_max)
    return decide_own();
  finish_own(engine::not_recorded(what));
}

engine::answer scope::own_answer(const engine::settlement& what) {
  if (!decision_.events.empty())
    ties_->budget.wrote(nullptr, decision_.events.size(), proposed_bytes_, d_->clock.now());
  if (decision_.rejected) return *decision_.rejected;
  if (std::holds_alternative<engine::put_group>(current_->what)) {
    auto& e = decision_.events.front();
    evolve(group_, {{e.stream, e.version, what.first_sequence, what.time, {}, {}, {}, {}, false}, e.data});
    return engine::group_answer{std::move(group_), decision_.keys_to_show};
  }
  const bool about_service = std::holds_alternative<engine::change_service_settings>(current_->what) ||
                             std::holds_alternative<engine::link_hub>(current_->what) ||
                             std::holds_alternative<engine::set_webhook>(current_->what) ||
                             std::holds_alternative<engine::resume_webhook>(current_->what);
  if (about_service) return engine::service_answer{d_->catalog.find(id_).value};
  return engine::done{};
}

void scope::finish_own(engine::answer a) {
  current_->answer(std::move(a));
  current_.reset();
  decision_ = {};
  if (queue_.empty()) return;
  auto next = std::move(queue_.front());
  queue_.pop_front();
  start_own(std::move(next));
}

scope_actor::behavior_type run_scope(scope_actor::stateful_pointer<scope> self, actor_dependencies* dependencies,
                                     scope_options options, events::id_scope id) {
  supervise(self, *dependencies);
  self->state.init(dependencies, options, std::move(id), self);
  self->set_down_handler(
      [self](const caf::down_msg& down) { self->state.device_down(down.source, static_cast<bool>(down.reason)); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop();
    self->quit(exit.reason);
  });
  self->delayed_send(scope_actor(self), options.sweep_interval, sweep{});
  return {
      [self](const command_ptr& c) { self->state.take(c); },
      [self](const proposal_settled& settled) { self->state.settle(settled.what); },
      [self](const ready_to_go& device) { self->state.let_go(device); },
      [self, dependencies, interval = options.sweep_interval](sweep) {
        outlive(*dependencies, [&] { self->state.look_around(); }, [] {});
        self->delayed_send(scope_actor(self), interval, sweep{});  // one is on its way at any time
      },
      [self](const summary_settled& settled) { self->state.summed_up(settled.recorded); },
      [self](const sum_up& asked) { self->state.sum_up_all(asked.done); },
  };
}

}  // namespace muster::actors
