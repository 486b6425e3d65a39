#include "connectors/node/node_directory.hpp"
#include "events/bytes.hpp"
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

BOOST_AUTO_TEST_CASE(a_directory_without_an_embedded_journal_has_none_to_move) {
  config.data = directory / "nosuch";
  const auto there = connectors::check_journal_embedded(config);
  BOOST_REQUIRE(!there);
  BOOST_TEST((there.error().code == errc::not_found));
  BOOST_TEST(there.error().text.contains("there is no embedded journal in " + config.data.string()));
  std::filesystem::create_directories(config.data / "journal");
  BOOST_TEST(connectors::check_journal_embedded(config).has_value());
}

BOOST_AUTO_TEST_CASE(a_history_that_was_moved_is_not_served_from_here_unless_the_mark_is_removed) {
  BOOST_TEST(connectors::check_journal_not_moved(config).has_value());
  std::filesystem::create_directories(directory / "projections");
  BOOST_REQUIRE(connectors::close_moved_journal(config));
  BOOST_TEST(!std::filesystem::exists(directory / "projections"));
  const auto moved = connectors::check_journal_not_moved(config);
  BOOST_REQUIRE(!moved);
  BOOST_TEST((moved.error().code == errc::conflict));
  BOOST_TEST(moved.error().text.contains("remove " + (directory / "journal.moved").string() + " and " +
                                         (directory / "projections").string()));
  std::filesystem::remove(directory / "journal.moved");
  BOOST_TEST(connectors::check_journal_not_moved(config).has_value());
}

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

BOOST_AUTO_TEST_CASE(a_master_key_that_is_missing_beside_what_it_opens_is_not_replaced) {
  const auto made = connectors::master_key_of(config, {}, true, entropy);
  BOOST_REQUIRE(made.has_value());
  for (const std::string part : {"keyring", "journal", "keyring-copy"}) {
    std::filesystem::create_directory(directory / part);
    BOOST_TEST(connectors::master_key_of(config, {}, true, entropy)->bytes() == made->bytes());
    std::filesystem::rename(directory / "master.key", directory / "elsewhere");
    for (const bool create : {true, false}) {
      const auto refused = connectors::master_key_of(config, {}, create, entropy);
      BOOST_REQUIRE(!refused);
      BOOST_TEST((refused.error().code == errc::not_found));
      BOOST_TEST(refused.error().text.starts_with("the master key file " + (directory / "master.key").string() +
                                                  " is missing, and " + (directory / part).string()));
    }
    BOOST_TEST(!std::filesystem::exists(directory / "master.key"));
    const auto text = events::to_base64(made->bytes());
    BOOST_TEST(connectors::master_key_of(config, text, true, entropy)->bytes() == made->bytes());
    std::filesystem::rename(directory / "elsewhere", directory / "master.key");
    std::filesystem::remove(directory / part);
  }
}

BOOST_AUTO_TEST_SUITE_END()
