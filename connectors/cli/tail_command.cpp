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
  if (s.has("after") && s.has("from-start")) fail_command("give either --after or --from-start", 2);
  auto path = "/operator/services/" + percent_encode(s.text("SERVICE")) + "/events?after=" +
              (s.has("after")        ? percent_encode(s.text("after"))
               : s.has("from-start") ? ""
                                     : "latest");
  if (s.has("types")) path += "&types=" + percent_encode(s.names("types"));
  if (s.has("registration")) path += "&stream=" + percent_encode("devices/" + s.text("registration"));
  return path;
}

// Whether to come back later: the node restarts, or is busy.
bool may_pass(long status) {
  return status == 200 || status == 429 || status >= 500;
}

std::string refusal_of(const client_response& response) {
  const auto message = member_of(response.body, "message");
  return (message.empty() ? response.body : message) + " (" + std::to_string(response.status) + ")";
}

// The same of a node that gave no response.
bool may_come(const engine::error& error) {
  return error.code == engine::errc::unavailable || error.code == engine::errc::not_found;
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
  for (bool told = false;;) {
    reader.restart();
    const auto before = printed;
    const auto take = [&](std::string_view bytes) { return reader.put(bytes) && (limit == 0 || printed < limit); };
    const auto ended = s.follow(path, reader.last_id(), take);
    if (limit != 0 && printed >= limit) return 0;
    const bool began = !reader.last_id().empty();
    if (!ended && !began && !may_come(ended.error()))
      fail_command(ended.error().text, ended.error().code == engine::errc::invalid ? 2 : 1);
    if (ended && !may_pass(ended->status)) fail_command(refusal_of(*ended));
    const bool streamed = ended && ended->status == 200;
    pause = printed > before ? first_pause : std::min(pause * 2, longest_pause);
    if (streamed || !told) {
      std::cerr << "muster: "
                << (streamed ? "the stream ended"
                    : ended  ? refusal_of(*ended)
                             : ended.error().text)
                << "; tail goes on " << (began ? "behind " + reader.last_id() : "when the node serves") << std::endl;
    }
    told = !streamed;  // once for as long as the node does not serve
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

}  // namespace

std::vector<command_spec> tail_commands() {
  return {
      {"tail",
       {"SERVICE"},
       "prints what happens, as it happens; waits for a node that is not there, and comes back by itself",
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
