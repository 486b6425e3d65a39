#include "actors/directory.hpp"

#include "actors/rejections.hpp"
#include "actors/supervision.hpp"
#include "engine/limits.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace muster::actors {

using namespace std::chrono_literals;
namespace limits = engine::limits;
using engine::rejection_code;

namespace {

constexpr events::shard_id home{0};
constexpr std::size_t queue_max = 64;
constexpr auto pause = 200ms;  // before an open placement is tried again

std::string creation_id(const events::id_scope& scope) {
  return "place:" + scope.text();
}

}  // namespace

void directory::init(actor_dependencies* dependencies, directory_actor::pointer self) {
  d_ = dependencies;
  self_ = self;
}

void directory::take(command_ptr c) {
  if (step_ == step::none && !current_) return start(std::move(c));
  if (queue_.size() >= queue_max)
    return c->reject(rejection_code::too_many_requests, "Too many services are being created.", 1s);
  c->stage.enter(d_->telemetry, engine::command_stage::queued);
  queue_.push_back(std::move(c));
}

void directory::start(command_ptr c) {
  current_ = std::move(c);
  current_->stage.enter(d_->telemetry, engine::command_stage::deciding);
  tries_ = 0;
  place();
}

// The directory as of now: read again for each step, it is small and changes rarely.
bool directory::load() {
  const auto view = d_->catalog.view(home);
  if (!view) return false;
  seen_ = view->position().sequence;
  auto stored = view->directory();
  if (!stored) return false;
  state_ = std::move(*stored);
  return true;
}

void directory::place() {
  step_ = step::placing;
  const auto* c = std::get_if<engine::create_service>(&current_->what);
  if (c == nullptr || !load())
    return finish(engine::rejection{rejection_code::unavailable, "The directory is not open on this node yet.", 1s});
  decision_ = engine::decide(state_, *c, {d_->clock.now(), d_->entropy, d_->shard_count, seen_});
  propose(home, decision_);
}

// Under a command id made from the placement's ID scope, so that it happens once.
void directory::create() {
  step_ = step::creating;
  const auto view = d_->catalog.view(placed_->shard);
  if (!view) return again_later();
  const auto seen = view->position().sequence;
  const auto existing = d_->catalog.find(placed_->scope).value;
  const auto once = view->command(placed_->scope, creation_id(placed_->scope));
  if (!once) return again_later();
  if (existing || once->value) return confirm();
  decision_ = engine::decide_creation({}, *placed_, seen, d_->entropy);
  propose(placed_->shard, decision_, creation_id(placed_->scope), once->sequence);
}

void directory::confirm() {
  step_ = step::confirming;
  if (!load()) return again_later();
  decision_ = engine::confirm_placement(state_, placed_->scope, {d_->clock.now(), d_->entropy, d_->shard_count, seen_});
  propose(home, decision_);
}

void directory::withdraw(std::string reason) {
  step_ = step::withdrawing;
  if (!load()) return again_later();
  decision_ = engine::withdraw_placement(state_, placed_->scope, std::move(reason),
                                         {d_->clock.now(), d_->entropy, d_->shard_count, seen_});
  propose(home, decision_);
}

// A placement that is on the log outlives its request: it is completed whatever becomes of the client. Without a client
// that waits it steps aside for those that do, and is found on the log again after the pause.
void directory::again_later() {
  if (!pausing_) self_->delayed_send(directory_actor(self_), pause, resume_placements{});
  pausing_ = true;
  refuse_expired();
  if (current_) return;
  placed_.reset();
  step_ = step::none;
  start_next();
}

void directory::refuse_expired() {
  const auto now = d_->clock.now();
  if (current_ && current_->deadline < now) {
    current_->reject(rejection_code::unavailable, "The service is placed and will be created when its shard is open.",
                     5s);
    current_.reset();
  }
  std::erase_if(queue_, [&](const command_ptr& c) {
    if (c->deadline >= now) return false;
    c->answer(too_late());
    return true;
  });
}

void directory::wake() {
  pausing_ = false;
  resume();
}

void directory::resume() {
  if (in_flight_) return;
  if (step_ == step::none) {
    if (current_) return;
    if (!load()) return again_later();
    const auto can_go_on = [&](const engine::placement& each) {
      return each.open && d_->catalog.view(each.shard) != nullptr;
    };
    const auto open = std::ranges::find_if(state_.placements, can_go_on);
    if (open == state_.placements.end()) {
      if (std::ranges::find(state_.placements, true, &engine::placement::open) != state_.placements.end())
        again_later();
      return;
    }
    placed_ = *open;
    return create();
  }
  switch (step_) {
  case step::none:
  case step::placing:
    return;
  case step::creating:
    return create();
  case step::confirming:
    return confirm();
  case step::withdrawing:
    return withdraw("its events do not fit into a frame");
  }
}

void directory::give_up() {
  current_.reset();
  in_flight_ = false;
  again_later();
}

void directory::propose(events::shard_id shard, const engine::decision& d, std::string command_id,
                        events::log_sequence command_seen) {
  in_flight_ = true;
  engine::caller who = current_ ? current_->who : engine::caller{"muster", d_->entropy.draw_uuid(), {}, {}};
  who.command_id = std::move(command_id);
  who.request = {};
  auto p = engine::to_proposal(d, who, placed_ ? &placed_->scope : nullptr, command_seen,
                               d_->clock.now() + limits::command_deadline);
  p.settled = [to = directory_actor(self_)](const engine::settlement& what) {
    caf::anon_send(to, proposal_settled{what});
  };
  d_->shards.propose(shard, std::move(p));
}

void directory::settle(const engine::settlement& what) {
  if (!in_flight_) return;
  in_flight_ = false;
  switch (what.kind) {
  case engine::settlement_kind::committed:
    return stepped(what);
  case engine::settlement_kind::conflict:
    if (step_ == step::placing)
      return ++tries_ <= limits::conflict_retries_max
                 ? place()
                 : finish(engine::rejection{rejection_code::unavailable, "The directory is busy.", 1s});
    return again_later();
  case engine::settlement_kind::too_large:
    if (step_ == step::creating) return withdraw("its events do not fit into a frame");
    return finish(
        engine::rejection{rejection_code::invalid, "The service has too many hubs to be recorded as one event.", {}});
  default:
    if (step_ == step::placing) return finish(engine::not_recorded(what));
    return again_later();
  }
}

void directory::stepped(const engine::settlement&) {
  switch (step_) {
  case step::none:
    return;
  case step::placing: {
    if (decision_.rejected) return finish(*decision_.rejected);
    const auto& e = std::get<events::service_placed>(decision_.events.front().data);
    placed_ = engine::placement{e.name, e.scope, e.shard, e.settings, e.hubs, true};
    return create();
  }
  case step::creating:
    return confirm();
  case step::confirming: {
    auto made = d_->catalog.find(placed_->scope).value;
    if (!made)
      return finish(
          engine::rejection{rejection_code::unavailable, "The service was created; its shard closed since.", 1s});
    return finish(engine::service_answer{std::move(made)});
  }
  case step::withdrawing:
    return finish(
        engine::rejection{rejection_code::invalid, "The service could not be created and its name is free again.", {}});
  }
}

void directory::finish(engine::answer a) {
  if (current_) current_->answer(std::move(a));
  current_.reset();
  placed_.reset();
  decision_ = {};
  step_ = step::none;
  if (!queue_.empty()) return start_next();
  if (!pausing_) resume();  // another open placement, if there is one
}

void directory::start_next() {
  if (queue_.empty()) return;
  auto next = std::move(queue_.front());
  queue_.pop_front();
  start(std::move(next));
}

directory_actor::behavior_type run_directory(directory_actor::stateful_pointer<directory> self,
                                             actor_dependencies* dependencies) {
  supervise(self, *dependencies);
  self->state.init(dependencies, self);
  self->send(self, resume_placements{});
  const auto go_on = [self, dependencies](const auto& work) {
    outlive(*dependencies, work, [self] { self->state.give_up(); });
  };
  return {
      [self, go_on](const command_ptr& c) { go_on([&] { self->state.take(c); }); },
      [self, go_on](const proposal_settled& settled) { go_on([&] { self->state.settle(settled.what); }); },
      [self, go_on](resume_placements) { go_on([&] { self->state.wake(); }); },
  };
}

}  // namespace muster::actors
