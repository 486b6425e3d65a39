#include "connectors/cli/https_client.hpp"
#include "connectors/node/system_clock.hpp"
#include "tests/support/https_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;

/// A server whose certificate holds at the time that libcurl checks it by.
struct fixture {
  tests::https_fixture server{{}, tests::echo, connectors::system_clock().now()};
  connectors::https_client client{"https://localhost:" + std::to_string(server.server->port()),
                                  server.tls->ca_file().string()};

  std::string told(const std::string& method, const std::string& path) {
    const auto response = client.send(method, path, {});
    BOOST_REQUIRE_MESSAGE(response, (response ? "" : response.error().text));
    return response->body.substr(0, response->body.find(" host="));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(https_client_, fixture)

BOOST_AUTO_TEST_CASE(a_path_is_sent_as_it_is) {
  BOOST_TEST(told("DELETE", "/hubs/hub1/devices/..") == "DELETE [hubs][hub1][devices][..]");
  BOOST_TEST(told("PUT", "/enrollments/.") == "PUT [enrollments][.]");
  BOOST_TEST(told("GET", "/a/%2E%2e/b?x=..") == "GET [a][..][b]");
  BOOST_TEST(told("GET", "/./../a") == "GET [.][..][a]");
}

BOOST_AUTO_TEST_CASE(a_followed_path_is_sent_as_it_is) {
  std::string body;
  const auto ended = client.follow("/services/../events", {}, [&](std::string_view bytes) {
    body += bytes;
    return true;
  });
  BOOST_TEST(ended.has_value());
  BOOST_TEST(body.starts_with("GET [services][..][events]"), body);
}

BOOST_AUTO_TEST_SUITE_END()
