#pragma once

#include "engine/command.hpp"

#include <memory>

namespace muster::engine {

/// Where the answer to one command goes. Made by a connector. If it goes away unanswered, its destructor answers
/// `unavailable`: no command is ever left without an answer.
class reply {
public:
  virtual ~reply() = default;
  /// Gives the answer; only the first call counts. Any thread; does not block.
  virtual void deliver(answer a) = 0;
};

/// Takes commands to the actor that decides them.
class command_gateway {
public:
  virtual ~command_gateway() = default;
  /// Any thread; does not block. The answer comes through `to`, before or after this returns.
  virtual void submit(command c, caller who, std::shared_ptr<reply> to) = 0;
};

}  // namespace muster::engine
