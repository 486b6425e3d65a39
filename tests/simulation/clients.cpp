#include "tests/simulation/clients.hpp"

namespace muster::simulation {

using namespace std::chrono_literals;

namespace {
constexpr int tries_max = 8;
}

void clients::plan(microseconds calm_from, microseconds work_until, bool busy_at_the_turn) {
  auto& roll = world_.roll;
  const auto bursts = 2 + roll.below(12);
  for (std::uint64_t i = 0; i < bursts; ++i) {
    const auto begin = roll.between(0s, work_until);
    const auto size = 1 + roll.below(10);
    for (std::uint64_t j = 0; j < size; ++j) add(begin + roll.between(0s, 40ms), false);
  }
  if (!busy_at_the_turn) return;
  for (auto when = calm_from - 100ms; when < work_until; when += roll.between(1ms, 4ms)) add(when, true);
}

void clients::add(microseconds when, bool busy) {
  const auto who = all_.size();
  all_.push_back({draw_command(static_cast<int>(who), busy), 0, false});
  world_.queue.at(when, [this, who] { ask(who); });
}

// Groups hardly change while there is much to do: a registration waits for those who change them.
command clients::draw_command(int id, bool busy) {
  auto& roll = world_.roll;
  command c{
      id, command_kind::register_device, roll.pick(devices), roll.pick(groups), roll.pick(hub_ids), roll.chance(500)};
  const auto kind = roll.below(10);
  if (kind >= 9)
    c.kind = command_kind::release_device;
  else if (kind >= 7)
    c.kind = roll.chance(500) ? command_kind::read_device : command_kind::read_exactly;
  else if (kind >= 5 && (!busy || roll.chance(20)))
    c.kind = command_kind::set_group;
  return c;
}

void clients::ask(std::size_t who) {
  auto& c = all_[who];
  if (c.answered) return;
  if (c.tries == tries_max) {
    ++given_up_;
    return;
  }
  ++c.tries;
  const auto asked_node = any_node_();
  if (!asked_node) return ask_again(who, world_.roll.between(20ms, 500ms));
  const auto patience = world_.roll.chance(400) ? 20ms : 3000ms;
  ask_again(who, world_.roll.between(patience, patience * 2));
  asked_node->submit(c.what, [this, who](const answer& a) {
    auto& asked = all_[who];
    if (a.kind == answer_kind::unavailable) return ask_again(who, world_.roll.between(20ms, 500ms));
    if (asked.answered) return;
    asked.answered = true;
    ++answers_;
  });
}

void clients::ask_again(std::size_t who, microseconds delay) {
  world_.queue.after(delay, [this, who, tries = all_[who].tries] {
    if (all_[who].tries == tries) ask(who);
  });
}

}  // namespace muster::simulation
