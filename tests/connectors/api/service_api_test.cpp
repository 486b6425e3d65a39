#include "connectors/api/registration_query.hpp"
#include "connectors/api/service_api.hpp"
#include "engine/overload.hpp"
#include "tests/support/http_api_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using tests::contains;
using tests::error_of;
using tests::header_of;

const std::string v = "?api-version=2021-10-01";
const std::string small = R"({"attestation":{"type":"symmetricKey"}})";

struct fixture : tests::http_api_fixture {
  fixture() {
    gateway.answer_with = [](const engine::command& c) {
      return std::visit(engine::overload{[](const engine::put_enrollment& each) -> engine::answer {
                                           return engine::enrollment_answer{
                                               {each.enrollment, events::stream_version(1), {}, {}},
                                               engine::opened_keys("0123456789abcdef", "fedcba9876543210")};
                                         },
                                         [](const engine::put_group& each) -> engine::answer {
                                           return engine::group_answer{{events::stream_version(1), each.group, {}, {}},
                                                                       {}};
                                         },
                                         [](const auto&) -> engine::answer { return engine::done(); }},
                        c);
    };
  }

  void reject(engine::rejection_code code) {
    gateway.answer_with = [=](const engine::command&) -> engine::answer { return engine::rejection{code, "why", {}}; };
  }

  void enroll(const std::string& text) {
    const auto id = *events::registration_id::parse(text);
    auto& device = catalog.rows->devices[id.key()];
    device.enrollment.emplace();
    device.enrollment->enrollment.id = id;
    device.enrollment->version = events::stream_version(5);
  }

  void assign(const std::string& text, const std::string& hub = "hub1") {
    const auto id = *events::registration_id::parse(text);
    auto& record = catalog.rows->devices[id.key()].registration.emplace();
    record.id = id;
    record.version = events::stream_version(6);
    record.hub = *events::hub_name::parse(hub);
    record.device = *events::device_id::parse(text);
  }

  connectors::http_response as_owner(std::string method, const std::string& target, std::string body = {},
                                     header_list headers = {}) {
    headers.push_back(token_of("owner"));
    return ask(std::move(method), target, std::move(headers), std::move(body));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(service_api, fixture)

BOOST_AUTO_TEST_CASE(a_put_enrollment_is_answered_200_with_its_keys) {
  const auto response =
      as_owner("PUT", "/enrollments/dev-1" + v, R"({"registrationId":"Dev-1","attestation":{"type":"symmetricKey"}})");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(contains(
      response.body,
      R"("symmetricKey":{"primaryKey":"MDEyMzQ1Njc4OWFiY2RlZg==","secondaryKey":"ZmVkY2JhOTg3NjU0MzIxMA=="})"));
  BOOST_TEST(!contains(response.body, "registrationState"));
  const auto& command = gateway.last<engine::put_enrollment>();
  BOOST_TEST(command.enrollment.id.text() == "Dev-1");
  BOOST_TEST((command.if_match.what == engine::precondition::kind::none));
  BOOST_TEST(gateway.submitted.back().who.by == "policy:owner");
}

BOOST_AUTO_TEST_CASE(a_get_enrollment_hides_keys_and_shows_the_registration_state) {
  enroll("Dev-1");
  const auto before = as_owner("GET", "/enrollments/dev-1" + v);
  BOOST_TEST(before.status == 200);
  BOOST_TEST(contains(before.body, R"("registrationState":{"registrationId":"Dev-1","status":"unassigned"})"));
  BOOST_TEST(contains(before.body, R"("attestation":{"type":"symmetricKey"},)"));
  BOOST_TEST(contains(before.body, R"("etag":")" + engine::etag_of(events::stream_version(5))));
  assign("Dev-1");
  BOOST_TEST(contains(as_owner("GET", "/enrollments/dev-1" + v).body,
                      R"("assignedHub":"hub1","deviceId":"Dev-1","status":"assigned")"));
  BOOST_TEST(error_of(as_owner("GET", "/enrollments/none" + v)) == "404 404201 Enrollment 'none' not found.");
}

BOOST_AUTO_TEST_CASE(deletions_are_answered_204_without_a_body) {
  for (const auto* target : {"/enrollments/dev-1", "/enrollmentGroups/line-1", "/registrations/dev-1"}) {
    const auto response = as_owner("DELETE", target + v);
    BOOST_TEST(response.status == 204);
    BOOST_TEST(response.body.empty());
    BOOST_TEST(header_of(response, "Content-Type").empty());
  }
}

BOOST_AUTO_TEST_CASE(groups_are_put_and_got_by_segments_in_any_case) {
  BOOST_TEST(as_owner("PUT", "/enrollmentgroups/line-1" + v, small).status == 200);
  BOOST_TEST(error_of(as_owner("GET", "/enrollmentGroups/line-1" + v)) ==
             "404 404204 EnrollmentGroup 'line-1' not found.");
  auto service = make_service("demo", "0ne00000001");
  auto group = std::make_shared<engine::opened_group>();
  group->state.group.emplace().id = *events::group_id::parse("Line-1");
  service->groups.emplace("line-1", group);
  catalog.services = {service};
  const auto response = as_owner("GET", "/ENROLLMENTGROUPS/LINE-1" + v);
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body.starts_with(R"({"enrollmentGroupId":"Line-1","attestation":{"type":"symmetricKey"},)"));
}

BOOST_AUTO_TEST_CASE(if_match_comes_in_four_forms) {
  using kind = engine::precondition::kind;
  struct row {
    std::string sent;
    kind what;
    std::string etag;
  };
  for (const auto& each : {row{"*", kind::any, ""}, row{"\"*\"", kind::any, ""}, row{"IjBh=", kind::etag, "IjBh="},
                           row{"\"IjBh=\"", kind::etag, "IjBh="}}) {
    as_owner("PUT", "/enrollments/dev-1" + v, small, {{"if-match", each.sent}});
    const auto& condition = gateway.last<engine::put_enrollment>().if_match;
    BOOST_TEST((condition.what == each.what), each.sent);
    BOOST_TEST(condition.etag == each.etag);
    as_owner("DELETE", "/registrations/dev-1" + v, {}, {{"if-match", each.sent}});
    BOOST_TEST(gateway.last<engine::delete_registration>().if_match.etag == each.etag);
  }
}

BOOST_AUTO_TEST_CASE(what_the_engine_refuses_has_its_documented_number) {
  using enum engine::rejection_code;
  reject(enrollment_exists);
  BOOST_TEST(error_of(as_owner("PUT", "/enrollments/dev-1" + v, small)) == "409 409201 why");
  reject(group_exists);
  BOOST_TEST(error_of(as_owner("PUT", "/enrollmentGroups/line-1" + v, small)) == "409 409202 why");
  reject(precondition_failed);
  BOOST_TEST(error_of(as_owner("PUT", "/enrollments/dev-1" + v, small)) == "412 412201 why");
  BOOST_TEST(error_of(as_owner("PUT", "/enrollmentGroups/line-1" + v, small)) == "412 412202 why");
  BOOST_TEST(error_of(as_owner("DELETE", "/registrations/dev-1" + v)) == "412 412203 why");
  reject(enrollment_not_found);
  BOOST_TEST(error_of(as_owner("DELETE", "/enrollments/dev-1" + v)) == "404 404201 why");
  reject(registration_not_found);
  BOOST_TEST(error_of(as_owner("DELETE", "/registrations/dev-1" + v)) == "404 404202 why");
  reject(group_not_found);
  BOOST_TEST(error_of(as_owner("DELETE", "/enrollmentGroups/line-1" + v)) == "404 404204 why");
  reject(limit_reached);
  BOOST_TEST(error_of(as_owner("PUT", "/enrollmentGroups/line-1" + v, small)) == "400 400205 why");
  reject(command_id_reused);
  BOOST_TEST(error_of(as_owner("PUT", "/enrollments/dev-1" + v, small)) == "422 422001 why");
  reject(unavailable);
  BOOST_TEST(error_of(as_owner("PUT", "/enrollments/dev-1" + v, small)) == "503 503001 why");
}

BOOST_AUTO_TEST_CASE(each_operation_needs_its_right) {
  enroll("dev-1");
  const auto as_reader = [&](std::string method, const std::string& target) {
    return error_of(ask(std::move(method), target, {token_of("reader")}, small));
  };
  BOOST_TEST(as_reader("GET", "/enrollments/dev-1" + v).starts_with("200"));
  const std::string lacks = "401 401002 Unauthorized: policy:reader lacks the right ";
  BOOST_TEST(as_reader("PUT", "/enrollments/dev-1" + v) == lacks + "EnrollmentWrite.");
  BOOST_TEST(as_reader("DELETE", "/enrollments/dev-1" + v) == lacks + "EnrollmentWrite.");
  BOOST_TEST(as_reader("PUT", "/enrollmentGroups/g" + v) == lacks + "EnrollmentWrite.");
  BOOST_TEST(as_reader("DELETE", "/enrollmentGroups/g" + v) == lacks + "EnrollmentWrite.");
  BOOST_TEST(as_reader("GET", "/registrations/dev-1" + v) == lacks + "RegistrationStatusRead.");
  BOOST_TEST(as_reader("DELETE", "/registrations/dev-1" + v) == lacks + "RegistrationStatusWrite.");
  BOOST_TEST(as_reader("POST", "/registrations/query") == lacks + "RegistrationStatusRead.");
  BOOST_TEST(as_reader("GET", "/events") == lacks + "RegistrationStatusRead.");
  BOOST_TEST(as_reader("GET", "/registrations/dev-1/history") == lacks + "RegistrationStatusRead.");
  BOOST_TEST(gateway.submitted.empty());
  BOOST_TEST(ask("PUT", "/enrollments/dev-1" + v, {as_operator()}, small).status == 200);
  BOOST_TEST(gateway.submitted.back().who.by == "operator:alice");
}

BOOST_AUTO_TEST_CASE(bad_input_changes_nothing_and_says_what_is_wrong) {
  struct row {
    std::string method;
    std::string target;
    std::string body;
    std::string says;
  };
  const row rows[] = {
      {"PUT", "/enrollments/dev-1", small, "400 400004 api-version: it is missing"},
      {"GET", "/enrollments/dev-1?api-version=v1", "", "400 400004 api-version: expected a date"},
      {"PUT", "/enrollments/dev 1" + v, small, "400 400004 registration id in the path: expected 1 to 128"},
      {"PUT", "/enrollmentGroups/" + std::string(129, 'g') + v, small,
       "400 400004 enrollment group id in the path: expected 1 to 128"},
      {"PUT", "/enrollments/dev-1" + v, "", "400 400001 The body: malformed JSON"},
      {"PUT", "/enrollments/dev-1" + v, "{", "400 400001 The body: malformed JSON"},
      {"PUT", "/enrollments/dev-1" + v, R"({"attestation":{"type":"symmetricKey","type":"tpm"}})",
       "400 400001 attestation: the member 'type' comes twice"},
      {"PUT", "/enrollments/dev-1" + v, "{}", "400 400004 attestation: it is missing"},
      {"PUT", "/enrollments/dev-1" + v, R"({"registrationId":"x","attestation":{"type":"symmetricKey"}})",
       "400 400004 registrationId: it is 'x'"},
      {"PUT", "/enrollmentGroups/g" + v, R"({"attestation":{"type":"x509"}})",
       "400 400004 attestation.type: 'x509' is not available"},
      {"POST", "/registrations/query", R"({"status":"lost"})",
       "400 400004 status: expected 'assigned', 'failed' or 'disabled', not 'lost'."},
      {"POST", "/registrations/query", R"({"hub":"hub1"})",
       "400 400004 hub: there is no such member; expected status, enrollmentGroupId, assignedHub, count."},
      {"PUT", "/enrollments/." + v, small, "400 400004 registration id in the path: expected"},
      {"PUT", "/enrollmentGroups/.." + v, small, "400 400004 enrollment group id in the path: expected"},
      {"POST", "/registrations/query", R"({"count":1})", "400 400004 count: expected true or false."},
      {"GET", "/events?limit=none", "", "400 400004 limit: expected a number"},
      {"GET", "/events?after=1-5", "", "400 400004 after: expected SHARD-SEQUENCE"},
      {"GET", "/events?after=5", "", "400 400004 after: expected SHARD-SEQUENCE"},
      {"PUT", "/enrollments" + v, small, "405 405000 PUT cannot be used on /enrollments; an id must follow the path."},
      {"PATCH", "/enrollments/dev-1" + v, small,
       "405 405000 PATCH cannot be used on /enrollments/dev-1; use GET, HEAD, PUT, DELETE."},
  };
  for (const auto& each : rows) {
    const auto said = error_of(as_owner(each.method, each.target, each.body));
    BOOST_TEST(said.starts_with(each.says),
               each.method << " " << each.target.substr(0, 60) << " " << each.body << " -> " << said);
  }
  BOOST_TEST(error_of(as_owner("PUT", "/enrollments/dev-1" + v, small, {{"idempotency-key", std::string(129, 'k')}}))
                 .starts_with("400 400004 Idempotency-Key: expected 1 to 128 visible ASCII characters."));
  BOOST_TEST(error_of(as_owner("PUT", "/enrollments/dev-1" + v, small, {{"idempotency-key", "a b"}}))
                 .starts_with("400 400004 Idempotency-Key"));
  BOOST_TEST(error_of(as_owner("POST", "/registrations/query", "", {{"x-ms-max-item-count", "0"}}))
                 .starts_with("400 400004 x-ms-max-item-count"));
  BOOST_TEST(gateway.submitted.empty());
}

BOOST_AUTO_TEST_CASE(an_idempotency_key_goes_with_the_digest_of_its_request) {
  const auto digest_of = [&](const std::string& target, const std::string& body) {
    as_owner("PUT", target + v, body, {{"idempotency-key", "key-1"}});
    BOOST_TEST(gateway.submitted.back().who.command_id == "key-1");
    return gateway.submitted.back().who.request;
  };
  const auto first = digest_of("/enrollments/dev-1", small);
  BOOST_TEST((digest_of("/enrollments/dev-1", small) == first));
  BOOST_TEST((digest_of("/enrollments/dev-2", small) != first));
  BOOST_TEST((digest_of("/enrollments/dev-1", small + " ") != first));
  as_owner("PUT", "/enrollments/dev-1" + v, small);
  BOOST_TEST(gateway.submitted.back().who.command_id.empty());
}

BOOST_AUTO_TEST_CASE(registrations_are_listed_and_counted_by_status_group_and_hub) {
  for (const auto* id : {"a", "b", "c", "d"}) assign(id, *id == 'b' ? "hub2" : "hub1");
  catalog.rows->devices["c"].registration->group = events::group_id::parse("Line-1");
  catalog.rows->devices["d"].registration->status = events::registration_status::failed;
  const auto count = [&](const std::string& body) { return as_owner("POST", "/registrations/query", body).body; };
  BOOST_TEST(count(R"({"count":true})") == R"({"count":4})");
  BOOST_TEST(count(R"({"count":true,"status":"Failed"})") == R"({"count":1})");
  BOOST_TEST(count(R"({"count":true,"assignedHub":"HUB1"})") == R"({"count":3})");
  BOOST_TEST(count(R"({"count":true,"assignedHub":"hub1","enrollmentGroupId":"line-1"})") == R"({"count":1})");
  const auto all = as_owner("POST", "/registrations/query");
  BOOST_TEST(header_of(all, "x-ms-item-type") == "DeviceRegistration");
  BOOST_TEST(header_of(all, "x-ms-continuation").empty());
  BOOST_TEST(all.body.starts_with(R"([{"registrationId":"a",)"));
  BOOST_TEST(contains(all.body, R"("enrollmentGroupId":"Line-1")"));
  BOOST_TEST(as_owner("POST", "/registrations/query", R"({"assignedHub":"hub9"})").body == "[]");
}

BOOST_AUTO_TEST_CASE(pages_follow_each_other_and_end_without_a_continuation) {
  for (char c = 'a'; c < 'h'; ++c) assign(std::string(1, c));
  std::string ids;
  std::string token;
  int pages = 0;
  do {
    header_list headers = {{"x-ms-max-item-count", "3"}};
    if (!token.empty()) headers.emplace_back("x-ms-continuation", token);
    const auto page = as_owner("POST", "/registrations/query", "{}", headers);
    BOOST_REQUIRE_EQUAL(page.status, 200);
    for (std::size_t at = 0; (at = page.body.find(R"("registrationId":")", at)) != std::string::npos; ++at)
      ids += page.body[at + 18];
    token = header_of(page, "x-ms-continuation");
    ++pages;
  } while (!token.empty());
  BOOST_TEST(ids == "abcdefg");
  BOOST_TEST(pages == 3);
}

BOOST_AUTO_TEST_CASE(a_continuation_holds_for_its_service_and_its_filter_only) {
  const auto mine = make_service("demo", "0ne00000001");
  const auto other = make_service("other", "0ne00000002");
  engine::registration_filter filter;
  filter.hub = events::hub_name::parse("hub1");
  const auto token = connectors::continuation_token(*mine, filter, "dev-7");
  BOOST_TEST(connectors::continuation_place(*mine, filter, token).value() == "dev-7");
  BOOST_TEST(!connectors::continuation_place(*other, filter, token).has_value());
  BOOST_TEST(!connectors::continuation_place(*mine, {}, token).has_value());
  for (std::size_t at = 0; at < token.size(); ++at) {
    auto changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    BOOST_TEST(!connectors::continuation_place(*mine, filter, changed).has_value());
  }
  const auto said = error_of(as_owner("POST", "/registrations/query", "{}", {{"x-ms-continuation", token}}));
  BOOST_TEST(said.starts_with("400 400004 x-ms-continuation:"));
}

BOOST_AUTO_TEST_CASE(a_count_that_stopped_goes_on_where_it_stopped) {
  for (char c = 'a'; c < 'h'; ++c) assign(std::string(1, c));
  catalog.rows->counted_max = 3;
  const std::string body = R"({"count":true})";
  auto part = as_owner("POST", "/registrations/query", body);
  BOOST_TEST(part.body == R"({"count":3,"more":true})");
  const auto token = header_of(part, "x-ms-continuation");
  BOOST_TEST(error_of(as_owner("POST", "/registrations/query", "{}", {{"x-ms-continuation", token}}))
                 .starts_with("400 400004 x-ms-continuation"));
  part = as_owner("POST", "/registrations/query", body, {{"x-ms-continuation", token}});
  BOOST_TEST(part.body == R"({"count":3,"more":true})");
  part = as_owner("POST", "/registrations/query", body, {{"x-ms-continuation", header_of(part, "x-ms-continuation")}});
  BOOST_TEST(part.body == R"({"count":1})");
  BOOST_TEST(header_of(part, "x-ms-continuation").empty());
}

BOOST_AUTO_TEST_CASE(a_page_that_is_too_large_is_cut_as_dps_does) {
  assign("a");
  BOOST_TEST(as_owner("POST", "/registrations/query", "{}", {{"x-ms-max-item-count", "100000"}}).status == 200);
}

BOOST_AUTO_TEST_CASE(a_shard_that_is_not_open_answers_503) {
  catalog.open = false;
  for (const auto* target : {"/enrollments/dev-1", "/registrations/dev-1"}) {
    BOOST_TEST(error_of(as_owner("GET", target + v)).starts_with("503 503001 The shard of this service is not open"));
  }
  BOOST_TEST(error_of(as_owner("POST", "/registrations/query")).starts_with("503 503001"));
  BOOST_TEST(error_of(as_owner("GET", "/events")).starts_with("503 503001"));
}

BOOST_AUTO_TEST_CASE(reads_pass_the_barrier_of_their_shard_as_their_header_wants) {
  as_owner("GET", "/enrollments/dev-1" + v);
  as_owner("GET", "/enrollmentGroups/g" + v, {}, {{"x-muster-read", "exact"}});
  BOOST_TEST(barrier.asked.size() == 2U);
  BOOST_TEST((barrier.asked[0] == engine::read_kind::recent));
  BOOST_TEST((barrier.asked[1] == engine::read_kind::exact));
  const auto wrong = as_owner("GET", "/enrollments/dev-1" + v, {}, {{"x-muster-read", "fresh"}});
  BOOST_TEST(wrong.status == 400);
  BOOST_TEST(contains(wrong.body, "x-muster-read: expected 'recent' or 'exact', not 'fresh'."));
  BOOST_TEST(barrier.asked.size() == 2U);
}

BOOST_AUTO_TEST_CASE(strangers_pass_no_barrier) {
  ask("GET", "/enrollments/dev-1" + v);
  BOOST_TEST(barrier.asked.empty());
}

BOOST_AUTO_TEST_CASE(a_read_that_may_be_old_says_how_old) {
  barrier.given.age = std::chrono::milliseconds(12'001);
  BOOST_TEST(header_of(as_owner("GET", "/enrollments/dev-1" + v), "x-muster-read-age") == "13");
}

BOOST_AUTO_TEST_CASE(a_read_that_may_not_pass_is_answered_503) {
  barrier.given.granted = false;
  BOOST_TEST(as_owner("GET", "/enrollments/dev-1" + v).status == 503);
}

BOOST_AUTO_TEST_CASE(the_service_is_chosen_by_parameter_host_name_or_because_it_is_the_only_one) {
  enroll("dev-1");
  const auto get = [&](const std::string& to_host, const std::string& query = {}) {
    return error_of(ask("GET", "/enrollments/dev-1" + v + query, {as_operator()}, {}, to_host)).substr(0, 200);
  };
  for (const auto* good : {"demo.example.com", "DEMO.example.com:8443", "demo", "127.0.0.1:8443", "[::1]:443",
                           "localhost", "localhost:8443", ""}) {
    BOOST_TEST(get(good).starts_with("200"), good);
  }
  BOOST_TEST(get("other.example.com") ==
             "404 404000 There is no service 'other'. It is the first label of the host name.");
  BOOST_TEST(get("other.example.com", "&service=demo").starts_with("200"));
  BOOST_TEST(get("other.example.com", "&service=0ne00000001").starts_with("200"));
  BOOST_TEST(get("demo.example.com", "&service=none") == "404 404000 There is no service 'none'.");
  catalog.services.push_back(make_service("second", "0ne00000002"));
  BOOST_TEST(
      get("127.0.0.1").starts_with("404 404000 The host '127.0.0.1' does not say which of 2 services is meant."));
  BOOST_TEST(get("second.example.com").starts_with("200"));
  catalog.services.clear();
  BOOST_TEST(get("localhost").starts_with("404 404000 There is no service yet."));
}

BOOST_AUTO_TEST_CASE(a_request_that_names_no_service_costs_the_same_however_many_there_are) {
  enroll("dev-1");
  for (int i = 0; i < 2; ++i) {
    ask("GET", "/enrollments/dev-1" + v, {as_operator()}, {}, "localhost");
    BOOST_TEST(catalog.copies == 0U);
    catalog.services.push_back(make_service("second", "0ne00000002"));
  }
}

BOOST_AUTO_TEST_CASE(strangers_cannot_tell_which_services_exist) {
  const std::vector<header_list> strangers = {
      {},
      {{"authorization", "nonsense"}},
      {{"authorization", "Bearer guess"}},
      {{"authorization", tests::sign("demo.muster.example", "not the key of any policy", "owner", 2'000'000'000)}},
      {{"authorization", tests::sign("demo.muster.example", "not the key of any policy", "nobody", 2'000'000'000)}},
      {{"authorization", tests::sign("demo.muster.example", "not the key of any policy", "owner", 1)}}};
  for (const auto* target : {"/enrollments/dev-1", "/enrollmentGroups/g", "/registrations/dev-1", "/events"}) {
    for (const auto& headers : strangers) {
      const auto known = ask("GET", target, headers, {}, "demo.example.com");
      BOOST_TEST(known.status == 401);
      for (const auto& other :
           {ask("GET", target, headers, {}, "other.example.com"),
            ask("GET", target + std::string("?service=other"), headers),
            ask("GET", target + std::string("?service=0ne00000009"), headers),
            ask("GET", target + std::string("?service=0ne00000001"), headers, {}, "other.example.com")}) {
        BOOST_TEST(other.body == known.body);
        BOOST_TEST((other.headers == known.headers));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_service_that_is_not_found_may_be_on_a_shard_that_is_not_open) {
  not_ready = "shard 3 stopped; see the log";
  const auto unknown = ask("GET", "/enrollments/dev-1?api-version=2021-10-01&service=elsewhere");
  BOOST_TEST(unknown.status == 503);
  BOOST_TEST(header_of(unknown, "Retry-After") != "");
  BOOST_TEST(unknown.body.find("cause") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
