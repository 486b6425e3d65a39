#pragma once

#include "actors/interfaces.hpp"

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>

#include <exception>
#include <string>

namespace muster::actors {

/// What an exception says.
inline std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown";
  }
}

/// An exception ends the actor that threw it and nobody else: it is logged, and the replies that the actor held answer
/// 503 as they go. CAF's own handler would print to stdout.
template <class Self>
void supervise(Self self, actor_dependencies& dependencies) {
  self->set_exception_handler([&dependencies](std::exception_ptr& thrown) -> caf::error {
    dependencies.log.write(engine::log_level::error, "an actor failed", {{"error", text_of(thrown)}});
    return caf::exit_reason::unhandled_exception;
  });
}

/// Runs `work` for an actor that others depend on, and which therefore outlives an exception: it is logged, and
/// `recover` called.
template <class Work, class Recover>
void outlive(actor_dependencies& dependencies, const Work& work, const Recover& recover) {
  try {
    work();
  } catch (...) {
    dependencies.log.write(engine::log_level::error, "a command failed",
                           {{"error", text_of(std::current_exception())}});
    recover();
  }
}

/// Counts one look at a credential.
inline void count_attestation(engine::telemetry& telemetry, const engine::attestation_verdict& verdict) {
  const auto result = verdict.attested() ? engine::attestation_result::succeeded : engine::attestation_result::failed;
  ++telemetry.attestation_attempts[static_cast<std::size_t>(result)];
}

/// Says that an attempt was refused while groups could not be tried.
inline void log_closed_groups(engine::log& log, const events::id_scope& scope, const events::registration_id& id,
                              const engine::attestation_verdict& verdict) {
  if (verdict.closed_groups == 0) return;
  log.write(
      engine::log_level::error,
      "a device was refused that may belong to an enrollment group whose keys are lost: restore the keyring that "
      "belongs to this journal",
      {{"idScope", scope.text()}, {"registrationId", id.text()}, {"groups", std::to_string(verdict.closed_groups)}});
}

}  // namespace muster::actors
