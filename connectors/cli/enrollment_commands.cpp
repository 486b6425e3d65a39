#include "connectors/cli/session.hpp"
#include "engine/attestation/attest.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"

#include <iostream>

namespace muster::connectors {

namespace {

constexpr auto api = "api-version=2021-10-01";

std::string query(session& s) { return std::string("?") + api + "&service=" + percent_encode(s.text("SERVICE")); }

std::string object_or_fail(const char* option, const std::string& text) {
  const auto object = compact_object(text);
  if (!object) fail_command(std::string("--") + option + ": expected a JSON object, for example '{\"site\":\"a\"}'", 2);
  return *object;
}

// The members that individual enrollments and groups share, as JSON.
std::string terms_json(session& s) {
  std::string keys;
  if (s.has("primary-key")) keys += "\"primaryKey\":" + events::to_json_string(s.text("primary-key"));
  if (s.has("secondary-key")) keys += (keys.empty() ? "" : ",") + ("\"secondaryKey\":" + events::to_json_string(s.text("secondary-key")));
  std::string json = "\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{" + keys + "}}";
  json += std::string(",\"provisioningStatus\":\"") + (s.has("disabled") ? "disabled" : "enabled") + "\"";
  if (s.has("edge")) json += ",\"capabilities\":{\"iotEdge\":true}";
  std::string hubs;
  for (const auto& each : s.texts("hub")) hubs += (hubs.empty() ? "" : ",") + events::to_json_string(each);
  if (!hubs.empty()) json += ",\"iotHubs\":[" + hubs + "]";
  if (s.has("allocation")) json += ",\"allocationPolicy\":" + events::to_json_string(s.text("allocation"));
  else if (!hubs.empty()) json += std::string(",\"allocationPolicy\":\"") + (s.texts("hub").size() == 1 ? "static" : "hashed") + "\"";
  if (s.has("tags") || s.has("desired")) {
    json += ",\"initialTwin\":{\"tags\":" + (s.has("tags") ? object_or_fail("tags", s.text("tags")) : "{}") +
            ",\"properties\":{\"desired\":" + (s.has("desired") ? object_or_fail("desired", s.text("desired")) : "{}") + "}}";
  }
  if (s.has("reprovision")) {
    const auto policy = s.text("reprovision");
    if (policy != "migrate" && policy != "reset" && policy != "never") fail_command("--reprovision: expected migrate, reset or never", 2);
    json += std::string(",\"reprovisionPolicy\":{\"updateHubAssignment\":") + (policy == "never" ? "false" : "true") +
            ",\"migrateDeviceData\":" + (policy == "migrate" ? "true" : "false") + "}";
  }
  return json;
}

std::vector<std::pair<std::string, std::string>> if_match(session& s, bool must) {
  if (s.has("etag")) return {{"If-Match", s.text("etag")}};
  if (must) return {{"If-Match", "*"}};
  return {};
}

int show(session& s, const std::string& body) {
  if (s.json()) std::cout << body << '\n';
  else print_object(body);
  return 0;
}

std::string enrollment_path(session& s) { return "/enrollments/" + percent_encode(s.text("ID")) + query(s); }
std::string group_path(session& s) { return "/enrollmentGroups/" + percent_encode(s.text("ID")) + query(s); }

int put_enrollment(session& s, bool update) {
  std::string body = "{\"registrationId\":" + events::to_json_string(s.text("ID")) + "," + terms_json(s);
  if (s.has("device-id")) body += ",\"deviceId\":" + events::to_json_string(s.text("device-id"));
  return show(s, s.call("PUT", enrollment_path(s), body + "}", if_match(s, update)).body);
}
int create_enrollment(session& s) { return put_enrollment(s, false); }
int update_enrollment(session& s) { return put_enrollment(s, true); }
int show_enrollment(session& s) { return show(s, s.call("GET", enrollment_path(s)).body); }
int delete_enrollment(session& s) {
  s.call("DELETE", enrollment_path(s), {}, if_match(s, false));
  return 0;
}

int put_group(session& s, bool update) {
  const auto body = "{\"enrollmentGroupId\":" + events::to_json_string(s.text("ID")) + "," + terms_json(s) + "}";
  return show(s, s.call("PUT", group_path(s), body, if_match(s, update)).body);
}
int create_group(session& s) { return put_group(s, false); }
int update_group(session& s) { return put_group(s, true); }
int show_group(session& s) { return show(s, s.call("GET", group_path(s)).body); }
int delete_group(session& s) {
  s.call("DELETE", group_path(s), {}, if_match(s, false));
  return 0;
}

int derive_key(session& s) {
  const auto key = events::from_base64(s.text("key"));
  if (!key) fail_command("--key: expected the group's key in base64", 2);
  const auto derived = events::to_base64(engine::derive_device_keys({*key, *key}, s.text("ID")).primary);
  if (s.json()) std::cout << "{\"registrationId\":" << events::to_json_string(s.text("ID")) << ",\"key\":\"" << derived << "\"}\n";
  else std::cout << derived << '\n';
  return 0;
}

int list(session& s, const std::string& what, const std::vector<std::string>& columns) {
  std::string path = "/operator/services/" + percent_encode(s.text("SERVICE")) + "/" + what + "?limit=" +
                     percent_encode(s.has("limit") ? s.text("limit") : "100") + "&after=" + percent_encode(s.text("after"));
  for (const char* filter : {"status", "group", "hub"}) {
    if (what == "registrations" && s.has(filter)) path += std::string("&") + filter + "=" + percent_encode(s.text(filter));
  }
  if (s.has("count")) path += "&count=true";
  const auto body = s.call("GET", path).body;
  if (s.json()) std::cout << body << '\n';
  else if (s.has("count")) std::cout << member_of(body, "count") << '\n';
  else print_table(items_of(body, "items"), columns);
  if (const auto next = member_of(body, "next"); !s.json() && !next.empty()) std::cerr << "more: --after " << next << '\n';
  return 0;
}
int list_enrollments(session& s) { return list(s, "enrollments", {"registrationId", "provisioningStatus", "deviceId", "etag"}); }
int list_groups(session& s) { return list(s, "groups", {"enrollmentGroupId", "provisioningStatus", "etag"}); }
int list_registrations(session& s) {
  return list(s, "registrations", {"registrationId", "status", "assignedHub", "deviceId", "enrollmentGroupId", "lastUpdatedDateTimeUtc"});
}

std::string registration_path(session& s) { return "/registrations/" + percent_encode(s.text("ID")) + query(s); }
int show_registration(session& s) { return show(s, s.call("GET", registration_path(s)).body); }
int delete_registration(session& s) {
  s.call("DELETE", registration_path(s), {}, if_match(s, false));
  return 0;
}

const std::vector<std::pair<std::string, std::string>> terms_options = {
    {"primary-key=BASE64", "16 to 64 bytes; generated, or kept on update, unless given"},
    {"secondary-key=BASE64", "likewise"},
    {"disabled", "refuse its devices"},
    {"hub*=NAME", "a hub it may be assigned to; may be repeated; all linked hubs unless given"},
    {"allocation=hashed|static", "instead of the service's policy"},
    {"tags=JSON", "tags of the initial twin"},
    {"desired=JSON", "desired properties of the initial twin"},
    {"edge", "an IoT Edge device"},
    {"reprovision=migrate|reset|never", "what a later registration does with the device's data"},
    {"etag=ETAG", "only if the entry still has this etag"}};

std::vector<std::pair<std::string, std::string>> with(std::vector<std::pair<std::string, std::string>> options,
                                                      const std::vector<std::pair<std::string, std::string>>& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

}  // namespace

std::vector<command_spec> enrollment_commands() {
  const std::vector<std::pair<std::string, std::string>> individual = with({{"device-id=ID", "the hub device's id; the registration id unless given"}}, terms_options);
  const std::vector<std::pair<std::string, std::string>> paging = {{"limit=N", "at most so many"}, {"after=ID", "those behind this one"}};
  const std::vector<std::pair<std::string, std::string>> filters = with(
      {{"status=STATUS", "assigned, failed or disabled"}, {"group=ID", "of this enrollment group"}, {"hub=NAME", "on this hub"}, {"count", "print only how many"}}, paging);
  const std::vector<std::pair<std::string, std::string>> etag = {{"etag=ETAG", "only if the entry still has this etag"}};
  return {
      {"enrollment create", {"SERVICE", "ID"}, "enrolls one device", "muster enrollment create demo dev-1 --tags '{\"site\":\"a\"}'", individual, create_enrollment},
      {"enrollment update", {"SERVICE", "ID"}, "replaces an enrollment; its keys are kept unless given", "", individual, update_enrollment},
      {"enrollment show", {"SERVICE", "ID"}, "shows an enrollment and its registration", "", {}, show_enrollment},
      {"enrollment list", {"SERVICE"}, "lists individual enrollments", "", paging, list_enrollments},
      {"enrollment delete", {"SERVICE", "ID"}, "ends an enrollment; registration and hub device stay", "", etag, delete_enrollment},
      {"group create", {"SERVICE", "ID"}, "enrolls a group of devices whose keys derive from its own", "muster group create demo fleet", terms_options, create_group},
      {"group update", {"SERVICE", "ID"}, "replaces a group; its keys are kept unless given", "", terms_options, update_group},
      {"group show", {"SERVICE", "ID"}, "shows a group", "", {}, show_group},
      {"group list", {"SERVICE"}, "lists enrollment groups", "", paging, list_groups},
      {"group delete", {"SERVICE", "ID"}, "ends a group; its devices' registrations stay", "", etag, delete_group},
      {"group derive-key", {"ID"}, "computes a device's key from its group's key", "muster group derive-key dev-7 --key BASE64",
       {{"key=BASE64", "the group's primary or secondary key"}}, derive_key},
      {"registration show", {"SERVICE", "ID"}, "shows a registration record", "", {}, show_registration},
      {"registration list", {"SERVICE"}, "lists or counts registration records", "muster registration list demo --status failed --count", filters, list_registrations},
      {"registration delete", {"SERVICE", "ID"}, "removes a registration record; the hub device stays", "", etag, delete_registration},
  };
}

}  // namespace muster::connectors
