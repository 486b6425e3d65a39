#include "connectors/webhook/webhook_client.hpp"
#include "events/bytes.hpp"
#include "tests/support/feed_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace std::chrono_literals;
using connectors::webhook_response;
using kind = connectors::webhook_verdict::kind;

namespace {

webhook_response answer(long status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {status, std::move(headers), {}};
}

using ids = std::vector<std::string>;

ids ids_in(const std::string& body) {
  constexpr std::string_view mark = "\"id\":\"";
  ids found;
  for (auto at = body.find(mark); at != std::string::npos; at = body.find(mark, at + 1)) {
    const auto from = at + mark.size();
    found.push_back(body.substr(from, body.find('"', from) - from));
  }
  return found;
}

/// Of an hour that ended behind event `sequence`.
events::usage_reported usage_of(std::string_view hour, std::uint64_t sequence) {
  events::usage_reported report;
  report.from = *engine::read_hour(hour);
  report.to = report.from + 1h;
  report.operations = 1;
  report.sequence = events::log_sequence(sequence);
  return report;
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(webhook_request, tests::feed_fixture)

BOOST_AUTO_TEST_CASE(a_batch_holds_the_wanted_events_of_one_service_in_order) {
  write({record(demo, "a"), record(other, "b"), record(demo, "c")});
  write({record(demo, "d")});
  const auto frames = feed.read(shard, {}, 1U << 20U).value();
  const auto batch = connectors::make_batch(frames, {}, shard, demo, {}, events::log_sequence(1));
  BOOST_TEST(batch.events == 2U);
  BOOST_TEST(batch.last.sequence.value() == 4U);
  BOOST_TEST(batch.id == "0-3.4");
  BOOST_TEST(batch.body.starts_with("[{\"specversion\":\"1.0\",\"id\":\"0-3\""), batch.body);
  BOOST_TEST(says(batch.body, "},{\"specversion\":\"1.0\",\"id\":\"0-4\""), batch.body);
  BOOST_TEST(batch.body.ends_with("}]"));
  const auto none = connectors::make_batch(frames, {}, shard, demo, {{"muster.hub_linked.v1"}, {}, true}, {});
  BOOST_TEST(none.events == 0U);
  BOOST_TEST(none.last.sequence.value() == 4U);
}

BOOST_AUTO_TEST_CASE(a_batch_is_bounded) {
  std::vector<events::event_record> many;
  for (int i = 0; i < 250; ++i) many.push_back(record(demo, "dev-" + std::to_string(i)));
  write(many);
  const auto frames = feed.read(shard, {}, 1U << 20U).value();
  const auto batch = connectors::make_batch(frames, {}, shard, demo, {}, {});
  BOOST_TEST(batch.events == 100U);
  BOOST_TEST(batch.last.sequence.value() == 100U);
}

BOOST_AUTO_TEST_CASE(usage_stands_in_a_batch_before_the_first_event_behind_its_hour) {
  write({record(demo, "a"), record(other, "b"), record(demo, "c")});
  const auto frames = feed.read(shard, {}, 1U << 20U).value();
  const std::deque reports{usage_of("2026-01-01T00", 1), usage_of("2026-01-01T03", 2)};
  const auto batch = connectors::make_batch(frames, reports, shard, demo, {}, {});
  BOOST_TEST(ids_in(batch.body) == (ids{"0-1", "0-1-2026-01-01T00", "0-2-2026-01-01T03", "0-3"}),
             boost::test_tools::per_element());
  BOOST_TEST(batch.events == 4U);
  BOOST_TEST(batch.id == "0-1.3");
  BOOST_TEST((batch.last == engine::feed_place(events::log_sequence(3))));
  const auto rest =
      connectors::make_batch(frames, {reports.back()}, shard, demo, {}, engine::place_of(reports.front()));
  BOOST_TEST(ids_in(rest.body) == (ids{"0-2-2026-01-01T03", "0-3"}), boost::test_tools::per_element());
  const auto alone = connectors::make_batch(frames, reports, shard, demo, {{"muster.usage.v1"}, {}, true}, {});
  BOOST_TEST(ids_in(alone.body) == (ids{"0-1-2026-01-01T00", "0-2-2026-01-01T03"}), boost::test_tools::per_element());
  BOOST_TEST(alone.last.sequence.value() == 3U);
}

BOOST_AUTO_TEST_CASE(usage_of_hours_that_ended_behind_the_last_event_is_a_batch_of_its_own) {
  const auto report = usage_of("2026-01-01T05", 7);
  const auto batch = connectors::make_batch({}, {report}, shard, demo, {}, events::log_sequence(7));
  BOOST_TEST(batch.events == 1U);
  BOOST_TEST(batch.id == "0-7-2026-01-01T05.7-2026-01-01T05");
  BOOST_TEST((batch.last == engine::place_of(report)));
  std::deque<events::usage_reported> many(150, report);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].from += std::chrono::hours(i);
  const auto full = connectors::make_batch({}, many, shard, demo, {}, events::log_sequence(7));
  BOOST_TEST(full.events == 100U);
  BOOST_TEST((full.last == engine::place_of(many[99])));
}

// Standard Webhooks: `id.timestamp.body`, HMAC-SHA256, base64; the value was computed with Python's hmac.
BOOST_AUTO_TEST_CASE(a_delivery_is_signed_so_that_it_cannot_be_changed_or_replayed_later) {
  connectors::webhook_batch batch{R"([{"a":1}])", 1, "0-3.4", events::log_sequence(4)};
  const auto request = connectors::delivery_request("https://e.example/x?code=1", "0123456789abcdef01234567", batch,
                                                    events::timestamp(1'700'000'000s));
  BOOST_TEST(request.method == "POST");
  BOOST_TEST(request.url == "https://e.example/x?code=1");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"Content-Type", "application/cloudevents-batch+json; charset=utf-8"},
      {"webhook-id", "0-3.4"},
      {"webhook-timestamp", "1700000000"},
      {"webhook-signature", "v1,5nVN+NBjjkIBSQoPclDslZ9nR93zEl3sIZEqI+dkN3s="}};
  BOOST_TEST((request.headers == expected), request.headers.back().second);
}

BOOST_AUTO_TEST_CASE(what_an_answer_means) {
  BOOST_TEST((connectors::judge_delivery(answer(204)).what == kind::done));
  const auto busy = connectors::judge_delivery(answer(429, {{"retry-after", "7"}}));
  BOOST_TEST((busy.what == kind::later));
  BOOST_TEST((busy.retry_after == 7s));
  BOOST_TEST((connectors::judge_delivery(answer(503, {{"retry-after", "999999999"}})).retry_after == 1h));
  BOOST_TEST((connectors::judge_delivery(answer(410)).what == kind::never));
  BOOST_TEST(says(connectors::judge_delivery(answer(302, {{"location", "https://b.example/"}})).reason,
                  "redirects are not followed"));
  for (const int status : {302, 304}) {  // neither names a place
    const auto odd = connectors::judge_delivery(answer(status));
    BOOST_TEST((odd.what == kind::later));
    BOOST_TEST(says(odd.reason, std::to_string(status)));
    BOOST_TEST(!says(odd.reason, "redirect"));
  }
  BOOST_TEST(connectors::judge_delivery({0, {}, "no route to host"}).reason == "no route to host");
}

BOOST_AUTO_TEST_CASE(an_endpoint_must_allow_events_and_may_say_how_often) {
  const auto allowed = [](std::string origin, std::string rate) {
    return connectors::judge_validation(
        answer(200, {{"webhook-allowed-origin", std::move(origin)}, {"webhook-allowed-rate", std::move(rate)}}),
        "muster.example");
  };
  BOOST_TEST((allowed("Muster.Example", "120").interval == 500ms));
  BOOST_TEST((allowed("*", "*").what == kind::done));
  BOOST_TEST(!allowed("*", "*").interval.has_value());
  BOOST_TEST((allowed("other.example", "").what == kind::later));
  BOOST_TEST((connectors::judge_validation(answer(200), "muster.example").what == kind::later));
  BOOST_TEST((connectors::judge_validation(answer(405), "muster.example").what == kind::later));
}

BOOST_AUTO_TEST_CASE(secrets_have_the_form_that_libraries_know) {
  const std::string key(32, 'k');
  BOOST_TEST(*connectors::read_webhook_secret(connectors::webhook_secret_text(key)) == key);
  for (const std::string bad : {"", "whsec_", "whsec_AAAA", "a2V5", "whsec_!"})
    BOOST_TEST(!connectors::read_webhook_secret(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(pauses_double_up_to_the_longest) {
  BOOST_TEST((connectors::longest_pause(1, 1s, 300s) == 1s));
  BOOST_TEST((connectors::longest_pause(4, 1s, 300s) == 8s));
  BOOST_TEST((connectors::longest_pause(4'000'000'000U, 1s, 300s) == 300s));
}

BOOST_AUTO_TEST_CASE(urls_are_https_and_carry_no_password) {
  const auto check = [](const std::string& url, bool plain = false) {
    connectors::webhook_client_options options;
    options.plain_http = plain;
    const auto good = connectors::check_webhook_url(url, options);
    return good ? std::string() : good.error().text;
  };
  for (const std::string good : {"https://e.example", "https://e.example:444/a/b?code=x", "http://localhost:8080/x",
                                 "http://127.0.0.1/x", "http://[::1]:80/"})
    BOOST_TEST(check(good).empty(), good);
  BOOST_TEST(check("http://e.example/", true).empty());
  for (const std::string bad : {"http://e.example/", "http://localhost.evil.example/", "ftp://e.example/", "e.example",
                                "file:///etc/passwd", "https://e.example/ x", "http://127.0.0.1.evil.example/"})
    BOOST_TEST(!check(bad).empty(), bad);
  for (const std::string never :
       {"https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://169.254.169.254/x", "https://[::]/",
        "https://[::ffff:169.254.1.1]:8443/", "https://224.0.0.1", "https://0xa9fea9fe/"})
    BOOST_TEST(says(check(never), "webhooks must not reach"), never << ": " << check(never));
  BOOST_TEST(check("https://[fd00::1]/").empty());
  BOOST_TEST(check("https://10.1.2.3/").empty());
  connectors::webhook_client_options public_only;
  public_only.private_addresses = false;
  for (const auto* each : {"https://[fd00::1]/", "https://10.1.2.3/", "https://[::1]/"}) {
    const auto refused = connectors::check_webhook_url(each, public_only);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(says(refused.error().text, "webhook.private_addresses is 0"), each);
  }
  BOOST_TEST(says(check("https://user:pass@e.example/"), "user or password"));
  BOOST_TEST(says(check("http://localhost@e.example/"), "https"));
  BOOST_TEST(says(check("https://e.example/#x"), "fragment"));
}

BOOST_AUTO_TEST_CASE(addresses_that_hold_a_clouds_secrets_are_never_reached_and_private_ones_if_allowed) {
  for (const auto* each : {"169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", "ff02::1",
                           "::", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "nonsense"})
    BOOST_TEST(!connectors::may_connect_to(each, true), each);
  for (const auto* each : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1",
                           "fd00::1", "::ffff:10.0.0.1"}) {
    BOOST_TEST(connectors::may_connect_to(each, true), each);
    BOOST_TEST(!connectors::may_connect_to(each, false), each);
  }
  for (const auto* each : {"8.8.8.8", "172.32.0.1", "2606:4700::1111", "192.169.0.1"})
    BOOST_TEST(connectors::may_connect_to(each, false), each);
}

BOOST_AUTO_TEST_SUITE_END()
