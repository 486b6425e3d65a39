#include "tests/simulation/defects.hpp"
#include "tests/simulation/node.hpp"

namespace muster::simulation {

using namespace std::chrono_literals;

namespace {

constexpr int scope_actor = -1;

int actor_for(const command& c) {
  return c.kind == command_kind::set_group ? scope_actor : c.device;
}

}  // namespace

void node::submit(const command& c, reply r) {
  run([this, c, r = std::move(r)]() mutable {
    pending p{c,
              std::move(r),
              world_.answered,
              world_.truncated_to.size(),
              now() + engine::limits::command_deadline,
              0,
              false,
              {}};
    world_.note([&] { return name_ + " gets " + to_text(c); });
    // A gateway refuses what comes to a shard that is not open; the shard must bear what slips through.
    if (!shard_.open() && !world_.roll.chance(100)) return finish(p, {});
    if (c.kind == command_kind::read_device || c.kind == command_kind::read_exactly) return read(std::move(p));
    admit(std::move(p));
  });
}

void node::read(pending&& p) {
  if (planted(defect::reads_without_barrier)) return finish_read(p, {true, std::nullopt});
  if (world_.plan.exclusive) return finish_read(p, {shard_.open(), std::nullopt});
  const auto kind = p.what.kind == command_kind::read_exactly ? engine::read_kind::exact : engine::read_kind::recent;
  const auto held = std::make_shared<pending>(std::move(p));
  gate_.ask(kind, [this, held](const engine::read_permit& permit) { finish_read(*held, permit); }, shard_, now());
  run_after(engine::limits::read_wait + 1ms, [this] { flush(); });
  flush();
}

// An actor is busy with one command at a time; a few more wait.
void node::admit(pending&& p) {
  const auto [at, free] = waiting_.try_emplace(actor_for(p.what));
  if (!free && at->second.size() >= engine::limits::device_queue_max) return finish(p, {});
  p.admitted = true;
  if (free)
    decide(++world_.attempts, std::move(p));
  else
    at->second.push_back(std::move(p));
}

void node::release(const command& c) {
  const auto at = waiting_.find(actor_for(c));
  if (at->second.empty()) {
    waiting_.erase(at);
    return;
  }
  auto next = std::move(at->second.front());
  at->second.pop_front();
  decide(++world_.attempts, std::move(next));
}

void node::decide(int attempt, pending&& p) {
  p.decided = decide(p.what);
  const bool unchecked = planted(defect::rejections_unchecked) && !p.decided.event;
  if (unchecked) {
    p.decided.otherwise.as_of = shard_.position().sequence.value();
    return finish(p, p.decided.otherwise);
  }
  pending_.emplace(attempt, std::move(p));
  run_after(world_.roll.between(0us, world_.roll.chance(200) ? world_.plan.decision_max : 300us),
            [this, attempt] { propose(attempt); });
}

void node::propose(int attempt) {
  const auto found = pending_.find(attempt);
  if (found == pending_.end()) return;
  const auto& d = found->second.decided;
  engine::proposal p;
  if (d.event) {
    auto e = *d.event;
    e.attempt = attempt;
    p.events.push_back(to_record(e));
  }
  p.reads = d.reads;
  if (d.event && world_.roll.chance(100)) p.keys.emplace_back();
  p.deadline = found->second.deadline;
  p.settled = [this, attempt](const engine::settlement& s) { settled(attempt, s); };
  shard_.propose(std::move(p));
  if (flush_planned_) return;
  flush_planned_ = true;
  run_after(world_.roll.between(0us, 500us), [this] {
    flush_planned_ = false;
    flush();
  });
}

node::decision node::decide(const command& c) {
  decision d;
  const auto rows_seen = shard_.position().sequence;
  if (!planted(defect::no_command_key)) d.reads.push_back({command_key(c.id), rows_seen});
  if (const auto done = table_.done.find(c.id); done != table_.done.end()) {
    d.otherwise = {answer_kind::recorded, done->second.sequence, 0, {}};
    return d;
  }
  if (c.kind == command_kind::set_group) {
    d.reads.push_back({group_key(c.group), snapshot_seen_});
    if (snapshot_[static_cast<std::size_t>(c.group)] == c.enabled)
      d.otherwise.kind = answer_kind::unchanged;
    else
      d.event = effect{effect_kind::group_set, 0, c.id, 0, c.group, 0, c.enabled};
    return d;
  }
  const auto& a = load(c.device);
  d.reads.push_back({device_key(c.device), a.seen});
  d.otherwise.device = a.row;
  if (c.kind == command_kind::release_device) {
    if (!a.row.hub_id)
      d.otherwise.kind = answer_kind::not_registered;
    else
      d.event = effect{effect_kind::released, 0, c.id, c.device, 0, *a.row.hub_id, false};
  } else if (a.row.hub_id) {
    d.otherwise.kind = answer_kind::assigned;
  } else {
    decide_registration(c, d);
  }
  return d;
}

void node::decide_registration(const command& c, decision& d) {
  const auto group = group_for(c.device, snapshot_);
  const auto seen = planted(defect::snapshot_as_of_fold) ? shard_.position().sequence : snapshot_seen_;
  d.reads.push_back({group_key(c.device % groups), seen});
  if (group != c.device % groups) d.reads.push_back({group_key((c.device + 1) % groups), seen});
  if (!group) {
    d.event = effect{effect_kind::refused, 0, c.id, c.device, 0, 0, false};
    return;
  }
  if (!planted(defect::no_index_keys)) d.reads.push_back({hub_key(c.hub_id), shard_.position().sequence});
  if (table_.owner[static_cast<std::size_t>(c.hub_id)])
    d.otherwise.kind = answer_kind::taken;
  else
    d.event = effect{effect_kind::registered, 0, c.id, c.device, *group, c.hub_id, false};
}

// An actor is read from the rows when it is first asked, and evolves what comes after, often with a delay.
node::actor& node::load(int device) {
  const auto found = actors_.find(device);
  const bool passivated = world_.roll.chance(100);
  if (found == actors_.end() || passivated) {
    const auto& row = table_.device[static_cast<std::size_t>(device)];
    return actors_.insert_or_assign(device, actor{row, shard_.position().sequence, frames_.size()}).first->second;
  }
  auto& a = found->second;
  auto until = frames_.size();
  if (world_.roll.chance(world_.plan.lag_per_mille)) until -= world_.roll.below(until - a.next_frame + 1);
  for (; a.next_frame < until; ++a.next_frame) {
    for (const auto& e : frames_[a.next_frame].effects) {
      if (e.device == device) evolve(a.row, e);
    }
    a.seen = frames_[a.next_frame].after;
  }
  return a;
}

void node::refresh_snapshot() {
  snapshot_ = table_.enabled;
  snapshot_seen_ = shard_.position().sequence;
}

}  // namespace muster::simulation
