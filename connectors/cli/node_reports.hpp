#pragma once

#include "engine/migration.hpp"
#include "engine/rebuild.hpp"
#include "engine/repair.hpp"
#include "engine/verification.hpp"

#include <string>
#include <vector>

/// What commands on a node that does not run say when they are done: for people, or as one JSON document on stdout.
/// What is wrong, or worth knowing, goes to stderr. Each gives the exit code.
namespace muster::connectors {

int print_verification(const std::vector<engine::shard_verification>& reports, bool json);

int print_rebuild(const engine::rebuild_report& report, bool json);

/// `serve_with`: the command that serves the history from now on.
int print_migration(const engine::migration_report& report, const std::string& serve_with, bool json);

int print_repair(const engine::repair_order& order, const engine::blocked_log& passed, bool json);

}  // namespace muster::connectors
