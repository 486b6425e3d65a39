#include "connectors/node/system_clock.hpp"
#include "connectors/webhook/webhook_client.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/https_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace muster;
using namespace std::chrono_literals;

namespace {

/// An endpoint whose certificate holds at the time that libcurl checks it by.
struct fixture {
  std::atomic<int> led = 0;  ///< requests for the place that a redirect leads to
  tests::https_fixture server{
      {},
      [this](connectors::http_request request, connectors::respond answer) { handle(request, answer); },
      connectors::system_clock().now()};
  connectors::webhook_client_options options{.ca_file = server.tls->ca_file().string(), .timeout = 10s};

  void handle(const connectors::http_request& request, const connectors::respond& answer) {
    const auto path = request.path.empty() ? std::string() : request.path.front();
    if (path == "moved")
      return answer({307, {{"Location", "https://localhost:" + std::to_string(server.server->port()) + "/there"}}, {}});
    if (path == "there") ++led;
    if (path == "huge") return answer({200, {}, std::string(64U << 20U, 'x')});
    answer({204, {}, {}});
  }

  connectors::webhook_response post(const std::string& path) const {
    connectors::webhook_client client(options);
    std::optional<connectors::webhook_response> got;
    client.send({"POST", "https://localhost:" + std::to_string(server.server->port()) + path, {}, "[]"},
                [&](auto response) { got = std::move(response); });
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!got && std::chrono::steady_clock::now() < until) client.run(100ms);
    BOOST_TEST_REQUIRE(got.has_value());
    return *got;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(webhook_client_, fixture)

BOOST_AUTO_TEST_CASE(an_endpoint_is_reached_over_a_certificate_that_is_trusted) {
  const auto response = post("/hook");
  BOOST_TEST(response.status == 204, response.error);
}

BOOST_AUTO_TEST_CASE(an_endpoint_with_a_certificate_of_an_unknown_ca_gets_nothing) {
  options.ca_file.clear();
  const auto response = post("/there");
  BOOST_TEST(response.status == 0);
  BOOST_TEST(response.error.find("certificate") != std::string::npos, response.error);
  BOOST_TEST(led == 0);
}

BOOST_AUTO_TEST_CASE(a_redirect_is_not_followed) {
  const auto response = post("/moved");
  BOOST_TEST(response.status == 307, response.error);
  BOOST_TEST(led == 0);
}

BOOST_AUTO_TEST_CASE(of_a_huge_answer_the_status_counts_and_little_is_read) {
  const auto response = post("/huge");
  BOOST_TEST(response.status == 200, response.error);
  // The connection was ended in the midst of it.
  BOOST_TEST(tests::eventually([&] { return server.telemetry.connections_open == 0U; }));
  BOOST_TEST(post("/hook").status == 204);
}

BOOST_AUTO_TEST_SUITE_END()
