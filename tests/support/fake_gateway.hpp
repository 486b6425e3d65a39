#pragma once

#include "engine/ports/command_gateway.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace muster::tests {

/// Keeps what was submitted and answers as the test says, before `submit` returns. Not thread-safe.
class fake_gateway final : public engine::command_gateway {
public:
  struct submission {
    engine::command what;
    engine::caller who;
  };

  /// Makes the answer; without it replies are kept in `waiting`.
  std::function<engine::answer(const engine::command&)> answer_with;
  std::vector<submission> submitted;
  std::vector<std::shared_ptr<engine::reply>> waiting;

  void submit(engine::command c, engine::caller who, std::shared_ptr<engine::reply> to) override {
    if (answer_with)
      to->deliver(answer_with(c));
    else
      waiting.push_back(std::move(to));
    submitted.push_back({std::move(c), std::move(who)});
  }

  /// The last command, which must be a `Command`.
  template <class Command>
  const Command& last() const {
    return std::get<Command>(submitted.back().what);
  }
};

}  // namespace muster::tests
