#include "engine/sealing.hpp"
#include "events/bytes.hpp"
#include "tests/support/fake_entropy.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace muster;
using namespace muster::engine;

namespace {

const auto stream = *events::stream_name::parse("0ne00000001/devices/dev-1");
const auto other_stream = *events::stream_name::parse("0ne00000002/devices/dev-1");

std::string bytes(std::string_view hex) {
  return *events::from_hex(hex);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sealing)

BOOST_AUTO_TEST_CASE(what_was_sealed_opens_again) {
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  for (const auto& text : {std::string(), std::string("a"), std::string("a secret"), std::string(100'000, '\0')}) {
    const auto box = seal(key, stream, "payload", text, random);
    BOOST_TEST((box.key == key.id));
    BOOST_TEST(box.box.size() == text.size() + 28);
    BOOST_TEST((unseal(key.key, stream, "payload", box) == text));
  }
}

BOOST_AUTO_TEST_CASE(a_box_opens_only_where_it_was_made) {
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  const auto box = seal(key, stream, "primaryKey", "a secret", random);
  BOOST_TEST(!unseal(fresh_key(random).key, stream, "primaryKey", box).has_value());
  BOOST_TEST(!unseal(key.key, other_stream, "primaryKey", box).has_value());
  const auto elsewhere = unseal(key.key, stream, "secondaryKey", box);
  BOOST_TEST_REQUIRE(!elsewhere.has_value());
  BOOST_TEST((elsewhere.error().code == errc::corrupt));
  BOOST_TEST(elsewhere.error().text == "the sealed field 'secondaryKey' of 0ne00000001/devices/dev-1 does not open");
}

BOOST_AUTO_TEST_CASE(where_stream_ends_and_field_begins_cannot_be_shifted) {
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  const auto box = seal(key, *events::stream_name::parse("0ne00000001/devices/a"), "bc", "a secret", random);
  BOOST_TEST(!unseal(key.key, *events::stream_name::parse("0ne00000001/devices/ab"), "c", box).has_value());
}

BOOST_AUTO_TEST_CASE(a_box_that_was_changed_in_any_byte_does_not_open) {
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  const auto box = seal(key, stream, "payload", "a secret", random);
  for (std::size_t i = 0; i < box.box.size(); ++i) {
    auto changed = box;
    changed.box[i] = static_cast<char>(changed.box[i] ^ 1);
    BOOST_TEST(!unseal(key.key, stream, "payload", changed).has_value(), i);
    auto cut = box;
    cut.box.resize(i);
    BOOST_TEST(!unseal(key.key, stream, "payload", cut).has_value(), i);
  }
  auto longer = box;
  longer.box += '\0';
  BOOST_TEST(!unseal(key.key, stream, "payload", longer).has_value());
}

BOOST_AUTO_TEST_CASE(equal_texts_have_different_boxes) {
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  std::set<std::string> boxes;
  for (int i = 0; i < 100; ++i) boxes.insert(seal(key, stream, "payload", "a secret", random).box);
  BOOST_TEST(boxes.size() == 100U);
}

// NIST SP 800-38D test case 16 (McGrew and Viega): AES-256-GCM with associated data.
BOOST_AUTO_TEST_CASE(encryption_is_aes_256_gcm) {
  const data_key key(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const auto nonce = bytes("cafebabefacedbaddecaf888");
  const auto associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const auto plaintext = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
      "57ba637b39");
  const auto box = encrypt(key, nonce, associated, plaintext);
  BOOST_TEST(events::to_hex(box) == "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7"
                                    "b08b1056828838c5f61e6393ba7a0abcc9f662"
                                    "76fc6ece0f4e1768cddf8853bb2d551b");
  BOOST_TEST((decrypt(key, nonce, associated, box) == plaintext));
  BOOST_TEST(!decrypt(key, nonce, "", box).has_value());
  BOOST_TEST(!decrypt(key, nonce.substr(1), associated, box).has_value());
  BOOST_TEST(!decrypt(key, nonce, associated, "").has_value());
}

// RFC 4231, test cases 1 to 4, 6 and 7.
BOOST_AUTO_TEST_CASE(a_prepared_key_signs_texts_in_parts_as_the_bare_key_signs_them_whole) {
  for (const std::size_t size : {0, 1, 32, 63, 64, 65, 200}) {
    const hmac_key key(std::string(size, 'k'));
    for (const std::size_t length : {0, 1, 55, 56, 64, 119, 300}) {
      const std::string text(length, 't');
      const auto code = key.sign({std::string_view(text).substr(0, length / 3), "", text.substr(length / 3)});
      BOOST_TEST(events::as_bytes(code) == hmac_sha256(std::string(size, 'k'), text));
    }
  }
}

BOOST_AUTO_TEST_CASE(hmac_matches_the_vectors_of_rfc_4231) {
  const auto hmac = [](const std::string& key, const std::string& text) {
    return events::to_hex(hmac_sha256(key, text));
  };
  BOOST_TEST(hmac(std::string(20, '\x0b'), "Hi There") ==
             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  BOOST_TEST(hmac("Jefe", "what do ya want for nothing?") ==
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  BOOST_TEST(hmac(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
             "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  BOOST_TEST(hmac(bytes("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd')) ==
             "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  BOOST_TEST(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  BOOST_TEST(hmac(std::string(131, '\xaa'), "This is a test using a larger than block-size key and a larger than "
                                            "block-size data. The key needs to be hashed before "
                                            "being used by the HMAC algorithm.") ==
             "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

BOOST_AUTO_TEST_CASE(an_empty_key_is_not_the_key_used_before) {
  const std::string expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  hmac_sha256("another key", "");
  BOOST_TEST(events::to_hex(hmac_sha256({}, "")) == expected);
  hmac_sha256("another key", "");
  BOOST_TEST(events::to_hex(hmac_sha256("", "")) == expected);
}

BOOST_AUTO_TEST_CASE(secrets_are_equal_if_every_byte_is) {
  BOOST_TEST(equal_secrets("", ""));
  BOOST_TEST(equal_secrets("abc", "abc"));
  BOOST_TEST(!equal_secrets("abc", "abd"));
  BOOST_TEST(!equal_secrets("abc", "ab"));
  BOOST_TEST(!equal_secrets(std::string("a\0b", 3), std::string("a\0c", 3)));
}

BOOST_AUTO_TEST_CASE(both_keys_of_an_entry_open_in_their_own_places_only) {
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  const auto sealed = seal_keys(key, stream, {"first", "second"}, random);
  const auto opened = unseal_keys(key.key, stream, sealed);
  BOOST_TEST_REQUIRE(opened.has_value());
  BOOST_TEST(opened->primary == "first");
  BOOST_TEST(opened->secondary == "second");
  BOOST_TEST(!unseal_keys(key.key, stream, {sealed.secondary, sealed.primary}).has_value());
}

BOOST_AUTO_TEST_CASE(fresh_keys_differ) {
  tests::fake_entropy random;
  const auto first = fresh_key(random);
  const auto second = fresh_key(random);
  BOOST_TEST((first.id != second.id));
  BOOST_TEST(first.key.bytes() != second.key.bytes());
  BOOST_TEST(first.key.bytes().size() == 32U);
}

BOOST_AUTO_TEST_CASE(a_drawn_uuid_is_of_version_4) {
  tests::fake_entropy random;
  for (int i = 0; i < 100; ++i) {
    const auto uuid = random.draw_uuid();
    BOOST_TEST_REQUIRE(uuid.size() == 36U);
    BOOST_TEST(uuid[14] == '4');
    BOOST_TEST(std::string("89ab").find(uuid[19]) != std::string::npos);
    for (const std::size_t hyphen : {8, 13, 18, 23}) BOOST_TEST(uuid[hyphen] == '-');
  }
}

BOOST_AUTO_TEST_SUITE_END()
