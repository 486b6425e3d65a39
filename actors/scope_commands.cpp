#include "actors/scope_commands.hpp"

#include "actors/rejections.hpp"
#include "actors/supervision.hpp"
#include "engine/recorded_answer.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace muster::actors {

using namespace std::chrono_literals;
using engine::rejection_code;

namespace {

constexpr std::size_t queue_max = 256;

}  // namespace

void scope_commands::take(command_ptr c) {
  if (!current_) return start(std::move(c));
  if (queue_.size() >= queue_max) return c->answer(beyond_quota("Too many requests for this service are waiting.", 1s));
  c->stage.enter(deps().telemetry, engine::command_stage::queued);
  queue_.push_back(std::move(c));
}

void scope_commands::start(command_ptr c) {
  current_ = std::move(c);
  current_->stage.enter(deps().telemetry, engine::command_stage::deciding);
  decide_current();
}

void scope_commands::decide_current() {
  outlive(deps(), [this] { propose_current(); }, [this] { finish_with(failed()); });
}

void scope_commands::propose_current() {
  if (current_->deadline < deps().clock.now()) return finish_with(too_late());
  snapshot_ = deps().catalog.find(ties_->scope);
  const auto view = snapshot_.value ? deps().catalog.view(snapshot_.value->shard) : nullptr;
  if (!view) return finish_with(not_open());
  if (is_answered_already(*view)) return;
  if (const auto wait = ties_->budget.scope_wait(deps().clock.now()); wait.count() != 0)
    return finish_with(scope_beyond_quota(wait));
  decision_ = std::visit(
      [&](const auto& c) {
        return decide(
            c, engine::decision_context{deps().clock.now(), deps().entropy, *snapshot_.value, snapshot_.sequence});
      },
      current_->what);
  if (decision_.rejected && decision_.rejected->code == rejection_code::unavailable) {
    deps().log.write(engine::log_level::error, "a command cannot be decided",
                     {{"idScope", ties_->scope.text()}, {"error", decision_.rejected->message}});
    return finish_with(*decision_.rejected);
  }
  auto p = engine::to_proposal(decision_, current_->who, &ties_->scope, command_seen_, current_->deadline);
  proposed_bytes_ = engine::bytes_of(p);
  p.settled = [to = scope_actor(self_)](const engine::settlement& what) { caf::anon_send(to, proposal_settled{what}); };
  deps().shards.propose(snapshot_.value->shard, std::move(p));
}

// True if it repeats a recorded command, whose answer it then got, or if that cannot be found out.
bool scope_commands::is_answered_already(engine::shard_view& view) {
  auto recorded =
      engine::find_recorded(current_->who, ties_->scope, snapshot_.value->shard, view, deps().history, deps().keyring);
  if (!recorded) {
    finish_with(unavailable("The earlier answer cannot be read."));
    return true;
  }
  command_seen_ = recorded->seen;
  if (!recorded->found) return false;
  finish_with(std::move(*recorded->found));
  return true;
}

template <class Command>
engine::decision scope_commands::decide(const Command& c, engine::decision_context context) {
  if constexpr (requires { engine::decide(c, context); })
    return engine::decide(c, context);
  else
    return engine::decision::reject(rejection_code::unavailable, "The command does not belong to a scope.");
}

// Nobody else writes a scope's groups, so what the rows say of one that was deleted, or never was, is current as of the
// snapshot too.
engine::result<engine::group_state> scope_commands::group_of(const events::group_id& id) const {
  const auto living = snapshot_.value->groups.find(id.key());
  if (living != snapshot_.value->groups.end()) return living->second->state;
  const auto view = deps().catalog.view(snapshot_.value->shard);
  if (!view) return engine::fail(engine::errc::unavailable, "its shard is not open");
  auto stored = view->group(ties_->scope, id);
  if (!stored) return std::unexpected(stored.error());
  if (stored->value.group) return engine::fail(engine::errc::unavailable, "it is changing");
  return std::move(stored->value);
}

engine::decision scope_commands::decide(const engine::put_group& c, engine::decision_context context) {
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
    const auto found = deps().keyring.find(id);
    if (keys && found) {
      key = engine::named_key{id, *found};
      entry.data_key = &*key;
      entry.keys = &*keys;
    }
  }
  return engine::decide(group_, c, entry);
}

engine::decision scope_commands::decide(const engine::delete_group& c, engine::decision_context context) {
  const auto state = group_of(c.id);
  if (!state)
    return engine::decision::reject(rejection_code::unavailable,
                                    "The group cannot be read: " + state.error().text + ".");
  return engine::decide(*state, c, engine::entry_context{context, snapshot_.sequence});
}

engine::decision scope_commands::decide(const engine::delete_hub_device& c, engine::decision_context) {
  const auto view = deps().catalog.view(snapshot_.value->shard);
  const auto stored = view ? view->hub_device(ties_->scope, c.hub, c.id) : engine::fail(engine::errc::unavailable, {});
  if (!stored) return engine::decision::reject(rejection_code::unavailable, "The hub's registry cannot be read.");
  return engine::decide(stored->value, c, stored->sequence);
}

void scope_commands::settle(const engine::settlement& what) {
  if (!current_) return;
  if (what.kind == engine::settlement_kind::committed) {
    return outlive(
        deps(), [&] { finish_with(answer_after_commit(what)); },
        [this] { finish_with(unavailable("The request was recorded, but its answer is lost.")); });
  }
  if (begins_anew(*current_, what)) return decide_current();
  finish_with(engine::not_recorded(what));
}

engine::answer scope_commands::answer_after_commit(const engine::settlement& what) {
  if (!decision_.events.empty())
    ties_->budget.wrote(nullptr, decision_.events.size(), proposed_bytes_, deps().clock.now());
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
  if (about_service) return engine::service_answer{deps().catalog.find(ties_->scope).value};
  return engine::done{};
}

void scope_commands::finish_with(engine::answer a) {
  current_->answer(std::move(a));
  current_.reset();
  decision_ = {};
  if (queue_.empty()) return;
  auto next = std::move(queue_.front());
  queue_.pop_front();
  start(std::move(next));
}

}  // namespace muster::actors
