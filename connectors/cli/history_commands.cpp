#include "connectors/cli/session.hpp"

#include <iostream>
#include <sstream>

namespace muster::connectors {

namespace {

constexpr std::size_t page_events = 500;

// What an event is about, in a few words.
std::string summary_of(const std::string& event) {
  std::string text;
  for (const char* member : {"data.reason", "data.assignedHub", "data.deviceId", "data.substatus", "data.errorMessage",
                             "data.name", "data.idScope", "data.hub.name", "data.attempt.enrollment.enrollmentGroupId",
                             "data.attempt.sourceAddress", "data.operations"}) {
    if (const auto value = member_of(event, member); !value.empty()) {
      const std::string_view name(member);
      text += (text.empty() ? "" : "  ") + std::string(name.substr(name.rfind('.') + 1)) + "=" + value;
    }
  }
  return text;
}

}  // namespace

void print_event(const std::string& event) {
  auto type = member_of(event, "type");
  if (type.starts_with("muster.")) type = type.substr(7, type.rfind('.') - 7);
  std::cout << member_of(event, "time") << "  " << member_of(event, "id") << "  " << type
            << std::string(type.size() < 26 ? 26 - type.size() : 1, ' ') << member_of(event, "subject") << "  by "
            << member_of(event, "by") << (member_of(event, "operation") == "true" ? "  [operation]" : "");
  if (const auto summary = summary_of(event); !summary.empty()) std::cout << "\n    " << summary;
  std::cout << '\n';
}

namespace {

int history(session& s) {
  const std::size_t limit = s.has("limit") ? std::stoull(s.number("limit", 1)) : 0;
  std::string after = s.text("after");
  std::size_t printed = 0;
  while (true) {
    const auto want = limit == 0 ? page_events : std::min(page_events, limit - printed);
    std::string path =
        "/operator/services/" + percent_encode(s.text("SERVICE")) + "/events?usage=false&limit=" + std::to_string(want);
    if (!after.empty()) path += "&after=" + percent_encode(after);
    if (s.has("REGISTRATION_ID")) path += "&stream=" + percent_encode("devices/" + s.text("REGISTRATION_ID"));
    const auto response = s.call("GET", path);
    std::istringstream lines(response.body);
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      if (s.json())
        std::cout << line << '\n';
      else
        print_event(line);
      ++printed;
    }
    after = response.header("x-muster-next");
    if (response.header("x-muster-more") != "true" || after.empty() || (limit != 0 && printed >= limit)) return 0;
  }
}

int verify(session& s) {
  s.wait_for_long_work();
  const auto body = s.call("POST", "/operator/verify", "{}").body;
  if (s.json())
    std::cout << body << '\n';
  else
    std::cout << "ok: " << items_of(body, "shards").size() << " shards, " << member_of(body, "events") << " events\n";
  return 0;
}

int rebuild(session& s) {
  s.wait_for_long_work();
  const auto body = s.call("POST", "/operator/rebuild", "{}").body;
  if (s.json())
    std::cout << body << '\n';
  else
    std::cout << "rebuilt from " << member_of(body, "events") << " events\n";
  const auto stopped = member_of(body, "stopped");
  if (stopped.empty() || stopped == "[]") return 0;
  std::cerr << "muster: shards " << stopped
            << " have stopped because of their log and were not rebuilt; the node's log says why\n";
  return 1;
}

}  // namespace

std::vector<command_spec> history_commands() {
  return {
      {"history",
       {"SERVICE", "[REGISTRATION_ID]"},
       "prints what happened, oldest first",
       "muster history demo dev-1",
       {{"json", "CloudEvents, one a line"},
        {"after=SHARD-SEQUENCE", "only what came behind this event"},
        {"limit=N", "at most so many"}},
       history},
      {"verify",
       {},
       "checks chains, checksums and read models, of a node that runs or (with --data) of a stopped one",
       "muster verify --data muster-data",
       {},
       verify},
      {"rebuild",
       {},
       "folds the read models anew beside the serving ones, and switches; also of a stopped node",
       "muster rebuild --data muster-data",
       {},
       rebuild},
  };
}

}  // namespace muster::connectors
