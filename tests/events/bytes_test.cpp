#include "events/bytes.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace muster::events;

namespace {

std::string hash_of(std::string_view first, std::string_view second = {}) {
  return to_hex(as_bytes(sha256(first, second)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(sha256_matches_the_vectors_of_fips_180) {
  BOOST_TEST(hash_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  BOOST_TEST(hash_of(std::string(1'000'000, 'a')) ==
             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

BOOST_AUTO_TEST_CASE(sha256_of_two_parts_is_that_of_both_together) {
  BOOST_TEST(hash_of("ab", "c") == hash_of("abc"));
  BOOST_TEST(hash_of("", "abc") == hash_of("abc"));
}

// RFC 3720, appendix B.4.
BOOST_AUTO_TEST_CASE(crc32c_matches_the_vectors_of_rfc_3720) {
  std::string up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  BOOST_TEST(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  BOOST_TEST(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
  BOOST_TEST(crc32c(up) == 0x46dd794eU);
  BOOST_TEST(crc32c(down) == 0x113fdb5cU);
  BOOST_TEST(crc32c("123456789") == 0xe3069283U);
  BOOST_TEST(crc32c("") == 0U);
}

BOOST_AUTO_TEST_CASE(hexadecimal_is_written_in_lower_case_and_read_in_either) {
  BOOST_TEST(to_hex(std::string("\x00\x7f\xff", 3)) == "007fff");
  BOOST_TEST((from_hex("007Fff") == std::string("\x00\x7f\xff", 3)));
  BOOST_TEST((from_hex("") == std::string()));
  for (const auto* text : {"0", "0g", "0x", " 0", "00 ", "-1", "+1"}) BOOST_TEST(!from_hex(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(hexadecimal_of_another_size_does_not_fill_an_array) {
  std::array<std::uint8_t, 2> out{};
  BOOST_TEST(from_hex("01fe", out));
  BOOST_TEST(out[0] == 0x01);
  BOOST_TEST(out[1] == 0xfe);
  BOOST_TEST(!from_hex("01fe00", out));
  BOOST_TEST(!from_hex("01", out));
}

// RFC 4648, section 10.
BOOST_AUTO_TEST_CASE(base64_matches_the_vectors_of_rfc_4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    BOOST_TEST(to_base64(bytes) == text);
    BOOST_TEST((from_base64(text) == bytes), text);
  }
}

BOOST_AUTO_TEST_CASE(base64_reads_back_every_byte_and_every_length) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    BOOST_TEST((from_base64(to_base64(bytes)) == bytes));
    bytes += static_cast<char>(i);
  }
}

BOOST_AUTO_TEST_CASE(base64_that_is_not_strict_is_refused) {
  for (const auto* text : {"Z", "Zg", "Zg=", "Zm8", "Zg==\n", "Zm9v\n", "Zm 9", " Zm9", "Zm9v====", "====", "=",
                           "Z===", "Zg=a", "=Zm9", "Zg==Zg==", "Zm-v", "Zm_v", "Zm9v.", "Zm9\xc3"}) {
    BOOST_TEST(!from_base64(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(base64_with_stray_bits_is_refused_so_that_bytes_have_one_text) {
  BOOST_TEST(!from_base64("Zh==").has_value());
  BOOST_TEST(!from_base64("Zm9=").has_value());
  std::set<std::string> seen;
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char second : digits) {
    if (const auto bytes = from_base64(std::string("Z") + second + "==")) BOOST_TEST(seen.insert(*bytes).second);
  }
  BOOST_TEST(seen.size() == 4U);
}

BOOST_AUTO_TEST_CASE(lower_case_is_ascii_only) {
  BOOST_TEST(to_lower("AZaz09-\xc3\x84") == "azaz09-\xc3\x84");
}

BOOST_AUTO_TEST_CASE(a_wiped_secret_is_empty) {
  std::string secret = "a secret that is longer than what a string holds in itself";
  wipe(secret);
  BOOST_TEST(secret.empty());
}

BOOST_AUTO_TEST_SUITE_END()
