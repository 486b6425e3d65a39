#pragma once

#include <functional>

namespace muster::connectors {

/// The exit code of a process that would have ended by SIGPIPE, as shells report it.
inline constexpr int exit_of_broken_pipe = 141;

/// Runs a command and sees to it that what it prints on std::cout arrives. Gives its exit code; 1, with one line on
/// stderr, if the output could not be written to its end; `exit_of_broken_pipe`, and nothing is said, if nobody reads
/// it any more. The first write that fails ends the command by an exception (std::ios_base::failure), which it must let
/// through, unless it called `go_on_without_output`.
int with_checked_output(const std::function<int()>& command);

/// From now on the command is not ended by output that cannot be written; only its exit code says so. For a node: it is
/// there for its devices.
void go_on_without_output();

}  // namespace muster::connectors
