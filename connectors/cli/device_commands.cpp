#include "connectors/cli/session.hpp"
#include "connectors/node/system_clock.hpp"
#include "engine/attestation/attest.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <iostream>
#include <mutex>

namespace muster::connectors {

namespace {

constexpr auto api = "api-version=2021-06-01";
constexpr auto token_lifetime = std::chrono::hours(1);
constexpr auto poll_timeout = std::chrono::seconds(60);

std::string device_token(const std::string& resource, const std::string& key, events::timestamp now) {
  const auto encoded = percent_encode(resource);
  const auto expiry = std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>((now + token_lifetime).time_since_epoch()).count());
  const auto signature = events::to_base64(engine::hmac_sha256(key, encoded + "\n" + expiry));
  return "SharedAccessSignature sr=" + encoded + "&sig=" + percent_encode(signature) + "&se=" + expiry +
         "&skn=registration";
}

std::string device_key(session& s) {
  const bool from_group = s.has("group-key");
  if (from_group == s.has("key")) fail_command("give either --key, the device's own, or --group-key", 2);
  auto key = s.key(from_group ? "group-key" : "key");
  return from_group ? engine::derive_device_keys({key, key}, s.text("id")).primary : key;
}

void pause(std::chrono::seconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable().wait_for(lock, time);
}

std::chrono::seconds retry_after(const client_response& response) {
  const auto text = response.header("retry-after");
  int seconds = 2;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(std::clamp(seconds, 1, 30));
}

int register_device(session& s) {
  for (const char* needed : {"id", "id-scope"}) {
    if (!s.has(needed)) fail_command(std::string("--") + needed + " is missing", 2);
  }
  const auto id = s.text("id");
  const auto scope = s.text("id-scope");
  std::string body = "{\"registrationId\":" + events::to_json_string(id);
  if (s.has("payload")) {
    const auto payload = compact_object(s.text("payload"));
    if (!payload) fail_command("--payload: expected a JSON object", 2);
    body += ",\"payload\":" + *payload;
  }
  body += "}";
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"Authorization", device_token(scope + "/registrations/" + id, device_key(s), system_clock().now())},
      {"Content-Type", "application/json; charset=utf-8"}};
  const auto path = "/" + percent_encode(scope) + "/registrations/" + percent_encode(id);
  auto response = s.send("PUT", path + "/register?" + api, headers, body);
  auto remaining = s.has("poll-timeout") ? std::chrono::seconds(std::stoull(s.number("poll-timeout"))) : poll_timeout;
  while (response.status == 202 && remaining.count() > 0) {
    const auto operation = member_of(response.body, "operationId");
    const auto time = std::min(remaining, retry_after(response));
    pause(time);
    remaining -= time;
    response = s.send("GET", path + "/operations/" + percent_encode(operation) + "?" + api, headers, {});
  }
  const auto status = member_of(response.body, "status");
  const bool assigned = response.status == 200 && status == "assigned";
  if (s.json())
    std::cout << response.body << '\n';
  else if (assigned) {
    std::cout << "assigned  " << member_of(response.body, "registrationState.assignedHub") << "  "
              << member_of(response.body, "registrationState.deviceId") << '\n';
  }
  if (assigned) return 0;
  // A registration that failed is told in an answer of 200.
  const std::string state = response.status == 200 ? "registrationState." : "";
  const auto message = member_of(response.body, response.status == 200 ? "registrationState.errorMessage" : "message");
  const auto code = member_of(response.body, state + "errorCode");
  fail_command("the device was not assigned: " + (message.empty() ? status : message) + " (" +
               (code.empty() ? std::to_string(response.status) : code) + ")");
}

}  // namespace

std::vector<command_spec> device_commands() {
  return {
      {"device register",
       {},
       "provisions like a device: registers, polls, prints hub and device id",
       "muster device register --id dev-1 --id-scope 0ne00000001 --key BASE64 --url https://localhost:8443 --ca ca.pem",
       {{"id=ID", "the registration id"},
        {"id-scope=SCOPE", "the service's ID scope"},
        {"key=BASE64", "the device's key"},
        {"group-key=BASE64", "its group's key, to derive the device's from"},
        {"payload=JSON", "sent along"},
        {"poll-timeout=SECONDS", "how long to wait while the service says 'assigning'; 60 unless given"}},
       register_device}};
}

}  // namespace muster::connectors
