#include "connectors/cli/session.hpp"
#include "events/codec.hpp"

namespace muster::connectors {

namespace {

std::string webhook_path(session& s) {
  return "/operator/services/" + percent_encode(s.text("SERVICE")) + "/webhook";
}

int set(session& s) {
  std::string body = "{\"url\":" + events::to_json_string(s.text("URL"));
  if (s.has("secret")) body += ",\"secret\":" + events::to_json_string(s.text("secret"));
  std::string types;
  auto rest = s.has("types") ? s.names("types") : std::string();
  while (!rest.empty()) {
    const auto name = rest.substr(0, rest.find(','));
    rest.erase(0, name.size() + 1);
    if (!name.empty()) types += (types.empty() ? "" : ",") + events::to_json_string(name);
  }
  body += ",\"types\":[" + types + "],\"validate\":" + (s.has("no-validation") ? "false" : "true") + "}";
  return show(s, s.call("PUT", webhook_path(s), body).body);
}

int show_webhook(session& s) {
  return show(s, s.call("GET", webhook_path(s) + (s.has("keys") ? "?keys=true" : "")).body);
}

int remove(session& s) {
  s.call("DELETE", webhook_path(s));
  return show_deleted(s, "service", s.text("SERVICE"));
}

int resume(session& s) {
  return show(s, s.call("POST", webhook_path(s) + "/resume", "{}").body);
}

}  // namespace

std::vector<command_spec> webhook_commands() {
  return {
      {"webhook set",
       {"SERVICE", "URL"},
       "sends a service's events to an endpoint, as CloudEvents batches",
       "muster webhook set demo 'https://example.com/events?code=1234' --types device_registered",
       {{"types=NAME,...", "only events of these types"},
        {"secret=whsec_BASE64", "what signs the batches; kept or drawn unless given"},
        {"no-validation", "do not ask the endpoint by OPTIONS whether it wants events"}},
       set},
      {"webhook show",
       {"SERVICE"},
       "shows a service's webhook, and how its deliveries go",
       "muster webhook show demo --keys",
       {{"keys", "show the secret and the whole URL too"}},
       show_webhook},
      {"webhook resume",
       {"SERVICE"},
       "goes on with deliveries that were given up",
       "muster webhook resume demo",
       {},
       resume},
      {"webhook remove", {"SERVICE"}, "sends no more events", "muster webhook remove demo", {}, remove},
  };
}

}  // namespace muster::connectors
