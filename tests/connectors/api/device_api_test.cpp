#include "connectors/api/device_api.hpp"
#include "tests/support/http_api_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using tests::contains;
using tests::error_of;
using tests::header_of;

const std::string register_path = "/0ne00000001/registrations/Dev-1/register?api-version=2021-06-01";
const std::string poll_path =
    "/0ne00000001/registrations/Dev-1/operations/5.0011223344556677.guid?api-version=2019-03-31";
const std::string lookup_path = "/0ne00000001/registrations/Dev-1?api-version=2021-06-01";

engine::registration_answer assigned() {
  engine::registration_answer answer;
  answer.operation_id = "5.0011223344556677.guid";
  answer.record.id = *events::registration_id::parse("Dev-1");
  answer.record.version = events::stream_version(2);
  answer.record.hub = *events::hub_name::parse("hub1");
  answer.record.device = *events::device_id::parse("Dev-1");
  return answer;
}

struct fixture : tests::http_api_fixture {
  fixture() {
    gateway.answer_with = [](const engine::command&) -> engine::answer { return assigned(); };
  }
  void reject(engine::rejection_code code, std::string message, std::chrono::seconds retry = {}) {
    gateway.answer_with = [=](const engine::command&) -> engine::answer {
      return engine::rejection{code, message, retry};
    };
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(device_api, fixture)

BOOST_AUTO_TEST_CASE(a_registration_becomes_a_command_and_its_answer_a_response) {
  const auto response =
      ask("PUT", register_path, {{"authorization", "SharedAccessSignature sr=x"}, {"content-encoding", "utf-8"}},
          R"({"registrationId":"dev-1","payload":{"v":7.0}})");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(header_of(response, "Content-Type") == "application/json; charset=utf-8");
  BOOST_TEST(response.body.starts_with(
      R"({"operationId":"5.0011223344556677.guid","status":"assigned","registrationState":{"registrationId":"Dev-1",)"));
  BOOST_TEST(contains(
      response.body, R"("assignedHub":"hub1","deviceId":"Dev-1","status":"assigned","substatus":"initialAssignment")"));
  const auto& command = gateway.last<engine::register_device>();
  BOOST_TEST(command.scope.text() == "0ne00000001");
  BOOST_TEST(command.evidence.presented.text() == "Dev-1");
  BOOST_TEST(command.evidence.token.value() == "SharedAccessSignature sr=x");
  BOOST_TEST(command.evidence.protocol == "https");
  BOOST_TEST(command.evidence.api_version == "2021-06-01");
  BOOST_TEST(command.evidence.source_address == "192.0.2.77");
  BOOST_TEST(command.payload.value().text == R"({"v":7.0})");
  BOOST_TEST(gateway.submitted.back().who.by == "device");
  BOOST_TEST(gateway.submitted.back().who.correlation_id == "c0ffee00-0000-4000-8000-000000000001");
  BOOST_TEST(telemetry.registration_attempts[0] == 1U);
}

BOOST_AUTO_TEST_CASE(bodies_of_every_sdk_are_taken) {
  for (const auto* body :
       {"", "  ", "{}", R"({"registrationId":"DEV-1","payload":null})", R"({"payload":"text of Java"})",
        R"({"payload":[1]})", R"({"registrationId":"dev-1","tpm":{"endorsementKey":"a\/b"}})"}) {
    BOOST_TEST(ask("PUT", register_path, {}, body).status == 200, body);
  }
  BOOST_TEST(gateway.submitted.size() == 7U);
  BOOST_TEST(!std::get<engine::register_device>(gateway.submitted[3].what).payload.has_value());
  BOOST_TEST(std::get<engine::register_device>(gateway.submitted[4].what).payload.value().text == R"("text of Java")");
}

BOOST_AUTO_TEST_CASE(a_service_that_wants_polling_answers_202_first) {
  gateway.answer_with = [](const engine::command& c) -> engine::answer {
    auto answer = assigned();
    answer.assigning = std::holds_alternative<engine::register_device>(c);
    return answer;
  };
  const auto first = ask("PUT", register_path, {}, "{}");
  BOOST_TEST(first.status == 202);
  BOOST_TEST(header_of(first, "Retry-After") == "1");
  BOOST_TEST(header_of(first, "Location") == "https://demo.muster.example/0ne00000001/registrations/Dev-1/register");
  BOOST_TEST(first.body == R"({"operationId":"5.0011223344556677.guid","status":"assigning",)"
                           R"("registrationState":{"registrationId":"Dev-1","status":"assigning"}})");
  const auto second = ask("GET", poll_path, {}, "{}");
  BOOST_TEST(second.status == 200);
  BOOST_TEST(gateway.last<engine::poll_operation>().operation_id == "5.0011223344556677.guid");
}

BOOST_AUTO_TEST_CASE(a_disabled_device_is_told_so_without_an_operation) {
  gateway.answer_with = [](const engine::command&) -> engine::answer {
    auto answer = assigned();
    answer.operation_id.clear();
    answer.record.status = events::registration_status::disabled;
    return answer;
  };
  const auto response = ask("PUT", register_path, {}, "{}");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body.starts_with(
      R"({"operationId":"","status":"disabled","registrationState":{"registrationId":"Dev-1",)"));
  BOOST_TEST(contains(response.body, R"("status":"disabled","errorMessage":)"));
  BOOST_TEST(!contains(response.body, "hub1"));
  BOOST_TEST(telemetry.registration_attempts[static_cast<std::size_t>(engine::attempt_result::disabled)] == 1U);
}

BOOST_AUTO_TEST_CASE(a_failed_registration_is_a_200_with_its_error) {
  gateway.answer_with = [](const engine::command&) -> engine::answer {
    auto answer = assigned();
    answer.record.status = events::registration_status::failed;
    answer.record.hub.reset();
    answer.record.device.reset();
    answer.record.error_code = 400208;
    answer.record.error_message = "No hub.";
    return answer;
  };
  const auto response = ask("PUT", register_path, {}, "{}");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(contains(response.body, R"("status":"failed","errorCode":400208,"errorMessage":"No hub.")"));
}

BOOST_AUTO_TEST_CASE(a_lookup_gives_the_record_without_an_envelope) {
  gateway.answer_with = [](const engine::command&) -> engine::answer {
    return engine::lookup_answer{assigned().record};
  };
  const auto response = ask("POST", lookup_path, {}, R"({"registrationId":"Dev-1"})");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body.starts_with(R"({"registrationId":"Dev-1",)"));
  BOOST_TEST(gateway.last<engine::look_up_registration>().scope.text() == "0ne00000001");
}

BOOST_AUTO_TEST_CASE(what_the_engine_refuses_has_its_documented_number) {
  using enum engine::rejection_code;
  struct row {
    engine::rejection_code code;
    std::string says;
  };
  const row rows[] = {{not_attested, "401 401002 why"},        {scope_not_found, "404 404000 why"},
                      {operation_not_found, "404 404203 why"}, {registration_not_found, "404 404202 why"},
                      {too_many_attempts, "429 429001 why"},   {too_many_requests, "429 429001 why"},
                      {unavailable, "503 503001 why"},         {invalid, "400 400004 why"}};
  for (const auto& each : rows) {
    reject(each.code, "why");
    BOOST_TEST(error_of(ask("PUT", register_path, {}, "{}")) == each.says);
    BOOST_TEST(error_of(ask("GET", poll_path)) == each.says);
    BOOST_TEST(error_of(ask("POST", lookup_path)) == each.says);
  }
  reject(too_many_requests, "why", std::chrono::seconds(7));
  BOOST_TEST(header_of(ask("GET", poll_path), "Retry-After") == "7");
  BOOST_TEST(telemetry.registration_attempts[static_cast<std::size_t>(engine::attempt_result::refused)] == 5U);
  BOOST_TEST(telemetry.registration_attempts[static_cast<std::size_t>(engine::attempt_result::suppressed)] == 1U);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_before_the_engine_with_what_where_and_what_would_be_right) {
  struct row {
    std::string target;
    std::string body;
    std::string says;
  };
  const std::string at = "/0ne00000001/registrations/Dev-1/register";
  std::string deep = "{\"payload\":";
  deep += std::string(40, '[') + std::string(40, ']') + "}";
  const row rows[] = {
      {at, "{}", "400 400004 api-version: it is missing; add ?api-version=2021-06-01."},
      {at + "?api-version=", "{}", "400 400004 api-version: it is missing"},
      {at + "?api-version=latest", "{}", "400 400004 api-version: expected a date"},
      {"/0neXYZ/registrations/Dev-1/register?api-version=2021-06-01", "{}", "404 404000 ID scope not found."},
      {"/0ne00000001/registrations/Dev 1/register?api-version=2021-06-01", "{}",
       "400 400004 registrationId: expected 1 to 128 letters"},
      {"/0ne00000001/registrations/" + std::string(129, 'x') + "/register?api-version=2021-06-01", "{}",
       "400 400004 registrationId: expected"},
      {register_path, R"({"registrationId":"other"})",
       "400 400004 registrationId: it is 'other', but the path names 'Dev-1'; they must be the same."},
      {register_path, R"({"registrationId":5})", "400 400004 registrationId: expected a string."},
      {register_path, R"({"csr":"abc"})", "400 400004 csr: issuing certificates is not available in this version"},
      {register_path, R"({"registrationId":"Dev-1")", "400 400001 The body: malformed JSON"},
      {register_path, R"(["Dev-1"])", "400 400001 The body: expected a JSON object."},
      {register_path, R"({"payload":1,"payload":2})", "400 400001 The body: the member 'payload' comes twice"},
      {register_path, "{\"payload\":\"\xff\"}", "400 400001 The body is not UTF-8: byte 12"},
      {register_path, deep, "400 400001 payload[0]"},
      {register_path, R"({"payload":")" + std::string(100'000, 'x') + "\"}",
       "413 413000 The body has 100014 bytes; at most 98304 are taken."},
  };
  for (const auto& each : rows) {
    const auto said = error_of(ask("PUT", each.target, {}, each.body));
    BOOST_TEST(said.starts_with(each.says), each.body.substr(0, 60) << " -> " << said);
  }
  const auto form = error_of(ask("PUT", register_path, {{"content-type", "application/x-www-form-urlencoded"}}, "{}"));
  BOOST_TEST(form == "415 415000 Content-Type: expected application/json, not 'application/x-www-form-urlencoded'.");
  BOOST_TEST(error_of(ask("POST", lookup_path, {}, R"({"csr":"x"})")).starts_with("400 400004 csr:"));
  BOOST_TEST(gateway.submitted.empty());
}

BOOST_AUTO_TEST_CASE(a_command_that_is_dropped_is_answered_503) {
  gateway.answer_with = nullptr;
  const auto response = ask("PUT", register_path, {}, "{}");
  BOOST_TEST(error_of(response) == "503 503001 The service is not available right now; try again.");
  BOOST_TEST(telemetry.reply_dropped == 1U);
  BOOST_TEST(telemetry.registration_attempts[static_cast<std::size_t>(engine::attempt_result::unavailable)] == 1U);
}

BOOST_AUTO_TEST_CASE(an_answer_of_another_kind_is_a_500_and_no_crash) {
  gateway.answer_with = [](const engine::command&) -> engine::answer { return engine::done(); };
  BOOST_TEST(error_of(ask("PUT", register_path, {}, "{}")).starts_with("500 500001"));
  BOOST_TEST(error_of(ask("POST", lookup_path)).starts_with("500 500001"));
}

BOOST_AUTO_TEST_CASE(api_versions_are_dates) {
  for (const auto* good : {"2017-08-31-preview", "2018-04-01", "2019-03-31", "2021-10-01", "2025-07-01-preview"}) {
    BOOST_TEST(connectors::is_api_version(good), good);
  }
  for (const auto* bad : {"", "2021", "2021-10-1", "2021-10-01-beta", "2021/10/01", "2021-10-01x"}) {
    BOOST_TEST(!connectors::is_api_version(bad), bad);
  }
}

BOOST_AUTO_TEST_SUITE_END()
