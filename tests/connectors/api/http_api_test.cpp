#include "connectors/api/dps_error.hpp"
#include "connectors/api/http_api.hpp"
#include "connectors/node/worker.hpp"
#include "events/schemas.hpp"
#include "tests/support/http_api_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

namespace {

using namespace muster;
using tests::contains;
using tests::error_of;
using tests::header_of;

/// A journal with one frame of two events: of `demo`'s device dev-1, and of another service's.
struct history_fixture : tests::http_api_fixture {
  history_fixture() {
    events::frame frame;
    frame.journal = tests::test_journal().id;
    frame.epoch = events::shard_epoch(1);
    frame.first_sequence = events::log_sequence(1);
    frame.node = "node";
    add(frame, "0ne00000001");
    add(frame, "0ne00000002");
    journal.put(events::shard_id(0), events::encode_frame(frame));
    catalog.rows->folded.next_offset = events::log_offset(1);
    catalog.rows->folded.sequence = events::log_sequence(2);
    catalog.rows->frames[2] = events::log_offset(0);
    catalog.rows->places = {{events::log_sequence(1), events::log_offset(0), 0}};
  }

  static void add(events::frame& frame, std::string_view scope) {
    auto& record = frame.records.emplace_back();
    record.meta.stream =
        events::stream_name::device(*events::id_scope::parse(scope), *events::registration_id::parse("dev-1"));
    record.meta.version = events::stream_version(1);
    record.meta.by = "policy:owner";
    record.meta.correlation_id = "c0ffee00-0000-4000-8000-000000000001";
    events::registration_deleted gone;
    gone.id = *events::registration_id::parse("dev-1");
    record.meta.type = gone.type;
    record.data = events::to_json(gone);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(http_api, tests::http_api_fixture)

BOOST_AUTO_TEST_CASE(a_path_that_nobody_serves_is_404_and_another_method_405) {
  BOOST_TEST(error_of(ask("GET", "/")) == "404 404000 There is nothing at /.");
  BOOST_TEST(error_of(ask("GET", "/no/such/path")) == "404 404000 There is nothing at /no/such/path.");
  BOOST_TEST(error_of(ask("GET", "/enrollments/a/b")).starts_with("404"));
  BOOST_TEST(error_of(ask("GET", "/metrics/x")).starts_with("404"));
  struct row {
    std::string method;
    std::string target;
    std::string allow;
  };
  const row rows[] = {{"POST", "/metrics", "GET, HEAD"},
                      {"GET", "/0ne00000001/registrations/dev-1/register", "PUT"},
                      {"DELETE", "/0ne00000001/registrations/dev-1/operations/5.x", "GET, HEAD"},
                      {"POST", "/enrollmentGroups/g", "GET, HEAD, PUT, DELETE"},
                      {"PUT", "/registrations/query", "POST, GET, HEAD, DELETE"},
                      {"POST", "/enrollmentGroups", ""},
                      {"GET", "/operator/rebuild", "POST"}};
  for (const auto& each : rows) {
    const auto response = ask(each.method, each.target);
    BOOST_TEST(response.status == 405, each.method << " " << each.target);
    BOOST_TEST(header_of(response, "Allow") == each.allow, each.target << ": " << header_of(response, "Allow"));
    BOOST_TEST(error_of(response).starts_with("405 405000 "));
  }
}

BOOST_AUTO_TEST_CASE(segments_are_found_in_any_letter_case_and_head_is_get) {
  BOOST_TEST(ask("GET", "/HealthZ").body == "ok\n");
  BOOST_TEST(ask("HEAD", "/healthz").status == 200);
  BOOST_TEST(error_of(ask("get", "/healthz")).starts_with("405"));
}

BOOST_AUTO_TEST_CASE(monitoring_needs_no_token) {
  const auto metrics = ask("GET", "/metrics");
  BOOST_TEST(metrics.body == "# metrics\n");
  BOOST_TEST(header_of(metrics, "Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(ask("GET", "/readyz").status == 200);
  not_ready = "shard 3 stopped; see the log";
  const auto not_yet = ask("GET", "/readyz");
  BOOST_TEST(not_yet.status == 503);
  BOOST_TEST(not_yet.body == "shard 3 stopped; see the log\n");
  BOOST_TEST(ask("GET", "/readyz", {as_operator()}).body == "shard 3 stopped; see the log: a cause\n");
  BOOST_TEST(ask("GET", "/readyz", {{"authorization", "Bearer guess"}}).body == not_yet.body);
  BOOST_TEST(ask("GET", "/healthz").status == 200);
}

BOOST_AUTO_TEST_CASE(a_node_whose_feed_stands_still_is_ready_and_says_so) {
  trouble = "the feed stands still";
  const auto answer = ask("GET", "/readyz");
  BOOST_TEST(answer.status == 200);
  BOOST_TEST(answer.body == "ready; the feed stands still\n");
  BOOST_TEST(ask("GET", "/readyz", {as_operator()}).body == "ready; the feed stands still: a cause\n");
  not_ready = "shard 3 stopped";
  BOOST_TEST(ask("GET", "/readyz").body == "shard 3 stopped; the feed stands still\n");
}

// The listener counts requests, those too that never come this far.
BOOST_AUTO_TEST_CASE(every_request_is_logged_once_without_its_secrets) {
  gateway.answer_with = [](const engine::command&) -> engine::answer {
    return engine::rejection{engine::rejection_code::not_attested, "Unauthorized", {}};
  };
  ask("PUT", "/0ne00000001/registrations/dev-1/register?api-version=2021-06-01",
      {{"authorization", "SharedAccessSignature sig=secret"}}, "{}");
  BOOST_REQUIRE_EQUAL(log.lines.size(), 1U);
  BOOST_TEST(
      log.lines[0] ==
      "1 request answered OperationName=AttestationAttempt Category=DeviceOperations OperationVersion=2021-06-01 "
      "CallerIpAddress=192.0.2.XXX CorrelationId=c0ffee00-0000-4000-8000-000000000001 DurationMs=0.000 "
      "ResultType=ClientError "
      "ResultSignature=401 ErrorCode=401002 Type=Registration Id=dev-1 Protocol=Http");
  ask("GET", "/nothing");
  BOOST_TEST(contains(log.lines.back(), "OperationName=Unknown"));
  ask("GET", "/healthz");
  BOOST_TEST(log.lines.back().starts_with("0 "));
  BOOST_TEST(telemetry.requests == 0U);
}

BOOST_AUTO_TEST_CASE(what_a_stranger_sends_never_makes_a_response_that_is_not_utf_8) {
  for (const auto* target :
       {"/\xff\xfe", "/operator/services/\xff", "/enrollments/\xff?api-version=2021-10-01", "/events?service=\xff"}) {
    const auto response = ask("GET", target, {as_operator()});
    BOOST_TEST(response.status >= 400);
    BOOST_TEST(connectors::read_json_object(response.body).has_value(), response.body);
  }
}

BOOST_AUTO_TEST_CASE(every_rejection_has_a_number_of_its_status) {
  for (int code = 0; code <= static_cast<int>(engine::rejection_code::unavailable); ++code) {
    for (const auto entry : {connectors::entry_kind::other, connectors::entry_kind::individual}) {
      const auto number = connectors::dps_error_code(static_cast<engine::rejection_code>(code), entry);
      BOOST_TEST(number >= 400'000);
      BOOST_TEST(number < 504'000);
      BOOST_TEST(number != connectors::dps_code::internal);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(events_of_a_service_come_as_cloud_events_a_line_each, history_fixture) {
  const auto response = ask("GET", "/events", {token_of("owner")});
  BOOST_TEST(response.status == 200);
  BOOST_TEST(header_of(response, "Content-Type") == "application/x-ndjson; charset=utf-8");
  BOOST_TEST(header_of(response, "x-muster-more") == "false");
  BOOST_TEST(header_of(response, "x-muster-next") == "0-2");
  BOOST_TEST(response.body.starts_with(
      R"({"specversion":"1.0","id":"0-1","type":"muster.registration_deleted.v1","source":"/services/0ne00000001",)"
      R"("subject":"devices/dev-1",)"));
  BOOST_TEST(std::ranges::count(response.body, '\n') == 1);
  BOOST_TEST(ask("GET", "/events?after=0-1&service=demo&limit=1000", {as_operator()}).body.empty());
  BOOST_TEST(ask("GET", "/operator/services/demo/events?after=0-0", {as_operator()}).body == response.body);
}

BOOST_FIXTURE_TEST_CASE(a_query_parameter_that_there_is_not_is_refused_on_paths_of_our_own, history_fixture) {
  BOOST_TEST(error_of(ask("GET", "/events?from=0-1", {token_of("owner")})) ==
             "400 400004 from: there is no such query parameter here; there are: api-version, service, after, limit, "
             "types, personal, usage, stream.");
  BOOST_TEST(error_of(ask("POST", "/operator/verify?shard=1", {as_operator()})) ==
             "400 400004 shard: there is no such query parameter here; there are: api-version.");
  const std::vector<std::pair<const char*, const char*>> strict{
      {"GET", "/usage?since=2026"},         {"GET", "/operator/services?x"},
      {"GET", "/operator/version?x=1"},     {"GET", "/operator/services/demo/registrations?state=failed"},
      {"POST", "/registrations/query?x=1"}, {"GET", "/registrations/dev-1/history?stream=service"}};
  for (const auto& [method, target] : strict)
    BOOST_TEST(error_of(ask(method, target, {as_operator()})).contains("there is no such query parameter"), target);
  for (const auto* target :
       {"/events?api-version=2021-10-01&SERVICE=demo&Limit=1", "/operator/services/demo?api-version=1"})
    BOOST_TEST(ask("GET", target, {as_operator()}).status == 200, target);
  // DPS's own paths let pass what they do not know.
  BOOST_TEST(
      !error_of(ask("GET", "/enrollments/dev-1?api-version=2021-10-01&x=1", {as_operator()})).contains("parameter"));
}

BOOST_FIXTURE_TEST_CASE(the_history_of_one_registration_is_its_stream, history_fixture) {
  const auto response = ask("GET", "/registrations/DEV-1/history", {token_of("owner")});
  BOOST_TEST(response.status == 200);
  BOOST_TEST(contains(response.body, R"("id":"0-1")"));
  BOOST_TEST(header_of(response, "x-muster-next") == "0-1");
  BOOST_TEST(ask("GET", "/operator/services/demo/events?stream=devices/dev-1", {as_operator()}).body == response.body);
  BOOST_TEST(error_of(ask("GET", "/operator/services/demo/events?stream=nonsense", {as_operator()}))
                 .starts_with("400 400004 stream: expected"));
}

BOOST_FIXTURE_TEST_CASE(a_limit_or_a_place_out_of_range_is_refused, history_fixture) {
  for (const auto* limit : {"0", "1001", "x", "99999999999999999999999"}) {
    BOOST_TEST(error_of(ask("GET", std::string("/events?limit=") + limit, {token_of("owner")})) ==
               std::string("400 400004 limit: expected a number of 1 to 1000, not '") + limit + "'.");
  }
  BOOST_TEST(error_of(ask("GET", "/events?limit=0", {token_of("owner"), {"accept", "text/event-stream"}})) ==
             "400 400004 limit: expected a number from 1, not '0'.");
  // Behind the largest number there is nothing to go on with.
  BOOST_TEST(error_of(ask("GET", "/events?after=0-18446744073709551614", {token_of("owner")}))
                 .starts_with("400 400004 after: 0-18446744073709551614 lies behind the log's end, which is at 0-2"));
  for (const auto* after : {"0-18446744073709551615", "0-18446744073709551616", "1-0", "0", "0-", "-1"}) {
    BOOST_TEST(error_of(ask("GET", std::string("/events?after=") + after, {token_of("owner")}))
                   .starts_with("400 400004 after: expected SHARD-SEQUENCE"),
               after);
  }
}

BOOST_FIXTURE_TEST_CASE(a_place_behind_the_end_of_the_log_is_refused_and_the_end_itself_is_not, history_fixture) {
  BOOST_TEST(ask("GET", "/events?after=0-2", {token_of("owner")}).status == 200);
  for (const auto* path :
       {"/events?after=0-3", "/registrations/dev-1/history?after=0-3", "/operator/services/demo/events?after=0-3"})
    BOOST_TEST(error_of(ask("GET", path, {as_operator()})).starts_with("400 400004 after: 0-3 lies behind"), path);
  BOOST_TEST(
      error_of(ask("GET", "/events", {token_of("owner"), {"accept", "text/event-stream"}, {"last-event-id", "0-3"}}))
          .starts_with("400 400004 after: 0-3 lies behind"));
}

BOOST_FIXTURE_TEST_CASE(a_place_behind_what_was_folded_is_refused_only_once_the_log_says_that_it_ends_before,
                        history_fixture) {
  BOOST_TEST(ask("GET", "/events?after=0-3", {token_of("owner")}).status == 400);
  BOOST_TEST_REQUIRE(barrier.asked.size() == 1U);
  BOOST_TEST((barrier.asked.front() == engine::read_kind::exact));
  barrier.given = {false, std::nullopt};
  BOOST_TEST(error_of(ask("GET", "/events?after=0-3", {token_of("owner")})) ==
             "503 503001 after: the log did not confirm in time that it ends before; try again.");
  // Another node wrote it, and it is read only now.
  barrier.given = {true, std::nullopt};
  barrier.before = [this] { catalog.rows->folded.sequence = events::log_sequence(3); };
  BOOST_TEST(ask("GET", "/events?after=0-3", {token_of("owner")}).status == 200);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_read_on_the_listeners_threads, history_fixture) {
  const std::string v = "?api-version=2021-10-01";
  const std::pair<std::string, std::string> requests[] = {
      {"GET", "/enrollments/dev-1" + v},
      {"GET", "/registrations/dev-1" + v},
      {"GET", "/registrations/dev-1/history"},
      {"POST", "/registrations/query"},
      {"GET", "/events"},
      {"GET", "/operator/services/demo"},
      {"GET", "/operator/services/demo/enrollments"},
      {"GET", "/operator/services/demo/registrations?status=failed"},
      {"GET", "/operator/services/demo/registrations?count=true"},
      {"GET", "/operator/services/demo/hubs/hub1/devices"},
      {"GET", "/operator/services/demo/hubs/hub1/devices/dev-1"},
      {"GET", "/operator/services/demo/events"},
      {"GET", "/operator/services/demo/usage"}};
  hold_jobs = true;
  for (const auto& [method, target] : requests) {
    std::optional<connectors::http_response> got;
    catalog.rows->reads = 0;
    api.handle(request_for(method, target, {as_operator()}, {}, host),
               [&](auto response) { got = std::move(response); });
    BOOST_TEST(catalog.rows->reads == 0, target);
    BOOST_REQUIRE_EQUAL(jobs.size(), 1U);
    std::exchange(jobs, {}).front()();
    BOOST_TEST(catalog.rows->reads > 0, target);
    BOOST_TEST(got.has_value(), target);
    worker_full = true;
    BOOST_TEST(error_of(ask(method, target, {as_operator()})).starts_with("429 429001 Too many"), target);
    worker_full = false;
  }
}

BOOST_FIXTURE_TEST_CASE(history_is_refused_when_too_many_wait_for_it, history_fixture) {
  worker_full = true;
  BOOST_TEST(error_of(ask("GET", "/events", {token_of("owner")})).starts_with("429 429001"));
}

BOOST_AUTO_TEST_CASE(a_worker_runs_jobs_in_order_and_refuses_what_it_cannot_keep) {
  std::vector<int> ran;
  std::promise<void> started;
  std::promise<void> go_on;
  {
    connectors::worker worker(1);
    BOOST_TEST(worker.post([&] {
      started.set_value();
      go_on.get_future().wait();
      ran.push_back(1);
    }));
    started.get_future().wait();
    std::promise<void> second_done;
    BOOST_TEST(worker.post([&] {
      ran.push_back(2);
      second_done.set_value();
    }));
    BOOST_TEST(!worker.post([&] { ran.push_back(3); }));
    go_on.set_value();
    second_done.get_future().wait();
  }
  BOOST_TEST(ran == (std::vector<int>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_schemas_of_events_are_there_for_everybody) {
  const auto schemas = ask("GET", "/schemas/events.json");
  BOOST_TEST(schemas.status == 200);
  BOOST_TEST(schemas.body == events::json_schema());
  BOOST_TEST(contains(schemas.body, R"("muster.hub_unlinked.v1":{"$id":"urn:muster:schema:muster.hub_unlinked.v1",)"));
  BOOST_TEST(ask("GET", "/schemas/asyncapi.json").body == events::async_api());
  BOOST_TEST(ask("GET", "/schemas/other.json").status == 404);
}

BOOST_AUTO_TEST_SUITE_END()
