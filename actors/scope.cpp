#include "actors/scope.hpp"

#include "actors/rejections.hpp"
#include "actors/supervision.hpp"

#include <caf/send.hpp>

namespace muster::actors {

void scope::init(actor_dependencies* dependencies, const scope_options& options, events::id_scope id,
                 scope_actor::pointer self) {
  ties_ = std::make_shared<device_ties>(dependencies, std::move(id), scope_actor(self), options.spending);
  devices_.emplace(options.devices, ties_, self);
  strangers_.emplace(ties_, self);
  own_.emplace(ties_, self);
}

void scope::take(command_ptr c) {
  const auto* id = engine::device_of(c->what);
  if (id == nullptr) return own_->take(std::move(c));
  outlive(*ties_->dependencies, [&] { take_device_command(c, *id); }, [&] { c->answer(failed()); });
}

void scope::take_device_command(const command_ptr& c, const events::registration_id& id) {
  if (devices_->has(id)) return devices_->send(id, c);
  auto& deps = *ties_->dependencies;
  if (c->deadline < deps.clock.now()) return c->answer(too_late());
  const auto now = deps.catalog.find(ties_->scope);
  const auto view = now.value ? deps.catalog.view(now.value->shard) : nullptr;
  if (!view) return c->answer(not_open());
  if (const auto* shown = engine::evidence_of(c->what)) {
    // An ID with neither enrollment nor record nor a group that vouches for it gets no actor.
    const auto stored = view->device(ties_->scope, id);
    if (!stored) return c->answer(unavailable("The device's data cannot be read."));
    if (!stored->value.enrollment && !stored->value.registration) {
      c->judged_on = now;
      if (!strangers_->let_in(c, *shown)) return;
    }
  }
  devices_->send(id, c);
}

void scope::look_around() {
  devices_->look_around();
  strangers_->sum_up();
}

scope_actor::behavior_type run_scope(scope_actor::stateful_pointer<scope> self, actor_dependencies* dependencies,
                                     scope_options options, events::id_scope id) {
  supervise(self, *dependencies);
  self->state.init(dependencies, options, std::move(id), self);
  self->set_down_handler(
      [self](const caf::down_msg& down) { self->state.devices().down(down.source, static_cast<bool>(down.reason)); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.devices().stop();
    self->quit(exit.reason);
  });
  self->delayed_send(scope_actor(self), options.sweep_interval, sweep{});
  return {
      [self](const command_ptr& c) { self->state.take(c); },
      [self](const proposal_settled& settled) { self->state.own().settle(settled.what); },
      [self](const ready_to_go& device) { self->state.devices().let_go(device); },
      [self, dependencies, interval = options.sweep_interval](sweep) {
        outlive(*dependencies, [&] { self->state.look_around(); }, [] {});
        self->delayed_send(scope_actor(self), interval, sweep{});  // one is on its way at any time
      },
      [self](const summary_settled& settled) { self->state.unknown().summed_up(settled.recorded); },
      [self](const sum_up& asked) { self->state.unknown().sum_up_all(asked.done); },
  };
}

}  // namespace muster::actors
