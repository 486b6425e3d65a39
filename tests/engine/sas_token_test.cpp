#include "engine/attestation/sas_token.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using engine::percent_decode;
using engine::sas_token;

namespace {

const std::string key_of_ones(32, '\1');
const std::string prefix = "SharedAccessSignature ";

/// The token with `sig` as it is.
std::string token(std::string_view sr, std::string_view sig, std::string_view se, std::string_view rest = "") {
  return prefix + "sr=" + std::string(sr) + "&sig=" + std::string(sig) + "&se=" + std::string(se) + std::string(rest);
}

void check_vector(std::string_view key, std::string_view sr, std::string_view sig, std::string_view se,
                  std::string_view resource) {
  BOOST_TEST_CONTEXT(sr) {
    const auto read = sas_token::parse(token(sr, sig, se));
    BOOST_TEST_REQUIRE(read.has_value());
    BOOST_TEST(read->resource == resource);
    BOOST_TEST(read->signed_resource == sr);
    BOOST_TEST(read->signed_by(key));
    BOOST_TEST(!read->signed_by(std::string(32, '\2')));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sas_tokens)

// Captured from the vendor's SDKs: key of 32 bytes 0x01.
BOOST_AUTO_TEST_CASE(a_device_token_is_verified_over_the_resource_as_it_stands_in_the_token) {
  const auto resource = "0ne00000001/registrations/Sym-Dev.1";
  const auto se = "1795229590";
  check_vector(key_of_ones, resource, "ab/Cu/vl/xaK4eCsFh/liZHaEgS9pdLPFtZuJYAPxKw=", se, resource);
  check_vector(key_of_ones, "0ne00000001%2Fregistrations%2FSym-Dev.1",
               "jPK0RnWYCbflP4tNqvociMScVyyKuKP6GfQK0hrL4eA=", se, resource);
  check_vector(key_of_ones, "0ne00000001%2fregistrations%2fSym-Dev.1",
               "7G9J/OFyhZJsGgLs0j9MQmx+gRqzuC+bt6EbaoQVa1E=", se, resource);
}

BOOST_AUTO_TEST_CASE(a_service_token_is_verified_alike) {
  check_vector(key_of_ones, "My-DPS.azure-devices-provisioning.net",
               "sG24yFrHOgIoMWtHRdXo7MFaxYFhl03Dv0JvXtX5a24=", "1795229360", "My-DPS.azure-devices-provisioning.net");
  const auto key = *events::from_base64("dGhpcy1pcy1hLXRlc3Qta2V5LW9mLTMyLWJ5dGVzISE=");
  check_vector(key, "my-dps.azure-devices-provisioning.net",
               "GTZFx9vohhFJKW80HHtkRlurMtjzX/BIwumytgfetfo=", "2000000000", "my-dps.azure-devices-provisioning.net");
  check_vector(key, "my-dps.azure-devices-provisioning.net%2fenrollments",
               "ddCTnRLWv4r0SBv/Q3LO35dlP9zLoyPRpNlzbdEmyEI=", "2000000000",
               "my-dps.azure-devices-provisioning.net/enrollments");
}

BOOST_AUTO_TEST_CASE(the_token_of_every_sdk_is_read) {
  const auto sr = std::string("0ne00000001/registrations/Sym-Dev.1");
  const auto raw = std::string("ab/Cu/vl/xaK4eCsFh/liZHaEgS9pdLPFtZuJYAPxKw=");
  const auto upper = std::string("ab%2FCu%2Fvl%2FxaK4eCsFh%2FliZHaEgS9pdLPFtZuJYAPxKw%3D");
  const auto lower = std::string("ab%2fCu%2fvl%2fxaK4eCsFh%2fliZHaEgS9pdLPFtZuJYAPxKw%3d");
  const std::string tokens[] = {
      prefix + "sr=" + sr + "&sig=" + upper + "&skn=registration&se=1795229590",  // Node
      prefix + "sr=" + sr + "&sig=" + upper + "&se=1795229590",                   // Python
      prefix + "sr=" + sr + "&sig=" + lower + "&se=1795229590&skn=registration",  // C
      prefix + "sr=" + sr + "&sig=" + upper + "&se=1795229590&skn=",              // Java
      prefix + "se=1795229590&skn=registration&sig=" + raw + "&sr=" + sr,         // any order, signature unescaped
      "sharedaccesssignature sr=" + sr + "&sig=" + raw + "&se=1795229590&later=1",
  };
  for (const auto& text : tokens) {
    const auto read = sas_token::parse(text);
    BOOST_TEST_REQUIRE(read.has_value(), text);
    BOOST_TEST(read->resource == sr);
    BOOST_TEST(read->signed_by(key_of_ones), text);
    BOOST_TEST((read->expiry == events::timestamp(std::chrono::seconds(1795229590))));
  }
}

BOOST_AUTO_TEST_CASE(the_key_name_may_be_given_empty_or_left_out) {
  BOOST_TEST(sas_token::parse(token("r", "AAAA", "1"))->key_name == "");
  BOOST_TEST(sas_token::parse(token("r", "AAAA", "1", "&skn="))->key_name == "");
  BOOST_TEST(sas_token::parse(token("r", "AAAA", "1", "&skn=a%20b"))->key_name == "a b");
}

BOOST_AUTO_TEST_CASE(a_parameter_that_comes_twice_is_refused) {
  for (const auto* twice : {"&sr=r", "&sig=AAAA", "&se=1", "&sr=", "&se="})
    BOOST_TEST(!sas_token::parse(token("r", "AAAA", "1", twice)).has_value(), twice);
  BOOST_TEST(!sas_token::parse(token("r", "AAAA", "1", "&skn=a&skn=a")).has_value());
}

BOOST_AUTO_TEST_CASE(a_parameter_that_is_missing_is_refused) {
  for (const auto* rest : {"sr=r&sig=AAAA", "sr=r&se=1", "sig=AAAA&se=1", "", "sr", "sr=r"})
    BOOST_TEST(!sas_token::parse(prefix + rest).has_value(), rest);
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused) {
  for (const auto& text : {std::string(), std::string("SharedAccessSignature"), std::string("SharedAccessSignature "),
                           std::string("Bearer abc"), std::string("sr=r&sig=AAAA&se=1"),
                           std::string("SharedAccessSignature\tsr=r&sig=AAAA&se=1"), prefix + "&sr=r&sig=AAAA&se=1",
                           prefix + "sr=r&&sig=AAAA&se=1", prefix + "sr=r&sig=AAAA&se=1&more"}) {
    BOOST_TEST(!sas_token::parse(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(an_expiry_that_is_no_time_is_refused) {
  for (const auto* se : {"", "-1", "+1", " 1", "1 ", "1.5", "1e9", "0x1", "soon", "253402300800", "9223372036854775808",
                         "99999999999999999999"}) {
    BOOST_TEST(!sas_token::parse(token("r", "AAAA", se)).has_value(), se);
  }
  BOOST_TEST(sas_token::parse(token("r", "AAAA", "0")).has_value());
  BOOST_TEST(sas_token::parse(token("r", "AAAA", "253402300799")).has_value());
}

BOOST_AUTO_TEST_CASE(a_signature_that_is_no_base64_is_refused) {
  for (const auto* sig : {"AAA", "A", "AA AA", "AAA%3", "AAA%zz", "AA%", "====", "AAA-"})
    BOOST_TEST(!sas_token::parse(token("r", sig, "1")).has_value(), sig);
}

BOOST_AUTO_TEST_CASE(an_empty_or_short_signature_is_nobodys) {
  for (const auto* sig : {"", "AAAA"}) {
    const auto read = sas_token::parse(token("r", sig, "1"));
    BOOST_TEST((!read || !read->signed_by(key_of_ones)));
  }
}

BOOST_AUTO_TEST_CASE(a_token_longer_than_4096_bytes_is_refused) {
  const auto fixed = token("", "AAAA", "1").size();
  BOOST_TEST(sas_token::parse(token(std::string(4096 - fixed, 'r'), "AAAA", "1")).has_value());
  BOOST_TEST(!sas_token::parse(token(std::string(4097 - fixed, 'r'), "AAAA", "1")).has_value());
}

BOOST_AUTO_TEST_CASE(percent_escapes_are_decoded_once_and_in_either_case) {
  BOOST_TEST((percent_decode("") == std::string()));
  BOOST_TEST((percent_decode("a%3Ab%3ac") == std::string("a:b:c")));
  BOOST_TEST((percent_decode("%41") == std::string("A")));
  BOOST_TEST((percent_decode("%2541") == std::string("%41")));
  BOOST_TEST((percent_decode("a+b") == std::string("a+b")));
  BOOST_TEST((percent_decode("%00%ff") == std::string("\0\xff", 2)));
  for (const auto* text : {"%", "%4", "a%", "%g1", "%1g", "%%41", "% 41", "%-1"})
    BOOST_TEST(!percent_decode(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()
