#include "connectors/cli/event_stream.hpp"
#include "connectors/cli/session.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <poll.h>

namespace muster::connectors {

namespace {

using namespace std::chrono_literals;

constexpr auto first_pause = 200ms;
constexpr auto longest_pause = 5000ms;

std::string tail_path(session& s) {
  auto path = "/operator/services/" + percent_encode(s.text("SERVICE")) + "/events?after=" +
              (s.has("after")        ? percent_encode(s.text("after"))
               : s.has("from-start") ? ""
                                     : "latest");
  if (s.has("types")) path += "&types=" + percent_encode(s.text("types"));
  if (s.has("registration")) path += "&stream=" + percent_encode("devices/" + s.text("registration"));
  return path;
}

// Whether to come back later: the node restarts, or is busy.
bool may_pass(long status) {
  return status == 200 || status == 429 || status >= 500;
}

int tail(session& s) {
  const auto path = tail_path(s);
  const std::size_t limit = s.has("limit") ? std::stoull(s.number("limit", 1)) : 0;
  std::size_t printed = 0;
  event_stream_reader reader([&](const std::string& event) {
    if (limit != 0 && printed == limit) return;
    if (s.json())
      std::cout << event << '\n';
    else
      print_event(event);
    std::cout << std::flush;
    ++printed;
  });
  auto pause = first_pause;
  for (bool told = false;; told = true) {
    reader.restart();
    const auto before = printed;
    const auto take = [&](std::string_view bytes) { return reader.put(bytes) && (limit == 0 || printed < limit); };
    const auto ended = s.follow(path, reader.last_id(), take);
    if (limit != 0 && printed >= limit) return 0;
    if (!ended && !told && reader.last_id().empty()) fail_command(ended.error().text);
    if (ended && !may_pass(ended->status)) {
      const auto message = member_of(ended->body, "message");
      fail_command((message.empty() ? ended->body : message) + " (" + std::to_string(ended->status) + ")");
    }
    pause = printed > before ? first_pause : std::min(pause * 2, longest_pause);
    std::cerr << "muster: the stream ended" << (ended ? "" : ": " + ended.error().text) << "; it goes on behind "
              << reader.last_id() << '\n';
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

}  // namespace

std::vector<command_spec> tail_commands() {
  return {
      {"tail",
       {"SERVICE"},
       "prints what happens, as it happens; comes back by itself when the node restarts",
       "muster tail demo --types device_registered,registration_refused",
       {{"json", "CloudEvents, one a line"},
        {"types=NAME,...", "only events of these types"},
        {"registration=ID", "only events of this registration id"},
        {"after=SHARD-SEQUENCE", "begins behind this event"},
        {"from-start", "begins with the first event"},
        {"limit=N", "ends after so many"}},
       tail},
  };
}

}  // namespace muster::connectors
