#include "connectors/cli/session.hpp"
#include "events/codec.hpp"

#include <iostream>

namespace muster::connectors {

namespace {

std::string service_path(const std::string& name) {
  return "/operator/services/" + percent_encode(name);
}

// `hub1:3` as JSON.
std::string hub_json(const std::string& text) {
  const auto colon = text.find(':');
  std::string json = "{\"name\":" + events::to_json_string(text.substr(0, colon));
  if (colon == std::string::npos) return json + "}";
  const auto weight = text.substr(colon + 1);
  if (weight.empty() || weight.find_first_not_of("0123456789") != std::string::npos) {
    fail_command("--hub " + text + ": expected NAME or NAME:WEIGHT, the weight a number", 2);
  }
  return json + ",\"weight\":" + weight + "}";
}

int create(session& s) {
  std::string body = "{";
  if (s.has("id-scope")) body += "\"idScope\":" + events::to_json_string(s.text("id-scope")) + ",";
  std::string hubs;
  for (const auto& each : s.texts("hub")) hubs += (hubs.empty() ? "" : ",") + hub_json(each);
  if (!hubs.empty()) body += "\"hubs\":[" + hubs + "],";
  body += "\"settings\":{";
  if (s.has("allocation")) body += "\"allocationPolicy\":" + events::to_json_string(s.text("allocation")) + ",";
  body += std::string("\"assigningFirst\":") + (s.has("assigning-first") ? "true" : "false") + "}}";
  s.call("PUT", service_path(s.text("NAME")), body);
  return show(s, s.call("GET", service_path(s.text("NAME"))).body);
}

int show_service(session& s) {
  return show(s, s.call("GET", service_path(s.text("NAME"))).body);
}

int list_services(session& s) {
  const auto body = s.call("GET", "/operator/services").body;
  if (s.json())
    std::cout << body << '\n';
  else
    print_table(items_of(body, "items"), {"name", "idScope", "serviceEndpoint", "state"});
  const auto missing = member_of(body, "incomplete");
  if (missing.empty()) return 0;
  std::cerr << "muster: " << missing << '\n';
  return 1;
}

// `assigningFirst=true` as a JSON member.
std::string setting_json(const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos)
    fail_command("'" + assignment + "': expected KEY=VALUE, for example assigningFirst=true", 2);
  const auto value = assignment.substr(equals + 1);
  const bool bare = value == "true" || value == "false" ||
                    (!value.empty() && value.find_first_not_of("0123456789") == std::string::npos);
  return events::to_json_string(assignment.substr(0, equals)) + ":" + (bare ? value : events::to_json_string(value));
}

int set_service(session& s) {
  std::string body;
  for (const auto& each : s.texts("KEY=VALUE")) body += (body.empty() ? "{" : ",") + setting_json(each);
  s.call("PATCH", service_path(s.text("NAME")) + "/settings", body + "}");
  return show_service(s);
}

std::string hub_path(session& s) {
  return service_path(s.text("SERVICE")) + "/hubs/" + percent_encode(s.text("HUB"));
}

int list_hubs(session& s) {
  const auto body = s.call("GET", service_path(s.text("SERVICE")) + "/hubs").body;
  if (s.json())
    std::cout << body << '\n';
  else
    print_table(items_of(body, "hubs"), {"name", "weight", "applyAllocationPolicy"});
  return 0;
}

int link_hub(session& s) {
  std::string body = std::string("{\"applyAllocationPolicy\":") + (s.has("no-allocation") ? "false" : "true");
  if (s.has("weight")) body += ",\"weight\":" + s.number("weight", 1);
  s.call("PUT", hub_path(s), body + "}");
  return list_hubs(s);
}

int unlink_hub(session& s) {
  s.call("DELETE", hub_path(s));
  return show_deleted(s, "hub", s.text("HUB"));
}

int hub_devices(session& s) {
  if (s.has("DEVICE")) {
    return show(s, s.call("GET", hub_path(s) + "/devices/" + percent_encode(s.text("DEVICE")) +
                                     (s.has("keys") ? "?keys=true" : ""))
                       .body);
  }
  const auto limit = s.has("limit") ? s.number("limit", 1) : "100";
  const auto body = s.call("GET", hub_path(s) + "/devices?limit=" + percent_encode(limit) +
                                      "&after=" + percent_encode(s.text("after")))
                        .body;
  if (s.json())
    std::cout << body << '\n';
  else
    print_table(items_of(body, "items"), {"deviceId", "registrationId", "tags", "properties.desired"});
  return 0;
}

int delete_hub_device(session& s) {
  s.call("DELETE", hub_path(s) + "/devices/" + percent_encode(s.text("DEVICE")));
  return show_deleted(s, "deviceId", s.text("DEVICE"));
}

}  // namespace

std::vector<command_spec> service_commands() {
  return {
      {"service create",
       {"NAME"},
       "creates a provisioning service",
       "muster service create demo --hub hub1:3 --hub hub2",
       {{"id-scope=0neXXXXXXXX", "its ID scope; drawn unless given"},
        {"hub*=NAME[:WEIGHT]", "a built-in hub to link; may be repeated; hub1 unless given"},
        {"allocation=hashed|static", "the default allocation policy"},
        {"assigning-first", "answer registers with 202 first, for clients that need that"}},
       create},
      {"service show",
       {"NAME"},
       "shows a service with its connection string",
       "muster service show demo",
       {},
       show_service},
      {"service list", {}, "lists the services", "muster service list --output json", {}, list_services},
      {"service set",
       {"NAME", "KEY=VALUE..."},
       "changes settings: allocationPolicy, assigningFirst, symmetricKeyGroupsMax",
       "muster service set demo assigningFirst=true allocationPolicy=static",
       {},
       set_service},
      {"hub list", {"SERVICE"}, "lists the linked hubs", "muster hub list demo", {}, list_hubs},
      {"hub link",
       {"SERVICE", "HUB"},
       "links a built-in hub, or changes its link",
       "muster hub link demo hub2 --weight 5",
       {{"weight=N", "1 to 1000: its share of evenly weighted devices"},
        {"no-allocation", "assigned only where an enrollment names it with the static policy"}},
       link_hub},
      {"hub unlink",
       {"SERVICE", "HUB"},
       "ends a link; the hub's devices stay",
       "muster hub unlink demo hub2",
       {},
       unlink_hub},
      {"hub devices",
       {"SERVICE", "HUB", "[DEVICE]"},
       "lists a hub's devices, or shows one with its twin",
       "muster hub devices demo hub1 dev-1 --keys",
       {{"keys", "show the device's keys too"}, {"limit=N", "at most so many"}, {"after=ID", "those behind this one"}},
       hub_devices},
      {"hub delete-device",
       {"SERVICE", "HUB", "DEVICE"},
       "removes a device from a hub",
       "muster hub delete-device demo hub1 dev-1",
       {},
       delete_hub_device},
  };
}

}  // namespace muster::connectors
