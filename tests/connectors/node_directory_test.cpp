#include "connectors/node_directory.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using connectors::find_node;
using connectors::node_address;
using engine::errc;

struct fixture {
  tests::temporary_directory directory;
  tests::fake_entropy entropy;
  connectors::node_config config;

  fixture() { config.data = directory.path(); }

  std::string found(const node_address& given) const {
    const auto address = find_node(config.data, given);
    return address ? address->url + " " + address->ca + " " + address->token : address.error().text;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_directory, fixture)

BOOST_AUTO_TEST_CASE(what_is_given_prevails_over_the_files_of_the_node) {
  BOOST_REQUIRE(connectors::write_node_file(config, {"https://127.0.0.1:1", "/its/ca.pem", {}}).has_value());
  tests::write_file(directory / "operator.token", "admins\n");
  BOOST_TEST(found({}) == "https://127.0.0.1:1 /its/ca.pem admins");
  BOOST_TEST(found({{}, {}, "anns"}) == "https://127.0.0.1:1 /its/ca.pem anns");
  BOOST_TEST(found({{}, "/other.pem", {}}) == "https://127.0.0.1:1 /other.pem admins");
  BOOST_TEST(found({"https://far:2", {}, "anns"}) == "https://far:2  anns");
  std::filesystem::remove(directory / "operator.token");
  BOOST_TEST(found({{}, {}, "anns"}) == "https://127.0.0.1:1 /its/ca.pem anns");
  BOOST_TEST(found({}).ends_with("operator.token cannot be read: only the node's owner may"));
}

BOOST_AUTO_TEST_CASE(where_no_node_serves_there_is_an_address_only_if_one_is_given) {
  BOOST_TEST((find_node(config.data, {{}, {}, "anns"}).error().code == errc::not_found));
  BOOST_TEST(found({"https://far:2", "/ca.pem", "anns"}) == "https://far:2 /ca.pem anns");
}

BOOST_AUTO_TEST_SUITE_END()
