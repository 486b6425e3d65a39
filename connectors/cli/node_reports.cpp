#include "connectors/cli/node_reports.hpp"

#include "events/bytes.hpp"

#include <iostream>

namespace muster::connectors {

int print_verification(const std::vector<engine::shard_verification>& reports, bool json) {
  bool ok = true;
  std::uint64_t events = 0;
  std::uint64_t rows = 0;
  for (const auto& each : reports) {
    events += each.events;
    rows += each.rows;
    if (each.behind > 0) {
      std::cerr << "muster: shard " << each.shard.value() << ": the projections have not folded the last "
                << each.behind << " events; the next start folds them\n";
    }
    if (each.wrong.empty()) continue;
    ok = false;
    std::cerr << "muster: shard " << each.shard.value() << ": " << each.wrong << '\n';
  }
  if (json)
    std::cout << engine::to_json(reports) << '\n';
  else if (ok)
    std::cout << "ok: " << reports.size() << " shards, " << events << " events, " << rows << " rows\n";
  return ok ? 0 : 1;
}

int print_rebuild(const engine::rebuild_report& report, bool json) {
  for (const auto& [shard, why] : report.failed)
    std::cerr << "muster: shard " << shard.value() << " was not rebuilt: " << why.text << '\n';
  if (json)
    std::cout << engine::to_json(report) << '\n';
  else
    std::cout << "rebuilt from " << report.events << " events\n";
  return report.failed.empty() ? 0 : 1;
}

int print_migration(const engine::migration_report& report, const std::string& serve_with, bool json) {
  std::uint64_t frames = 0;
  std::uint64_t events = 0;
  for (const auto& shard : report.shards) {
    frames += shard.frames;
    events += shard.events;
  }
  if (json) {
    std::cout << "{\"shards\":" << report.shards.size() << ",\"frames\":" << frames << ",\"events\":" << events
              << ",\"keys\":" << report.keys << "}\n";
    return 0;
  }
  std::cout << "moved " << events << " events in " << frames << " frames of " << report.shards.size() << " shards and "
            << report.keys << " keys; both ends were read and are equal.\nServe it with: " << serve_with << '\n';
  return 0;
}

int print_repair(const engine::repair_order& order, const engine::blocked_log& passed, bool json) {
  if (json) {
    std::cout << "{\"shard\":" << order.shard.value() << ",\"offset\":" << passed.offset.value() << ",\"hash\":\""
              << events::to_hex(events::as_bytes(passed.hash)) << "\"}\n";
    return 0;
  }
  std::cout << "shard " << order.shard.value() << ": readers stopped at offset " << passed.offset.value() << ": "
            << passed.reason << "\nThe journal says now, in the name of " << order.by
            << ", that this frame does not count. Start the node, and restart every other node that has stopped "
               "this shard.\n";
  return 0;
}

}  // namespace muster::connectors
