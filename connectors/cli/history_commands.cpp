#include "connectors/cli/session.hpp"
#include "events/bytes.hpp"

#include <algorithm>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

namespace muster::connectors {

namespace {

constexpr std::size_t page_events = 500;
constexpr std::size_t device_events_max = 10'000;       // of one stream, unless --limit says otherwise
constexpr std::size_t refusals_looked_at_max = 10'000;  // for those of one stranger

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

/// Reads a service's events, or those of one stream, a page at a time from behind `after`, until `take` gives false or
/// there are no more. Gives the id of the event that `take` had enough with, if it did.
std::string each_event(session& s, const std::string& stream, std::string after, std::size_t page,
                       const std::function<bool(const std::string&)>& take) {
  while (true) {
    auto path =
        "/operator/services/" + percent_encode(s.text("SERVICE")) + "/events?usage=false&limit=" + std::to_string(page);
    if (!after.empty()) path += "&after=" + percent_encode(after);
    if (!stream.empty()) path += "&stream=" + percent_encode(stream);
    const auto response = s.call("GET", path);
    std::istringstream lines(response.body);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && !take(line)) return member_of(line, "id");
    }
    after = response.header("x-muster-next");
    if (response.header("x-muster-more") != "true" || after.empty()) return {};
  }
}

void print_either(const session& s, const std::string& event) {
  if (s.json())
    std::cout << event << '\n';
  else
    print_event(event);
}

std::size_t limit_of(const session& s, std::size_t otherwise) {
  return s.has("limit") ? std::stoull(s.number("limit", 1)) : otherwise;
}

int history_of_service(session& s, const std::string& stream) {
  const auto limit = limit_of(s, std::numeric_limits<std::size_t>::max());
  std::size_t printed = 0;
  each_event(s, stream, s.text("after"), std::min(page_events, limit), [&](const std::string& event) {
    print_either(s, event);
    return ++printed < limit;
  });
  return 0;
}

using events_by_sequence = std::map<std::uint64_t, std::string>;

/// The events of a stream that `wanted` wants: at most `most`, among at most `looked_at_max`.
void collect(session& s, const std::string& stream, std::size_t most, std::size_t looked_at_max,
             events_by_sequence& found, const std::function<bool(const std::string&)>& wanted) {
  std::size_t taken = 0;
  std::size_t looked_at = 0;
  const auto behind = each_event(s, stream, s.text("after"), page_events, [&](const std::string& event) {
    if (wanted(event)) {
      found.emplace(std::stoull(member_of(event, "sequence")), event);
      ++taken;
    }
    return taken < most && ++looked_at < looked_at_max;
  });
  if (!behind.empty() && !s.has("limit")) std::cerr << "more of " << stream << ": --after " << behind << '\n';
}

/// A device's own events and those of the hub devices it was assigned. Of an id that no device has, the attempts that
/// were refused: they stand together with those of other strangers.
int history_of_device(session& s) {
  const auto id = s.text("REGISTRATION_ID");
  const auto limit = limit_of(s, device_events_max);
  const auto looked_at_max = std::max(limit, device_events_max);
  events_by_sequence found;
  std::set<std::string> hub_devices;
  collect(s, "devices/" + id, limit, looked_at_max, found, [&](const std::string& event) {
    const auto hub = member_of(event, "data.assignedHub");
    if (!hub.empty()) hub_devices.insert("hubs/" + hub + "/" + member_of(event, "data.deviceId"));
    return true;
  });
  const auto all = [](const std::string&) { return true; };
  for (const auto& each : hub_devices) collect(s, each, limit, looked_at_max, found, all);
  if (found.empty()) {
    collect(s, "refusals", limit, refusals_looked_at_max, found, [&](const std::string& event) {
      return events::to_lower(member_of(event, "data.attempt.registrationId")) == events::to_lower(id);
    });
  }
  if (found.empty())
    std::cerr << "muster: there is no event of '" << id
              << "', and none of the attempts that were refused to strangers names it\n";
  std::size_t printed = 0;
  for (const auto& [sequence, event] : found) {
    if (printed++ == limit) break;
    print_either(s, event);
  }
  return 0;
}

int history(session& s) {
  if (s.has("stream") && s.has("REGISTRATION_ID")) fail_command("give either REGISTRATION_ID or --stream", 2);
  return s.has("REGISTRATION_ID") ? history_of_device(s) : history_of_service(s, s.text("stream"));
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
       "prints what happened, oldest first; to a device also on its hubs, and to a stranger what was refused",
       "muster history demo dev-1",
       {{"json", "CloudEvents, one a line"},
        {"after=SHARD-SEQUENCE", "only what came behind this event"},
        {"stream=STREAM", "only one stream: service, refusals, groups/GROUP, devices/ID or hubs/HUB/DEVICE"},
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
