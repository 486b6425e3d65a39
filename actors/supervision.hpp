#pragma once

#include "actors/interfaces.hpp"

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>

#include <exception>

namespace muster::actors {

/// An exception ends the actor that threw it and nobody else: it is logged, and the replies that the actor held answer 503 as
/// they go. CAF's own handler would print to stdout.
template <class Self>
void supervise(Self self, actor_dependencies& dependencies) {
  self->set_exception_handler([&dependencies](std::exception_ptr& thrown) -> caf::error {
    std::string what = "unknown";
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      what = e.what();
    } catch (...) {
    }
    dependencies.log.write(engine::log_level::error, "an actor failed", {{"error", what}});
    return caf::exit_reason::unhandled_exception;
  });
}

/// The answer to a refused attempt beyond the failure budget.
inline engine::rejection too_many_attempts() {
  return {engine::rejection_code::too_many_attempts, "Too many failed attempts; try again later.", std::chrono::seconds(60)};
}

}  // namespace muster::actors
