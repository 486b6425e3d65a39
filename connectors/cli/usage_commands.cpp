#include "connectors/cli/session.hpp"
#include "engine/usage.hpp"

#include <algorithm>
#include <array>
#include <iostream>

namespace muster::connectors {

namespace {

// A period as people write it: 2026-11, 2026-11-21, 2026-11-21T06.
std::string period_text(const std::string& from, const std::string& by) {
  return from.substr(0, by == "month" ? 7 : by == "day" ? 10 : 13);
}

void print_report(const std::string& body) {
  std::cout << "operations  " << member_of(body, "operations") << "\n\n";
  std::vector<std::string> lines;
  const auto by = member_of(body, "by");
  for (const auto& period : items_of(body, "periods")) {
    const auto text = "\"" + period_text(member_of(period, "from"), by) + "\"";
    const std::string state = member_of(period, "open") == "true" ? "\"open\"" : "\"closed\"";
    for (const auto& type : items_of(period, "types"))
      lines.push_back(with_members(type, {{"period", text}, {"state", state}}));
  }
  print_table(lines, {"period", "type", "events", "operations", "state"});
}

constexpr std::array period_options = {"from", "to", "by"};

/// What the node would refuse is wrong usage, and needs no node to be told.
void check_periods(const session& s) {
  for (const char* each : {"from", "to"}) {
    if (s.has(each) && !engine::read_hour(s.text(each)))
      fail_command(std::string("--") + each +
                       ": expected a month (2026-11), a day (2026-11-21) or a full hour (2026-11-21T06), UTC, not '" +
                       s.text(each) + "'",
                   2);
  }
  if (s.has("from") && s.has("to") && *engine::read_hour(s.text("to")) <= *engine::read_hour(s.text("from")))
    fail_command("--to: expected a time behind --from; what is asked for ends before --to", 2);
  constexpr std::array periods = {"hour", "day", "month"};
  if (s.has("by") && std::ranges::find(periods, s.text("by")) == periods.end())
    fail_command("--by: expected hour, day or month, not '" + s.text("by") + "'", 2);
}

int recount(session& s) {
  for (const char* each : period_options) {
    if (s.has(each))
      fail_command(std::string("--") + each + " does not go with --recount, which counts all of the log", 2);
  }
  s.wait_for_long_work();
  const auto body =
      s.call("POST", "/operator/services/" + percent_encode(s.text("SERVICE")) + "/usage/recount", "{}").body;
  return print_recount(body, s.json());
}

int usage(session& s) {
  if (s.has("recount")) return recount(s);
  check_periods(s);
  std::string path = "/operator/services/" + percent_encode(s.text("SERVICE")) + "/usage?";
  for (const char* each : period_options) {
    if (s.has(each)) path.append(each).append("=").append(percent_encode(s.text(each))).append("&");
  }
  path.pop_back();
  const auto body = s.call("GET", path).body;
  if (s.json())
    std::cout << body << '\n';
  else
    print_report(body);
  return 0;
}

}  // namespace

int print_recount(const std::string& body, bool json) {
  const bool ok = member_of(body, "ok") == "true";
  if (json) std::cout << body << '\n';
  for (const auto& each : items_of(body, "differences")) std::cerr << "muster: " << each << '\n';
  if (!ok) {
    std::cerr << "muster: " << member_of(body, "differentHours")
              << " hours differ from the log: 'muster rebuild' makes the counters anew\n";
    return 1;
  }
  if (!json) {
    std::cout << "ok: " << member_of(body, "operations") << " operations, " << member_of(body, "events")
              << " events in " << member_of(body, "hours") << " hours, as the log has them\n";
  }
  return 0;
}

std::vector<command_spec> usage_commands() {
  return {
      {"usage",
       {"SERVICE"},
       "counts operations, the unit of billing, by hour, day or month and event type",
       "muster usage demo --from 2026-11 --to 2026-12 --by day --output json",
       {{"from=WHEN", "from the beginning of this month (2026-11), day (2026-11-21) or hour (2026-11-21T06) on, UTC"},
        {"to=WHEN", "up to the beginning of this one"},
        {"by=hour|day|month", "what a line sums up; day unless set"},
        {"recount", "counts anew from the log and compares; also (with --data) of a stopped node"}},
       usage},
  };
}

}  // namespace muster::connectors
