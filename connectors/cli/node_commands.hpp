#pragma once

#include "connectors/cli/command_line.hpp"

/// Commands that this process carries out itself, with a node's configuration. `arguments` are without the command's
/// name; each gives the exit code, and reports on stderr what went wrong.
namespace muster::connectors {

using arguments_of_command = std::vector<std::string>;

int run_serve(const arguments_of_command& arguments, const environment& env, const node_commands& commands);
int run_cluster_init(const arguments_of_command& arguments, const environment& env, const node_commands& commands);
int run_migrate(const arguments_of_command& arguments, const environment& env, const node_commands& commands);
/// Only where no node runs, so that nothing else of this directory is being written.
int run_repair(const arguments_of_command& arguments, const environment& env, const node_commands& commands);

// Of a node that does not run; with one, connectors/cli/history_commands.cpp and usage_commands.cpp have them.
int verify_without_node(const arguments_of_command& arguments, const environment& env, const node_commands& commands);
int rebuild_without_node(const arguments_of_command& arguments, const environment& env, const node_commands& commands);
int recount_without_node(const arguments_of_command& arguments, const environment& env, const node_commands& commands);

}  // namespace muster::connectors
