#pragma once

#include "tests/simulation/node.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace muster::simulation {

/// Those who ask: each wants one command done. A client asks any node, and asks again, elsewhere and with the same
/// command ID, when it is refused or gets impatient: the first try may still be on its way then.
class clients {
public:
  /// `any_node` gives the node to ask next, or null if that one is down.
  clients(world& w, std::function<std::shared_ptr<node>()> any_node) : world_(w), any_node_(std::move(any_node)) {}

  /// Draws what is asked until `work_until`; around `calm_from` all the time if `busy_at_the_turn`.
  void plan(microseconds calm_from, microseconds work_until, bool busy_at_the_turn);

  std::uint64_t answers() const { return answers_; }
  std::uint64_t given_up() const { return given_up_; }

private:
  struct client {
    command what;
    int tries = 0;
    bool answered = false;
  };

  void add(microseconds when, bool busy);
  command draw_command(int id, bool busy);
  void ask(std::size_t who);
  void ask_again(std::size_t who, microseconds delay);

  world& world_;
  std::function<std::shared_ptr<node>()> any_node_;
  std::vector<client> all_;
  std::uint64_t answers_ = 0;
  std::uint64_t given_up_ = 0;
};

}  // namespace muster::simulation
