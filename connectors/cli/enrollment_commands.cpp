#include "connectors/cli/session.hpp"
#include "engine/attestation/attest.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"

#include <iostream>

namespace muster::connectors {

namespace {

constexpr auto api = "api-version=2021-10-01";

std::string query(session& s) {
  return std::string("?") + api + "&service=" + percent_encode(s.text("SERVICE"));
}

std::string object_or_fail(const char* option, const std::string& text) {
  const auto object = compact_object(text);
  if (!object) fail_command(std::string("--") + option + ": expected a JSON object, for example '{\"site\":\"a\"}'", 2);
  return *object;
}

using members = std::vector<std::pair<std::string, std::string>>;  // name -> value as JSON text

std::string attestation_json(session& s) {
  std::string keys;
  if (s.has("primary-key")) keys += "\"primaryKey\":" + events::to_json_string(s.text("primary-key"));
  if (s.has("secondary-key"))
    keys += (keys.empty() ? "" : ",") + ("\"secondaryKey\":" + events::to_json_string(s.text("secondary-key")));
  return "{\"type\":\"symmetricKey\",\"symmetricKey\":{" + keys + "}}";
}

// The initial twin with what the options say, the rest as in `current`, which is empty or JSON.
std::string twin_json(session& s, const std::string& current) {
  const auto part = [&](const char* option, const char* path) {
    if (s.has(option)) return object_or_fail(option, s.text(option));
    const auto before = member_of(current, path);
    return before.empty() ? std::string("{}") : before;
  };
  return "{\"tags\":" + part("tags", "initialTwin.tags") +
         ",\"properties\":{\"desired\":" + part("desired", "initialTwin.properties.desired") + "}}";
}

std::string reprovision_json(const std::string& policy) {
  if (policy != "migrate" && policy != "reset" && policy != "never")
    fail_command("--reprovision: expected migrate, reset or never", 2);
  return std::string("{\"updateHubAssignment\":") + (policy == "never" ? "false" : "true") +
         ",\"migrateDeviceData\":" + (policy == "migrate" ? "true" : "false") + "}";
}

// What the options say about an enrollment or a group; `current` is what there is, empty when it is created.
members terms_of(session& s, const std::string& current) {
  members terms;
  if (s.has("primary-key") || s.has("secondary-key") || current.empty())
    terms.emplace_back("attestation", attestation_json(s));
  if (s.has("enabled") && s.has("disabled")) fail_command("give either --enabled or --disabled", 2);
  if (s.has("enabled")) terms.emplace_back("provisioningStatus", "\"enabled\"");
  if (s.has("disabled")) terms.emplace_back("provisioningStatus", "\"disabled\"");
  if (s.has("edge")) terms.emplace_back("capabilities", "{\"iotEdge\":true}");
  std::string hubs;
  for (const auto& each : s.texts("hub")) hubs += (hubs.empty() ? "" : ",") + events::to_json_string(each);
  if (!hubs.empty()) terms.emplace_back("iotHubs", "[" + hubs + "]");
  if (s.has("allocation"))
    terms.emplace_back("allocationPolicy", events::to_json_string(s.text("allocation")));
  else if (!hubs.empty())
    terms.emplace_back("allocationPolicy", s.texts("hub").size() == 1 ? "\"static\"" : "\"hashed\"");
  if (s.has("tags") || s.has("desired")) terms.emplace_back("initialTwin", twin_json(s, current));
  if (s.has("reprovision")) terms.emplace_back("reprovisionPolicy", reprovision_json(s.text("reprovision")));
  return terms;
}

members if_match(session& s) {
  if (s.has("etag")) return {{"If-Match", s.text("etag")}};
  return {};
}

// Changes what the options name and nothing else, unless somebody else changed the entry meanwhile.
int update_entry(session& s, const std::string& path, const members& more) {
  const auto current = s.call("GET", path).body;
  auto terms = terms_of(s, current);
  terms.insert(terms.end(), more.begin(), more.end());
  const auto etag = s.has("etag") ? s.text("etag") : member_of(current, "etag");
  return show(s, s.call("PUT", path, with_members(current, terms), {{"If-Match", etag}}).body);
}

std::string enrollment_path(session& s) {
  return "/enrollments/" + percent_encode(s.text("ID")) + query(s);
}
std::string group_path(session& s) {
  return "/enrollmentGroups/" + percent_encode(s.text("ID")) + query(s);
}

members device_id_member(session& s) {
  if (s.has("device-id")) return {{"deviceId", events::to_json_string(s.text("device-id"))}};
  return {};
}
int create_enrollment(session& s) {
  auto body = with_members("{\"registrationId\":" + events::to_json_string(s.text("ID")) + "}", terms_of(s, {}));
  return show(s, s.call("PUT", enrollment_path(s), with_members(body, device_id_member(s))).body);
}
int update_enrollment(session& s) {
  return update_entry(s, enrollment_path(s), device_id_member(s));
}
int show_enrollment(session& s) {
  return show(s, s.call("GET", enrollment_path(s)).body);
}
int delete_enrollment(session& s) {
  s.call("DELETE", enrollment_path(s), {}, if_match(s));
  return show_deleted(s, "registrationId", s.text("ID"));
}

int create_group(session& s) {
  const auto body =
      with_members("{\"enrollmentGroupId\":" + events::to_json_string(s.text("ID")) + "}", terms_of(s, {}));
  return show(s, s.call("PUT", group_path(s), body).body);
}
int update_group(session& s) {
  return update_entry(s, group_path(s), {});
}
int show_group(session& s) {
  return show(s, s.call("GET", group_path(s)).body);
}
int delete_group(session& s) {
  s.call("DELETE", group_path(s), {}, if_match(s));
  return show_deleted(s, "enrollmentGroupId", s.text("ID"));
}

int derive_key(session& s) {
  if (!s.has("key")) fail_command("--key is missing: give the group's primary or secondary key", 2);
  const auto key = s.key("key");
  const auto derived = events::to_base64(engine::derive_device_keys({key, key}, s.text("ID")).primary);
  if (s.json())
    std::cout << "{\"registrationId\":" << events::to_json_string(s.text("ID")) << ",\"key\":\"" << derived << "\"}\n";
  else
    std::cout << derived << '\n';
  return 0;
}

/// A node counts so many rows a request; the numbers add up.
int count(session& s, const std::string& path) {
  std::uint64_t total = 0;
  std::string after;
  do {
    const auto body = s.call("GET", path + "&after=" + percent_encode(after)).body;
    total += std::stoull(member_of(body, "count"));
    after = member_of(body, "next");
  } while (!after.empty());
  if (s.json())
    std::cout << "{\"count\":" << total << "}\n";
  else
    std::cout << total << '\n';
  return 0;
}

int list(session& s, const std::string& what, const std::vector<std::string>& columns) {
  std::string path = "/operator/services/" + percent_encode(s.text("SERVICE")) + "/" + what +
                     "?limit=" + percent_encode(s.has("limit") ? s.number("limit", 1) : "100");
  for (const char* filter : {"status", "group", "hub"}) {
    if (what == "registrations" && s.has(filter))
      path += std::string("&") + filter + "=" + percent_encode(s.text(filter));
  }
  if (s.has("count")) return count(s, path + "&count=true");
  const auto body = s.call("GET", path + "&after=" + percent_encode(s.text("after"))).body;
  if (s.json())
    std::cout << body << '\n';
  else
    print_table(items_of(body, "items"), columns);
  if (const auto next = member_of(body, "next"); !s.json() && !next.empty())
    std::cerr << "more: --after " << next << '\n';
  return 0;
}
int list_enrollments(session& s) {
  return list(s, "enrollments", {"registrationId", "provisioningStatus", "deviceId", "etag"});
}
int list_groups(session& s) {
  return list(s, "groups", {"enrollmentGroupId", "provisioningStatus", "etag"});
}
int list_registrations(session& s) {
  return list(s, "registrations",
              {"registrationId", "status", "assignedHub", "deviceId", "enrollmentGroupId", "lastUpdatedDateTimeUtc"});
}

std::string registration_path(session& s) {
  return "/registrations/" + percent_encode(s.text("ID")) + query(s);
}
int show_registration(session& s) {
  return show(s, s.call("GET", registration_path(s)).body);
}
int delete_registration(session& s) {
  s.call("DELETE", registration_path(s), {}, if_match(s));
  return show_deleted(s, "registrationId", s.text("ID"));
}

const members terms_options = {
    {"primary-key=BASE64", "16 to 64 bytes; generated, or kept on update, unless given"},
    {"secondary-key=BASE64", "likewise"},
    {"disabled", "refuse its devices"},
    {"enabled", "admit its devices, as is the case unless it was disabled"},
    {"hub*=NAME", "a hub it may be assigned to; may be repeated; all linked hubs unless given"},
    {"allocation=hashed|static", "instead of the service's policy"},
    {"tags=JSON", "tags of the initial twin"},
    {"desired=JSON", "desired properties of the initial twin"},
    {"edge", "an IoT Edge device"},
    {"reprovision=migrate|reset|never", "what a later registration does with the device's data"},
    {"etag=ETAG", "only if the entry still has this etag"}};

members with(members options, const members& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

}  // namespace

std::vector<command_spec> enrollment_commands() {
  const members individual =
      with({{"device-id=ID", "the hub device's id; the registration id unless given"}}, terms_options);
  const members paging = {{"limit=N", "at most so many"}, {"after=ID", "those behind this one"}};
  const members filters = with({{"status=STATUS", "assigned, failed or disabled"},
                                {"group=ID", "of this enrollment group"},
                                {"hub=NAME", "on this hub"},
                                {"count", "print only how many"}},
                               paging);
  const members etag = {{"etag=ETAG", "only if the entry still has this etag"}};
  return {
      {"enrollment create",
       {"SERVICE", "ID"},
       "enrolls one device",
       "muster enrollment create demo dev-1 --tags '{\"site\":\"a\"}'",
       individual,
       create_enrollment},
      {"enrollment update",
       {"SERVICE", "ID"},
       "changes what the options name and keeps the rest",
       "muster enrollment update demo dev-1 --disabled",
       individual,
       update_enrollment},
      {"enrollment show",
       {"SERVICE", "ID"},
       "shows an enrollment and its registration",
       "muster enrollment show demo dev-1",
       {},
       show_enrollment},
      {"enrollment list",
       {"SERVICE"},
       "lists individual enrollments",
       "muster enrollment list demo --limit 20",
       paging,
       list_enrollments},
      {"enrollment delete",
       {"SERVICE", "ID"},
       "ends an enrollment; registration and hub device stay",
       "muster enrollment delete demo dev-1",
       etag,
       delete_enrollment},
      {"group create",
       {"SERVICE", "ID"},
       "enrolls a group of devices whose keys derive from its own",
       "muster group create demo fleet",
       terms_options,
       create_group},
      {"group update",
       {"SERVICE", "ID"},
       "changes what the options name and keeps the rest",
       "muster group update demo fleet --hub hub1 --hub hub2",
       terms_options,
       update_group},
      {"group show", {"SERVICE", "ID"}, "shows a group", "muster group show demo fleet", {}, show_group},
      {"group list", {"SERVICE"}, "lists enrollment groups", "muster group list demo", paging, list_groups},
      {"group delete",
       {"SERVICE", "ID"},
       "ends a group; its devices' registrations stay",
       "muster group delete demo fleet",
       etag,
       delete_group},
      {"group derive-key",
       {"ID"},
       "computes a device's key from its group's key",
       "muster group derive-key dev-7 --key BASE64",
       {{"key=BASE64", "the group's primary or secondary key"}},
       derive_key},
      {"registration show",
       {"SERVICE", "ID"},
       "shows a registration record",
       "muster registration show demo dev-1",
       {},
       show_registration},
      {"registration list",
       {"SERVICE"},
       "lists or counts registration records",
       "muster registration list demo --status failed --count",
       filters,
       list_registrations},
      {"registration delete",
       {"SERVICE", "ID"},
       "removes a registration record; the hub device stays",
       "muster registration delete demo dev-1",
       etag,
       delete_registration},
  };
}

}  // namespace muster::connectors
