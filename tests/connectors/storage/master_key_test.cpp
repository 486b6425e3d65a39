#include "connectors/node/system_clock.hpp"
#include "connectors/node/system_entropy.hpp"
#include "connectors/storage/master_key.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

namespace muster::tests {

namespace fs = std::filesystem;
using connectors::load_master_key;
using connectors::load_or_make_master_key;
using connectors::parse_master_key;
using engine::errc;

BOOST_AUTO_TEST_SUITE(master_key)

BOOST_AUTO_TEST_CASE(a_key_is_made_once_and_for_its_owner_only) {
  const temporary_directory scratch;
  fake_entropy entropy;
  const auto file = scratch / "secrets/master.key";
  const auto made = load_or_make_master_key(file, entropy);
  BOOST_REQUIRE(made);
  BOOST_TEST((fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write)));
  BOOST_TEST(read_file(file) == events::to_base64(made->bytes()) + "\n");
  BOOST_TEST(load_or_make_master_key(file, entropy)->bytes() == made->bytes());
  BOOST_TEST(load_master_key(file)->bytes() == made->bytes());
  BOOST_TEST(std::distance(fs::directory_iterator(scratch / "secrets"), {}) == 1);
}

BOOST_AUTO_TEST_CASE(a_file_that_others_can_read_is_refused) {
  const temporary_directory scratch;
  fake_entropy entropy;
  const auto file = scratch / "master.key";
  BOOST_REQUIRE(load_or_make_master_key(file, entropy));
  for (const auto open : {fs::perms::others_read, fs::perms::group_read, fs::perms::others_write}) {
    fs::permissions(file, fs::perms::owner_read | open);
    const auto refused = load_or_make_master_key(file, entropy);
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().code == errc::denied));
    BOOST_TEST(refused.error().text.find("chmod 600 " + file.string()) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_key_is_refused_with_the_reason) {
  const temporary_directory scratch;
  const auto file = scratch / "master.key";
  BOOST_TEST((load_master_key(file).error().code == errc::not_found));
  const auto refusal = [&](std::string_view text) {
    write_file(file, text);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    const auto loaded = load_master_key(file);
    BOOST_REQUIRE(!loaded);
    BOOST_TEST((loaded.error().code == errc::invalid));
    return loaded.error().text;
  };
  BOOST_TEST(refusal("").find("0 bytes instead of 32") != std::string::npos);
  BOOST_TEST(refusal(events::to_base64(std::string(31, 'k'))).find("31 bytes instead of 32") != std::string::npos);
  BOOST_TEST(refusal("no base64!").find("not base64") != std::string::npos);
  BOOST_TEST(refusal(events::to_base64(std::string(32, 'k')) + "\n\n").find("not base64") != std::string::npos);
  BOOST_TEST(!load_master_key(scratch.path()));
}

BOOST_AUTO_TEST_CASE(a_key_can_be_given_as_text) {
  const std::string bytes(32, 'k');
  BOOST_TEST(parse_master_key(events::to_base64(bytes))->bytes() == bytes);
  BOOST_TEST(parse_master_key(events::to_base64(bytes) + "\n")->bytes() == bytes);
}

BOOST_AUTO_TEST_CASE(a_fingerprint_tells_keys_apart_and_never_changes) {
  const engine::data_key key(std::string(32, 'k'));
  BOOST_TEST((connectors::fingerprint_of(key) != connectors::fingerprint_of(engine::data_key(std::string(32, 'l')))));
  // Computed once with: printf TEXT | openssl dgst -sha256 -hmac KEY -binary | openssl dgst -sha256
  BOOST_TEST(events::to_hex(events::as_bytes(connectors::fingerprint_of(key))) ==
             "3b1e5d3d3051f2d5fe4a7e0cfb39ad2b5ab4cf2cde25d6ec4fce2cebb9d34149");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(system_sources)

BOOST_AUTO_TEST_CASE(the_clock_goes_forward_and_random_bytes_differ) {
  const connectors::system_clock clock;
  const auto before = clock.now();
  BOOST_TEST((clock.now() >= before));
  BOOST_TEST((before > std::chrono::sys_days(std::chrono::January / 1 / 2026) - std::chrono::years(2)));
  connectors::system_entropy entropy;
  std::set<std::string> drawn;
  for (int i = 0; i < 100; ++i) drawn.insert(entropy.draw(32));
  BOOST_TEST(drawn.size() == 100U);
  BOOST_TEST(entropy.draw(0).empty());
}

BOOST_AUTO_TEST_CASE(a_uuid_has_its_version_and_variant_and_is_lower_case) {
  fake_entropy entropy;
  for (int i = 0; i < 100; ++i) {
    const auto uuid = entropy.draw_uuid();
    BOOST_TEST(uuid.size() == 36U);
    BOOST_TEST(uuid[8] == '-');
    BOOST_TEST(uuid[23] == '-');
    BOOST_TEST(uuid[14] == '4');
    BOOST_TEST(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
    BOOST_TEST(uuid == events::to_lower(uuid));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
