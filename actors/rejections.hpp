#pragma once

#include "actors/interfaces.hpp"
#include "engine/limits.hpp"

/// What every actor answers alike to a command that it does not decide.
namespace muster::actors {

inline engine::rejection unavailable(std::string message) {
  return {engine::rejection_code::unavailable, std::move(message), std::chrono::seconds(1)};
}
/// The command's deadline has passed.
inline engine::rejection too_late() {
  return unavailable("The request was not decided in time.");
}
/// The shard of the service is not open here.
inline engine::rejection not_open() {
  return unavailable("The service is not open on this node yet.");
}
/// An exception ended the work on it before it was proposed.
inline engine::rejection failed() {
  return unavailable("The request failed; nothing has changed.");
}

/// `wait`: until it may be tried again.
inline engine::rejection beyond_quota(std::string message, std::chrono::seconds wait) {
  return {engine::rejection_code::too_many_requests, std::move(message), wait};
}
inline engine::rejection scope_beyond_quota(std::chrono::seconds wait) {
  return beyond_quota("The service writes more than it may.", wait);
}
/// A refused attempt beyond the failure budget.
inline engine::rejection too_many_attempts() {
  return {engine::rejection_code::too_many_attempts, "Too many failed attempts; try again later.",
          std::chrono::seconds(60)};
}

/// Whether a command whose proposal came back so is decided again, on what is newer: after a conflict, a limited number
/// of times. Otherwise its answer is `engine::not_recorded`.
inline bool begins_anew(pending_command& c, const engine::settlement& what) {
  return what.kind == engine::settlement_kind::conflict && ++c.tries <= engine::limits::conflict_retries_max;
}

}  // namespace muster::actors
