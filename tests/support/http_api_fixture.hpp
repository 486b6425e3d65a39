#pragma once

#include "connectors/api/http_api.hpp"
#include "connectors/json/json_body.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "events/codec.hpp"
#include "events/describe.hpp"
#include "tests/support/fake_catalog.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_gateway.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/service_requests.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

namespace muster::tests {

/// Keeps log lines as `level what name=value ...`.
class fake_log final : public engine::log {
public:
  std::vector<std::string> lines;
  void write(engine::log_level level, std::string_view what, std::initializer_list<field> fields) override {
    auto line = std::to_string(static_cast<int>(level)) + " " + std::string(what);
    for (const auto& [name, value] : fields) line.append(" ").append(name).append("=").append(value);
    lines.push_back(std::move(line));
  }
};

/// A maintenance that says what it was asked.
class fake_maintenance final : public engine::maintenance {
public:
  engine::result<std::string> rebuild() override { return R"({"rows":5})"; }
  engine::result<std::string> verify() override {
    return engine::fail(engine::errc::corrupt, "shard 3, offset 7: bad checksum");
  }
  engine::result<std::string> recount(events::shard_id shard, const events::id_scope& scope) override {
    return "{\"shard\":" + std::to_string(shard.value()) + ",\"scope\":\"" + scope.text() + "\"}";
  }
};

/// A barrier that says what it was asked, and gives what the test wants.
class fake_barrier final : public engine::read_barrier {
public:
  std::vector<engine::read_kind> asked;
  engine::read_permit given{true, std::nullopt};
  std::function<void()> before;  ///< what is folded meanwhile
  void pass(events::shard_id, engine::read_kind kind, std::function<void(const engine::read_permit&)> go) override {
    asked.push_back(kind);
    if (before) before();
    go(given);
  }
};

/// The API over fakes: the service `demo` (0ne00000001, policies `owner` with every right and `reader` with
/// EnrollmentRead), the operator `alice`.
struct http_api_fixture {
  using header_list = std::vector<std::pair<std::string, std::string>>;

  static inline const std::string policy_key = "a key of 16 or more bytes";
  static inline const std::string host = "demo.muster.example";
  static inline const std::string bearer = "Bearer alices-token";

  fake_clock clock;
  fake_gateway gateway;
  fake_catalog catalog;
  connectors::memory_journal journal{test_journal()};
  connectors::memory_keyring keys{engine::data_key(std::string(32, 'm'))};
  engine::history past{journal, keys, catalog};
  fake_log log;
  engine::telemetry telemetry;
  fake_maintenance maintenance;
  fake_barrier barrier;
  std::optional<std::string> not_ready;
  std::optional<std::string> trouble;
  std::string service_endpoint = "{service}.example";
  bool worker_full = false;
  bool hold_jobs = false;  ///< jobs wait in `jobs` instead of being run at once
  std::vector<std::function<void()>> jobs;
  connectors::http_api api{make_parts()};

  http_api_fixture() { catalog.services.push_back(make_service("demo", "0ne00000001")); }

  static std::shared_ptr<engine::scope_snapshot> make_service(std::string_view name, std::string_view scope) {
    auto made = std::make_shared<engine::scope_snapshot>();
    made->service.version = events::stream_version(1);
    made->service.name = *events::service_name::parse(name);
    made->service.scope = *events::id_scope::parse(scope);
    made->service.hubs = {{*events::hub_name::parse("hub1"), 1, true}};
    made->data_key.key = engine::data_key(events::as_bytes(events::sha256(scope)));
    for (const auto& [policy, rights] : rights_of_policies()) {
      made->service.policies.push_back({policy, {}, rights});
      made->policy_keys.emplace(policy, engine::opened_keys(policy_key, "another key of so many bytes"));
    }
    return made;
  }

  static std::vector<std::pair<std::string, std::vector<events::access_right>>> rights_of_policies() {
    using enum events::access_right;
    return {{"owner",
             {service_config, enrollment_read, enrollment_write, device_connect, registration_status_read,
              registration_status_write}},
            {"provisioningserviceowner", {enrollment_read}},
            {"reader", {enrollment_read}}};
  }

  connectors::http_parts make_parts() {
    const auto run = [this](std::function<void()> job) {
      if (worker_full) return false;
      if (hold_jobs)
        jobs.push_back(std::move(job));
      else
        job();
      return true;
    };
    connectors::http_parts parts{
        gateway,
        catalog,
        past,
        keys,
        log,
        clock,
        telemetry,
        &maintenance,
        {{"alice", events::sha256("alices-token")}},
        [this] { return connectors::endpoint_texts{"dev.example:8443", service_endpoint, "/var/ca.pem"}; },
        [] { return std::string("# metrics\n"); },
        [this](bool with_causes) { return with_causes && not_ready ? *not_ready + ": a cause" : not_ready; },
        run,
        run,
        run,
        "0.1.0"};
    parts.reads = &barrier;
    parts.trouble = [this](bool with_causes) { return with_causes && trouble ? *trouble + ": a cause" : trouble; };
    return parts;
  }

  /// A request for `target` (`/path?name=value`, nothing encoded), answered. `headers` come after Host.
  connectors::http_response ask(std::string method, std::string_view target, header_list headers = {},
                                std::string body = {}, std::string to_host = host) {
    std::optional<connectors::http_response> got;
    api.handle(request_for(std::move(method), target, std::move(headers), std::move(body), std::move(to_host)),
               [&](connectors::http_response response) {
                 BOOST_TEST(!got.has_value(), "answered twice");
                 got = std::move(response);
               });
    gateway.waiting.clear();
    BOOST_REQUIRE(got.has_value());
    return std::move(*got);
  }

  static connectors::http_request request_for(std::string method, std::string_view target, header_list headers,
                                              std::string body, std::string to_host) {
    connectors::http_request request;
    request.method = std::move(method);
    const auto question = target.find('?');
    for (auto rest = target.substr(1, question == std::string_view::npos ? question : question - 1); !rest.empty();) {
      const auto segment = rest.substr(0, rest.find('/'));
      request.path.emplace_back(segment);
      rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
    }
    for (auto rest = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
         !rest.empty();) {
      const auto pair = rest.substr(0, rest.find('&'));
      request.query.emplace_back(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    }
    request.headers = {{"host", std::move(to_host)}};
    request.headers.insert(request.headers.end(), headers.begin(), headers.end());
    request.body = std::move(body);
    request.source_address = "192.0.2.77";
    request.correlation_id = "c0ffee00-0000-4000-8000-000000000001";
    return request;
  }

  /// The Authorization header of a policy's holder.
  static std::pair<std::string, std::string> token_of(const std::string& policy, const std::string& resource = host) {
    return {"authorization", sign(resource, policy_key, policy, 2'000'000'000)};
  }
  static std::pair<std::string, std::string> as_operator() { return {"authorization", bearer}; }
};

inline std::string header_of(const connectors::http_response& response, std::string_view name) {
  for (const auto& [each, value] : response.headers) {
    if (each == name) return value;
  }
  return {};
}

/// `STATUS CODE MESSAGE` of an error response, checking that all its parts agree.
inline std::string error_of(const connectors::http_response& response) {
  const auto body = connectors::read_json_object(response.body);
  if (!body || body->find("errorCode") == nullptr) return std::to_string(response.status) + " " + response.body;
  const auto code = body->find("errorCode")->text;
  BOOST_TEST(header_of(response, "x-ms-error-code") == code);
  BOOST_TEST(header_of(response, "Content-Type") == "application/json; charset=utf-8");
  BOOST_TEST(code.substr(0, 3) == std::to_string(response.status));
  BOOST_TEST(body->find("trackingId")->text == "c0ffee00-0000-4000-8000-000000000001");
  BOOST_TEST(body->find("timestampUtc")->text.ends_with("Z"));
  const bool says_when = response.status == 429 || response.status == 503;
  BOOST_TEST(header_of(response, "Retry-After").empty() != says_when);
  return std::to_string(response.status) + " " + code + " " + body->find("message")->text;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace muster::tests
