#include "connectors/https/tls_context.hpp"
#include "connectors/https/tls_identity.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using connectors::ensure_tls_identity;
using connectors::tls_context;
using std::chrono::days;

namespace {

struct fixture {
  tests::temporary_directory directory;
  tests::fake_clock clock;
  tests::fake_entropy entropy;
  std::vector<std::string> names = {"localhost", "127.0.0.1"};

  engine::result<void> ensure() {
    const auto made = ensure_tls_identity(directory / "tls", names, clock, entropy);
    if (!made) return std::unexpected(made.error());
    return {};
  }
  std::string file(const std::string& name) const { return tests::read_file(directory / "tls" / name); }
  auto permissions(const std::string& name) const {
    return std::filesystem::status(directory / "tls" / name).permissions();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tls_context_, fixture)

BOOST_AUTO_TEST_CASE(the_first_start_makes_a_ca_and_a_server_certificate_and_the_second_keeps_them) {
  BOOST_REQUIRE(ensure());
  const auto ca = file("ca.pem");
  const auto server = file("server.pem");
  BOOST_TEST(ca.starts_with("-----BEGIN CERTIFICATE-----"));
  BOOST_TEST(server.starts_with("-----BEGIN CERTIFICATE-----"));
  using std::filesystem::perms;
  BOOST_TEST((permissions("ca.key") == (perms::owner_read | perms::owner_write)));
  BOOST_TEST((permissions("server.key") == (perms::owner_read | perms::owner_write)));
  BOOST_REQUIRE(ensure());
  BOOST_TEST(file("ca.pem") == ca);
  BOOST_TEST(file("server.pem") == server);
}

BOOST_AUTO_TEST_CASE(clients_are_told_of_the_ca_by_a_path_that_holds_in_every_directory) {
  const auto here = std::filesystem::relative(directory / "tls");
  const auto context = tls_context::open({.directory = here, .names = names}, clock, entropy);
  BOOST_TEST_REQUIRE(context.has_value());
  BOOST_TEST((*context)->ca_file().is_absolute());
  BOOST_TEST(std::filesystem::exists((*context)->ca_file()));
}

BOOST_AUTO_TEST_CASE(a_server_certificate_is_renewed_when_less_than_thirty_days_are_left_and_the_ca_stays) {
  BOOST_REQUIRE(ensure());
  const auto ca = file("ca.pem");
  const auto server = file("server.pem");
  clock.advance(days(794));
  BOOST_REQUIRE(ensure());
  BOOST_TEST(file("server.pem") == server);
  clock.advance(days(2));
  BOOST_REQUIRE(ensure());
  BOOST_TEST(file("server.pem") != server);
  BOOST_TEST(file("ca.pem") == ca);
}

BOOST_AUTO_TEST_CASE(other_names_need_another_server_certificate) {
  BOOST_REQUIRE(ensure());
  const auto server = file("server.pem");
  names = {"127.0.0.1", "localhost"};
  BOOST_REQUIRE(ensure());
  BOOST_TEST(file("server.pem") == server);
  names.push_back("provisioning.example.com");
  BOOST_REQUIRE(ensure());
  BOOST_TEST(file("server.pem") != server);
}

BOOST_AUTO_TEST_CASE(a_lost_server_key_is_made_anew) {
  BOOST_REQUIRE(ensure());
  std::filesystem::remove(directory / "tls" / "server.key");
  BOOST_REQUIRE(ensure());
  BOOST_TEST(!file("server.key").empty());
}

BOOST_AUTO_TEST_CASE(the_ca_key_may_be_elsewhere_until_something_has_to_be_signed) {
  BOOST_REQUIRE(ensure());
  const auto key = file("ca.key");
  std::filesystem::remove(directory / "tls" / "ca.key");
  BOOST_TEST(ensure().has_value());
  names.push_back("new.example.com");
  const auto refused = ensure();
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().text.find("ca.key") != std::string::npos);
  tests::write_file(directory / "tls" / "ca.key", key);
  BOOST_TEST(ensure().has_value());
}

BOOST_AUTO_TEST_CASE(a_damaged_or_expired_ca_is_an_error_and_nothing_is_replaced) {
  BOOST_REQUIRE(ensure());
  const auto server = file("server.pem");
  const auto ca = file("ca.pem");
  tests::write_file(directory / "tls" / "ca.pem", "damaged");
  BOOST_TEST(!ensure());
  tests::write_file(directory / "tls" / "ca.pem", ca);
  clock.advance(days(3700));
  BOOST_TEST(!ensure());
  BOOST_TEST(file("server.pem") == server);
}

BOOST_AUTO_TEST_CASE(a_name_that_cannot_stand_in_a_certificate_is_refused) {
  for (const std::string name : {"", "a b", "a,DNS:evil", "x/y"}) {
    names = {name};
    BOOST_TEST(!ensure(), name);
  }
}

BOOST_AUTO_TEST_CASE(services_have_names_below_each_dns_name) {
  const auto made = connectors::server_names({"DPS.example", "10.0.0.1", "*.other.example", "::2"});
  const std::vector<std::string> last(made.end() - 5, made.end());
  const std::vector<std::string> expected = {"dps.example", "*.dps.example", "10.0.0.1", "*.other.example", "::2"};
  BOOST_TEST(last == expected, boost::test_tools::per_element());
  names = made;
  BOOST_TEST(ensure().has_value());
}

BOOST_AUTO_TEST_CASE(given_files_are_used_and_wrong_ones_at_a_reload_change_nothing) {
  BOOST_REQUIRE(ensure());
  const auto certificate = directory / "given.pem";
  const auto key = directory / "given.key";
  tests::write_file(certificate, file("server.pem"));
  tests::write_file(key, file("server.key"));
  auto context = tls_context::open({.directory = {}, .names = {}, .certificate_file = certificate, .key_file = key},
                                   clock, entropy);
  BOOST_REQUIRE(context);
  const auto before = (*context)->current();
  BOOST_TEST((*context)->ca_file().empty());

  tests::write_file(key, file("ca.key"));
  const auto mismatched = (*context)->reload();
  BOOST_REQUIRE(!mismatched);
  BOOST_TEST(mismatched.error().text.find("given.key") != std::string::npos);
  tests::write_file(key, "");
  BOOST_TEST(!(*context)->reload());
  std::filesystem::remove(certificate);
  BOOST_TEST(!(*context)->reload());
  BOOST_TEST((*context)->current() == before);

  tests::write_file(certificate, file("server.pem"));
  tests::write_file(key, file("server.key"));
  BOOST_TEST((*context)->reload().has_value());
  BOOST_TEST((*context)->current() != before);
}

BOOST_AUTO_TEST_CASE(a_certificate_without_a_key_is_refused) {
  BOOST_TEST(
      !tls_context::open({.directory = {}, .names = {}, .certificate_file = "a.pem", .key_file = {}}, clock, entropy));
}

BOOST_AUTO_TEST_SUITE_END()
