#include "connectors/https/https_server.hpp"
#include "tests/support/files.hpp"
#include "tests/support/https_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using namespace muster;
using namespace std::chrono_literals;
using connectors::http_request;
using connectors::http_response;
using connectors::https_options;
using connectors::respond;
using tests::get_request;
using tests::https_fixture;

namespace {

const std::string chunked_put =
    "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";

/// Keeps answers until a test gives them. The futures tell that a request has reached the handler.
struct held_answers {
  std::promise<respond> arrived;
  std::future<respond> first = arrived.get_future();
  void operator()(http_request, respond answer) { arrived.set_value(std::move(answer)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(https_server_)

BOOST_AUTO_TEST_CASE(tls_1_2_and_1_3_both_work_and_clients_can_verify_the_server) {
  https_fixture server;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(server.clock.now().time_since_epoch()).count();
  for (const auto& [version, name] : {std::pair(12, "TLSv1.2"), std::pair(13, "TLSv1.3")}) {
    for (const std::string host : {"localhost", "127.0.0.1"}) {
      tests::tls_client_options options{
          .version = version, .ca_file = server.tls->ca_file(), .server_name = host, .verify_at = now};
      if (host == "127.0.0.1") options.server_name = "localhost";
      auto client = server.connect(options);
      BOOST_TEST(client.protocol() == name);
      client.send(get_request("/a/b"));
      const auto response = client.read_response();
      BOOST_TEST(response.status == 200);
      BOOST_TEST(response.body == "GET [a][b] host=localhost body=");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_client_certificate_is_asked_for_with_an_empty_ca_list_and_any_is_accepted) {
  https_fixture server;
  for (const int version : {12, 13}) {
    auto client = server.connect({.version = version, .with_certificate = true});
    client.send(get_request("/"));
    BOOST_TEST(client.read_response().status == 200);
    BOOST_TEST(client.asked_for_certificate());
    BOOST_TEST(client.ca_names() == 0);
  }
}

BOOST_AUTO_TEST_CASE(sessions_are_not_resumed) {
  https_fixture server;
  for (const int version : {12, 13}) {
    auto client = server.connect({.version = version});
    client.send(get_request("/"));
    BOOST_TEST(client.read_response().status == 200);
    BOOST_TEST(!client.can_resume(server.server->port()));
  }
}

BOOST_AUTO_TEST_CASE(every_response_carries_what_the_server_adds) {
  https_fixture server;
  auto client = server.connect();
  client.send(get_request("/"));
  auto response = client.read_response();
  BOOST_TEST(response.headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT");
  BOOST_TEST(response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains");
  BOOST_TEST(response.headers["x-ms-request-id"].size() == 36);
  BOOST_TEST(response.headers["connection"] == "keep-alive");
  const auto first_id = response.headers["x-ms-request-id"];
  client.send(get_request("/"));
  BOOST_TEST(client.read_response().headers["x-ms-request-id"] != first_id);
}

BOOST_AUTO_TEST_CASE(chunked_bodies_absolute_targets_and_heads_are_understood) {
  https_fixture server;
  auto client = server.connect();
  client.send(chunked_put);
  BOOST_TEST(client.read_response().body == "PUT [a] host=h body=abc");
  client.send("GET https://other:443/x HTTP/1.1\r\nHost: ignored\r\n\r\n");
  BOOST_TEST(client.read_response().body == "GET [x] host=other:443 body=");
  client.send("HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto head = client.read_response(true);
  BOOST_TEST(head.status == 200);
  BOOST_TEST(head.headers.at("content-length") == std::to_string(std::string_view("GET [h] host=h body=").size()));
  client.send(get_request("/after"));
  BOOST_TEST(client.read_response().body == "GET [after] host=localhost body=");
}

BOOST_AUTO_TEST_CASE(requests_in_a_row_are_answered_in_their_order) {
  https_fixture server;
  auto client = server.connect();
  std::string all;
  for (int i = 0; i < 200; ++i) all += i % 3 == 0 ? chunked_put : get_request("/" + std::to_string(i));
  client.send(all);
  for (int i = 0; i < 200; ++i) {
    const auto body = client.read_response().body;
    BOOST_TEST(body ==
               (i % 3 == 0 ? "PUT [a] host=h body=abc" : "GET [" + std::to_string(i) + "] host=localhost body="));
  }
}

BOOST_AUTO_TEST_CASE(a_request_may_come_byte_by_byte) {
  https_fixture server;
  auto client = server.connect();
  for (const char c : chunked_put) client.send({&c, 1});
  BOOST_TEST(client.read_response().body == "PUT [a] host=h body=abc");
}

BOOST_AUTO_TEST_CASE(a_client_that_expects_it_is_told_to_go_on) {
  https_fixture server;
  auto client = server.connect();
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  BOOST_TEST(client.read_response().status == 100);
  client.send("abc");
  BOOST_TEST(client.read_response().body == "PUT  host=h body=abc");
}

BOOST_AUTO_TEST_CASE(the_connection_closes_when_the_client_wants_it) {
  https_fixture server;
  auto closing = server.connect();
  closing.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  auto response = closing.read_response();
  BOOST_TEST(response.headers["connection"] == "close");
  BOOST_TEST(closing.read_to_end() == "");
  auto old = server.connect();
  old.send("GET / HTTP/1.0\r\n\r\n");
  BOOST_TEST(old.read_response().status == 200);
  BOOST_TEST(old.read_to_end() == "");
  auto kept = server.connect();
  kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  response = kept.read_response();
  BOOST_TEST(response.headers["connection"] == "keep-alive");
  kept.send("GET / HTTP/1.0\r\n\r\n");
  BOOST_TEST(kept.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(what_is_malformed_or_too_large_is_answered_and_cut_off) {
  https_fixture server;
  const auto status_of = [&server](const std::string& text) {
    auto client = server.connect();
    client.send(text);
    const auto response = client.read_response();
    BOOST_TEST(response.headers.at("connection") == "close");
    BOOST_TEST(response.body.ends_with("|" + response.headers.at("x-ms-request-id")));
    BOOST_TEST(client.read_to_end() == "");
    return response.status;
  };
  BOOST_TEST(status_of("nonsense\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET /%gg HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x')) == 431);
  BOOST_TEST(status_of("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n" + std::string(50'000, 'x')) ==
             413);
  BOOST_TEST(status_of("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") == 400);
  BOOST_TEST(server.telemetry.connections_cut == 5);
  BOOST_TEST(server.telemetry.requests == 5);
  BOOST_TEST(server.telemetry.responses[3] == 5);
}

BOOST_AUTO_TEST_CASE(slow_clients_are_cut_off) {
  https_fixture server(
      {.handshake_timeout = 10s, .header_timeout = 50ms, .request_timeout = 60ms, .idle_timeout = 10s});
  auto slow_header = server.connect();
  slow_header.send("GET / HTTP/1.1\r\nHo");
  BOOST_TEST(slow_header.read_response().status == 408);
  BOOST_TEST(slow_header.read_to_end() == "");
  auto slow_body = server.connect();
  slow_body.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  BOOST_TEST(slow_body.read_response().status == 408);
  BOOST_TEST(slow_body.read_to_end() == "");
}

BOOST_AUTO_TEST_CASE(idle_connections_close_without_a_word) {
  https_fixture server({.idle_timeout = 40ms});
  auto client = server.connect();
  client.send(get_request("/"));
  BOOST_TEST(client.read_response().status == 200);
  BOOST_TEST(client.read_to_end() == "");
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_is_cut_off) {
  https_fixture server({.write_timeout = 50ms},
                       [](http_request, respond answer) { answer({200, {}, std::string(64 * 1024 * 1024, 'x')}); });
  auto client = server.connect();
  client.send(get_request("/"));
  while (server.telemetry.connections_cut == 0) std::this_thread::yield();
  BOOST_TEST(client.read_to_end().size() < 64u * 1024 * 1024);
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_refused_while_all_have_requests) {
  held_answers held;
  https_fixture server({.connections_max = 100, .connections_per_address_max = 1}, std::ref(held));
  auto first = server.connect();
  first.send(get_request("/"));
  const auto answer = held.first.get();
  BOOST_CHECK_THROW(server.connect(), std::runtime_error);
  BOOST_TEST(server.telemetry.connections_refused == 1);
  answer({200, {}, "done"});
  BOOST_TEST(first.read_response().headers.at("connection") == "keep-alive");
}

BOOST_AUTO_TEST_CASE(an_idle_connection_makes_room_for_a_new_one_at_the_limit) {
  for (const bool per_address : {true, false}) {
    https_options options;
    (per_address ? options.connections_per_address_max : options.connections_max) = 2;
    https_fixture server(options);
    auto first = server.connect();
    auto second = server.connect();
    for (auto* each : {&first, &second, &first}) {
      each->send(get_request("/"));
      BOOST_TEST(each->read_response().status == 200);
    }
    auto third = server.connect();
    third.send(get_request("/"));
    BOOST_TEST(third.read_response().status == 200);
    BOOST_TEST(second.read_to_end() == "");
    BOOST_TEST(server.telemetry.connections_evicted == 1);
    first.send(get_request("/"));
    BOOST_TEST(first.read_response().status == 200);
  }
}

BOOST_AUTO_TEST_CASE(requests_beyond_the_rate_are_answered_429_and_the_connection_stays) {
  https_options options;
  options.admission.per_address = {.requests_per_second = 0.001, .burst_requests = 1, .bytes_in_flight_max = 0};
  https_fixture server(options);
  auto client = server.connect();
  client.send(chunked_put + chunked_put);
  BOOST_TEST(client.read_response().status == 200);
  auto throttled = client.read_response();
  BOOST_TEST(throttled.status == 429);
  BOOST_TEST(std::stoi(throttled.headers["retry-after"]) > 900);
  BOOST_TEST(throttled.headers["connection"] == "keep-alive");
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  throttled = client.read_response();
  BOOST_TEST(throttled.status == 429);
  BOOST_TEST(throttled.headers["connection"] == "close");
  BOOST_TEST(server.telemetry.requests_throttled == 2);
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later_and_from_another_thread) {
  held_answers held;
  https_fixture server({}, std::ref(held));
  auto client = server.connect();
  client.send(get_request("/"));
  std::thread([answer = held.first.get()] { answer({201, {}, "later"}); }).join();
  const auto response = client.read_response();
  BOOST_TEST(response.status == 201);
  BOOST_TEST(response.body == "later");
}

BOOST_AUTO_TEST_CASE(only_the_first_answer_counts) {
  https_fixture server({}, [](http_request, respond answer) {
    answer({200, {}, "first"});
    answer({500, {}, "second"});
  });
  auto client = server.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(get_request("/"));
    BOOST_TEST(client.read_response().body == "first");
  }
}

BOOST_AUTO_TEST_CASE(a_dropped_request_is_answered_503_and_a_throwing_handler_500) {
  https_fixture dropping({}, [](http_request, respond) {});
  auto client = dropping.connect();
  client.send(get_request("/"));
  BOOST_TEST(client.read_response().status == 503);
  client.send(get_request("/"));
  BOOST_TEST(client.read_response().status == 503);

  held_answers held;
  https_fixture forgetting({}, std::ref(held));
  auto waiting = forgetting.connect();
  waiting.send(get_request("/"));
  held.first.get() = nullptr;
  BOOST_TEST(waiting.read_response().status == 503);

  https_fixture throwing({}, [](http_request, respond) { throw std::runtime_error("broken"); });
  auto unlucky = throwing.connect();
  unlucky.send(get_request("/"));
  BOOST_TEST(unlucky.read_response().status == 500);
}

BOOST_AUTO_TEST_CASE(a_handler_that_takes_too_long_is_given_up_and_its_late_answer_dropped) {
  held_answers held;
  https_fixture server({.request_timeout = 50ms}, std::ref(held));
  auto client = server.connect();
  client.send(get_request("/"));
  const auto late = held.first.get();
  BOOST_TEST(client.read_response().status == 503);
  BOOST_TEST(client.read_to_end() == "");
  late({200, {}, "too late"});
}

BOOST_AUTO_TEST_CASE(long_work_is_answered_when_it_is_done) {
  std::promise<connectors::respond> working;
  https_fixture server({.header_timeout = 100ms, .request_timeout = 50ms},
                       [&](connectors::http_request request, connectors::respond answer) {
                         if (request.path.front() == "long") working.set_value(std::move(answer));
                       });
  auto patient = server.connect();
  patient.send(get_request("/long"));
  const auto answer = working.get_future().get();
  auto other = server.connect();
  other.send("GET /short HTTP/1.1\r\nHo");  // cut off by the same clock, later
  BOOST_TEST(other.read_to_end() != "");
  answer({200, {}, "done"});
  BOOST_TEST(patient.read_response().body == "done");
}

BOOST_AUTO_TEST_CASE(a_drain_time_of_nothing_is_one) {
  BOOST_TEST(connectors::https_options{.drain_time = 0ms}.validate().has_value());
  BOOST_TEST(!connectors::https_options{.request_timeout = 0ms}.validate().has_value());
}

BOOST_AUTO_TEST_CASE(a_stop_lets_the_request_in_flight_end_and_closes_idle_connections) {
  held_answers held;
  https_fixture server({}, std::ref(held));
  auto idle = server.connect();
  auto busy = server.connect();
  busy.send(get_request("/"));
  const auto answer = held.first.get();
  server.server->stop();
  server.server->stop();
  BOOST_TEST(idle.read_to_end() == "");
  BOOST_CHECK_THROW(server.connect(), std::runtime_error);
  answer({200, {}, "done"});
  const auto response = busy.read_response();
  BOOST_TEST(response.body == "done");
  BOOST_TEST(response.headers.at("connection") == "close");
  BOOST_TEST(busy.read_to_end() == "");
  server.server->join();
}

BOOST_AUTO_TEST_CASE(a_stop_cuts_off_what_does_not_end_within_the_drain_time) {
  held_answers held;
  https_fixture server({.drain_time = 50ms}, std::ref(held));
  auto client = server.connect();
  client.send(get_request("/"));
  const auto answer = held.first.get();
  server.server->stop();
  server.server->join();
  BOOST_TEST(server.telemetry.connections_open == 0);
  server.server.reset();
  answer({200, {}, "after the server's end"});
}

BOOST_AUTO_TEST_CASE(a_reload_changes_the_certificate_of_new_connections_only) {
  https_fixture server;
  auto before = server.connect();
  std::filesystem::remove(server.directory / "tls" / "server.pem");
  BOOST_REQUIRE(server.tls->reload());
  auto after = server.connect();
  BOOST_TEST((before.server_certificate() != after.server_certificate()));
  before.send(get_request("/"));
  BOOST_TEST(before.read_response().status == 200);
}

BOOST_AUTO_TEST_CASE(a_body_is_bounded_by_its_option) {
  https_fixture server({.body_bytes_max = 1024});
  auto client = server.connect();
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1024\r\n\r\n" + std::string(1024, 'x'));
  BOOST_TEST(client.read_response().status == 200);
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1025\r\n\r\n");
  BOOST_TEST(client.read_response().status == 413);
  BOOST_TEST((https_options{.body_bytes_max = 98'305}.validate().error().code == engine::errc::invalid));
}

BOOST_AUTO_TEST_CASE(an_address_that_cannot_be_used_is_told) {
  https_fixture server;
  const auto start = [&server](const std::string& address) {
    return connectors::https_server::start({.address = address}, {.tls = *server.tls,
                                                                  .handler = server.handler,
                                                                  .render_error = {},
                                                                  .clock = server.clock,
                                                                  .entropy = server.entropy,
                                                                  .log = server.log,
                                                                  .telemetry = server.telemetry});
  };
  for (const auto wrong : {"", "8443", "host.example:1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:443"}) {
    const auto refused = start(wrong);
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().code == engine::errc::invalid), wrong);
  }
  const auto taken = start(server.server->address());
  BOOST_REQUIRE(!taken);
  BOOST_TEST((taken.error().code == engine::errc::unavailable));
}

BOOST_AUTO_TEST_CASE(a_response_that_stays_open_is_sent_as_it_comes_with_heartbeats_between) {
  const auto stream = std::make_shared<connectors::http_stream>(": quiet\n\n", 50ms);
  stream->write("first\n");
  https_fixture server({.header_timeout = 200ms}, [&](http_request, respond answer) {
    answer({200, {{"Content-Type", "text/event-stream"}}, {}, stream});
  });
  auto client = server.connect();
  client.send(get_request("/"));
  BOOST_TEST_REQUIRE(client.read_until("first\n").find("Connection: close") != std::string::npos);
  client.read_until(": quiet\n\n");
  stream->write("second\n");
  client.read_until("second\n");
  stream->write("last\n");
  stream->end();
  BOOST_TEST(client.read_to_end().ends_with("last\n"));
  BOOST_TEST(!stream->write("more"));
}

BOOST_AUTO_TEST_CASE(a_stream_whose_reader_goes_or_takes_nothing_is_over_and_a_stop_ends_it) {
  std::shared_ptr<connectors::http_stream> stream;
  https_fixture server({.write_timeout = 200ms}, [&](http_request, respond answer) { answer({200, {}, {}, stream}); });
  // The future is ready when the listener has spoken to the stream so many times: it took bytes, or the reader is gone.
  const auto fresh = [&](int calls) {
    stream = std::make_shared<connectors::http_stream>(":\n\n", 10s);
    auto told = std::make_shared<std::promise<void>>();
    auto future = told->get_future();
    stream->on_room([told, calls]() mutable {
      if (--calls == 0) told->set_value();
    });
    return future;
  };
  const auto is_ready = [](std::future<void>& future) { return future.wait_for(20s) == std::future_status::ready; };
  {
    auto gone = fresh(1);
    {
      auto client = server.connect();
      client.send(get_request("/"));
      client.read_until("\r\n\r\n");
    }
    BOOST_TEST_REQUIRE(is_ready(gone));
    BOOST_TEST(stream->over());
  }
  {
    auto gone = fresh(2);
    stream->write(std::string(32U << 20U, 'x'));
    auto slow = server.connect();
    slow.send(get_request("/"));
    BOOST_TEST_REQUIRE(is_ready(gone));
    BOOST_TEST(stream->over());
    BOOST_TEST(server.telemetry.connections_cut == 1U);
  }
  fresh(1);
  auto last = server.connect();
  last.send(get_request("/"));
  last.read_until("\r\n\r\n");
  server.server->stop();
  server.server->join();
  BOOST_TEST(stream->over());
}

BOOST_AUTO_TEST_SUITE_END()
