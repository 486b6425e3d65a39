#include "actors/directory.hpp"

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

}  // namespace

void directory::init(actor_dependencies* dependencies, directory_actor::pointer self) {
  d_ = dependencies;
  self_ = self;
}

void directory::take(command_ptr c) {
  if (step_ == step::none && !current_) return start(std::move(c));
  if (queue_.size() >= queue_max) return c->reject(rejection_code::too_many_requests, "Too many services are being created.", 1s);
  queue_.push_back(std::move(c));
}

void directory::start(command_ptr c) {
  current_ = std::move(c);
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
  const auto* c = std::get_if<engine::create_service>(&current_->what);
  if (c == nullptr || !load()) return finish(engine::rejection{rejection_code::unavailable, "The directory is not open on this node yet.", 1s});
  decision_ = engine::decide(state_, *c, {d_->clock.now(), d_->entropy, d_->shard_count, seen_});
  propose(step::placing, home, decision_);
}

void directory::create() {
  const auto view = d_->catalog.view(placed_->shard);
  if (!view) return again_later();
  const auto seen = view->position().sequence;
  const auto existing = d_->catalog.find(placed_->scope).value;
  decision_ = engine::decide_creation(existing ? existing->service : engine::service_state{}, *placed_, seen, d_->entropy);
  propose(step::creating, placed_->shard, decision_);
}

void directory::confirm() {
  if (!load()) return again_later();
  decision_ = engine::confirm_placement(state_, placed_->scope, {d_->clock.now(), d_->entropy, d_->shard_count, seen_});
  propose(step::confirming, home, decision_);
}

void directory::withdraw(std::string reason) {
  if (!load()) return again_later();
  decision_ = engine::withdraw_placement(state_, placed_->scope, std::move(reason), {d_->clock.now(), d_->entropy, d_->shard_count, seen_});
  propose(step::withdrawing, home, decision_);
}

// A placement that is on the log outlives its request: it is completed whatever becomes of the client.
void directory::again_later() {
  if (current_ && current_->deadline < d_->clock.now()) {
    current_->reject(rejection_code::unavailable, "The service is placed and will be created when its shard is open.", 5s);
    current_.reset();
  }
  self_->delayed_send(directory_actor(self_), pause, resume_placements{});
}

void directory::resume() {
  if (in_flight_) return;
  if (step_ == step::none && !placed_) {
    if (current_) return;
    if (!load()) return again_later();
    const auto open = std::ranges::find(state_.placements, true, &engine::placement::open);
    if (open == state_.placements.end()) return;
    placed_ = *open;
    step_ = step::creating;
  }
  switch (step_) {
    case step::none:
    case step::placing: return;
    case step::creating: return create();
    case step::confirming: return confirm();
    case step::withdrawing: return withdraw("its events do not fit into a frame");
  }
}

void directory::propose(step next, events::shard_id shard, const engine::decision& d) {
  step_ = next;
  in_flight_ = true;
  const engine::caller who = current_ ? current_->who : engine::caller{"muster", d_->entropy.draw_uuid(), {}, {}};
  auto p = engine::to_proposal(d, {who.by, who.correlation_id, {}, {}}, nullptr, {}, d_->clock.now() + limits::command_deadline);
  p.settled = [to = directory_actor(self_)](const engine::settlement& what) { caf::anon_send(to, proposal_settled{what}); };
  d_->shards.propose(shard, std::move(p));
}

void directory::settle(const engine::settlement& what) {
  in_flight_ = false;
  switch (what.kind) {
    case engine::settlement_kind::committed: return stepped(what);
    case engine::settlement_kind::conflict:
      if (step_ == step::placing) return ++tries_ <= limits::conflict_retries_max
                                             ? place()
                                             : finish(engine::rejection{rejection_code::unavailable, "The directory is busy.", 1s});
      return again_later();
    case engine::settlement_kind::too_large:
      if (step_ == step::creating) return withdraw("its events do not fit into a frame");
      return finish(engine::rejection{rejection_code::invalid, "The service has too many hubs to be recorded as one event.", {}});
    default:
      if (step_ == step::placing) {
        return finish(engine::rejection{rejection_code::unavailable, "The service could not be recorded; nothing has changed.", 1s});
      }
      return again_later();
  }
}

void directory::stepped(const engine::settlement&) {
  switch (step_) {
    case step::none: return;
    case step::placing: {
      if (decision_.rejected) return finish(*decision_.rejected);
      const auto& e = std::get<events::service_placed>(decision_.events.front().data);
      placed_ = engine::placement{e.name, e.scope, e.shard, e.settings, e.hubs, true};
      return create();
    }
    case step::creating: return confirm();
    case step::confirming: return finish(engine::service_answer{d_->catalog.find(placed_->scope).value});
    case step::withdrawing:
      return finish(engine::rejection{rejection_code::invalid, "The service could not be created and its name is free again.", {}});
  }
}

void directory::finish(engine::answer a) {
  if (current_) current_->answer(std::move(a));
  current_.reset();
  placed_.reset();
  decision_ = {};
  step_ = step::none;
  if (!queue_.empty()) {
    auto next = std::move(queue_.front());
    queue_.pop_front();
    return start(std::move(next));
  }
  resume();  // another open placement, if there is one
}

directory_actor::behavior_type run_directory(directory_actor::stateful_pointer<directory> self, actor_dependencies* dependencies) {
  supervise(self, *dependencies);
  self->state.init(dependencies, self);
  self->send(self, resume_placements{});
  return {
      [self](const command_ptr& c) { self->state.take(c); },
      [self](const proposal_settled& settled) { self->state.settle(settled.what); },
      [self](resume_placements) { self->state.resume(); },
  };
}

}  // namespace muster::actors
