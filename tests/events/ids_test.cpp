#include "events/ids.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <type_traits>
#include <vector>

using namespace muster::events;

namespace {

template <class Name>
void check_forms(const std::vector<std::string>& accepted, const std::vector<std::string>& refused) {
  for (const auto& text : accepted) {
    BOOST_TEST_CONTEXT("'" << text << "'") {
      const auto name = Name::parse(text);
      BOOST_TEST_REQUIRE(name.has_value());
      BOOST_TEST(name->text() == text);
    }
  }
  for (const auto& text : refused) {
    BOOST_TEST_CONTEXT("'" << text << "'") {
      BOOST_TEST(!Name::parse(text).has_value());
    }
  }
}

/// The printable ASCII characters that a one-character name, between two letters, may have.
template <class Name>
std::string characters_within() {
  std::string found;
  for (int c = 0; c < 256; ++c) {
    if (Name::parse(std::string("a") + static_cast<char>(c) + "a")) found += static_cast<char>(c);
  }
  return found;
}

const std::string alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string sorted(std::string text) {
  std::ranges::sort(text);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(an_id_scope_is_0ne_and_eight_upper_case_hex_digits) {
  check_forms<id_scope>({"0ne00000000", "0neFFFFFFFF", "0ne0123ABCD"},
                        {"", "0ne", "0ne0000000", "0ne000000000", "0ne0000000g", "0neabcdef01", "0NE00000000",
                         "1ne00000000", " 0ne00000000", "0ne00000000\n", "0ne0000/000"});
}

BOOST_AUTO_TEST_CASE(a_service_name_is_3_to_50_letters_digits_and_inner_hyphens) {
  check_forms<service_name>({"abc", "a-b", "a1b", "My-DPS", "1ab", std::string(50, 'a')},
                            {"", "ab", "-ab", "ab-", "---", "123", "a.b", "a_b", "a b",
                             "a\xc3\xa4"
                             "b",
                             std::string(51, 'a')});
  BOOST_TEST(characters_within<service_name>() == sorted(alphanumeric + "-"));
}

BOOST_AUTO_TEST_CASE(a_registration_id_has_1_to_128_allowed_characters) {
  check_forms<registration_id>(
      {"a", "0", "-", "a-", ".a", "-a", "a:b.c_d-e", std::string(128, 'z')},
      {"", ".", "a.", "a_", "a:", "a/b", "a b", "a%b", std::string(129, 'z'), std::string("a\0b", 3), "d\xc3\xa9vice"});
  BOOST_TEST(characters_within<registration_id>() == sorted(alphanumeric + "-._:"));
}

BOOST_AUTO_TEST_CASE(a_group_id_follows_the_rule_of_registration_ids) {
  check_forms<group_id>({"a", "Line-7", std::string(128, 'z')}, {"", "a.", "a/b", std::string(129, 'z')});
  BOOST_TEST(characters_within<group_id>() == characters_within<registration_id>());
  BOOST_TEST(group_id::what() == "enrollment group id");
}

BOOST_AUTO_TEST_CASE(a_device_id_has_1_to_128_characters_that_iot_hub_allows) {
  check_forms<device_id>({"a", ".", "_", "'", std::string(128, '#')},
                         {"", "a/b", "a b", "a\"b", std::string(129, 'a')});
  BOOST_TEST(characters_within<device_id>() == sorted(alphanumeric + "-:.+%_#*?!(),=@$;'"));
}

BOOST_AUTO_TEST_CASE(every_registration_id_is_a_device_id) {
  for (const char c : characters_within<registration_id>()) {
    BOOST_TEST(device_id::parse(std::string(1, c)).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_hub_name_is_a_host_name) {
  const std::string label(63, 'a');
  const auto longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  BOOST_TEST(longest.size() == 253U);
  check_forms<hub_name>(
      {"h", "hub1", "Contoso.azure-devices.net", "10.0.0.1", label, longest},
      {"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a_b", "a:1", "a/b", label + "a", longest + "a"});
}

BOOST_AUTO_TEST_CASE(names_whose_letter_case_does_not_count_are_equal_in_any_spelling) {
  const auto first = registration_id::parse("Dev-A");
  const auto second = registration_id::parse("dEV-a");
  BOOST_TEST((*first == *second));
  BOOST_TEST((*first <=> *second == std::strong_ordering::equal));
  BOOST_TEST(first->key() == "dev-a");
  BOOST_TEST(first->text() == "Dev-A");
  BOOST_TEST(second->text() == "dEV-a");
  BOOST_TEST((*group_id::parse("G") == *group_id::parse("g")));
  BOOST_TEST((*hub_name::parse("HUB.example") == *hub_name::parse("hub.EXAMPLE")));
  BOOST_TEST((*service_name::parse("DEMO") == *service_name::parse("demo")));
}

BOOST_AUTO_TEST_CASE(device_ids_and_id_scopes_keep_letter_case_apart) {
  BOOST_TEST((*device_id::parse("Dev") != *device_id::parse("dev")));
  BOOST_TEST(device_id::parse("Dev")->key() == "Dev");
  BOOST_TEST(id_scope::parse("0ne000000AB")->key() == "0ne000000AB");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_assigned_another_text_has_nothing_of_the_one_before) {
  auto name = *registration_id::parse("Dev-A");
  BOOST_TEST(name.key() == "dev-a");
  BOOST_TEST(name.assign("dev-b"));
  BOOST_TEST(name.text() == "dev-b");
  BOOST_TEST(name.key() == "dev-b");
  BOOST_TEST(name.assign("DEV-B"));
  BOOST_TEST(name.text() == "DEV-B");
  BOOST_TEST(name.key() == "dev-b");
}

BOOST_AUTO_TEST_CASE(a_text_that_the_rule_refuses_leaves_the_name_as_it_was) {
  auto name = *registration_id::parse("Dev-A");
  BOOST_TEST(!name.assign("dev a"));
  BOOST_TEST(name.text() == "Dev-A");
  BOOST_TEST(name.key() == "dev-a");
}

BOOST_AUTO_TEST_CASE(a_default_constructed_name_is_a_valid_one) {
  BOOST_TEST(id_scope::parse(id_scope().text()).has_value());
  BOOST_TEST(service_name::parse(service_name().text()).has_value());
  BOOST_TEST(registration_id::parse(registration_id().text()).has_value());
  BOOST_TEST(group_id::parse(group_id().text()).has_value());
  BOOST_TEST(device_id::parse(device_id().text()).has_value());
  BOOST_TEST(hub_name::parse(hub_name().text()).has_value());
}

BOOST_AUTO_TEST_CASE(kinds_of_names_and_numbers_do_not_mix) {
  static_assert(!std::is_convertible_v<registration_id, device_id>);
  static_assert(!std::is_convertible_v<registration_id, group_id>);
  static_assert(!std::is_convertible_v<log_sequence, stream_version>);
  static_assert(!std::is_convertible_v<std::uint64_t, log_sequence>);
  BOOST_TEST(log_sequence(4).next().value() == 5U);
  BOOST_TEST((stream_version() < stream_version(1)));
}

BOOST_AUTO_TEST_CASE(streams_are_named_after_what_they_hold) {
  const auto scope = *id_scope::parse("0ne000000AB");
  BOOST_TEST(stream_name::directory().text() == "directory");
  BOOST_TEST(stream_name::service(scope).text() == "0ne000000AB/service");
  BOOST_TEST(stream_name::group(scope, *group_id::parse("Line")).text() == "0ne000000AB/groups/line");
  BOOST_TEST(stream_name::device(scope, *registration_id::parse("Dev:1")).text() == "0ne000000AB/devices/dev:1");
  BOOST_TEST(stream_name::hub_device(scope, *hub_name::parse("HUB"), *device_id::parse("Dev?")).text() ==
             "0ne000000AB/hubs/hub/Dev?");
  BOOST_TEST(stream_name::refusals(scope).text() == "0ne000000AB/refusals");
}

BOOST_AUTO_TEST_CASE(a_stream_knows_its_scope_and_its_name_below_it) {
  const auto stream = *stream_name::parse("0ne000000AB/hubs/hub1/dev");
  BOOST_TEST(stream.scope() == "0ne000000AB");
  BOOST_TEST(stream.subject() == "hubs/hub1/dev");
  BOOST_TEST(stream_name::directory().scope() == "");
  BOOST_TEST(stream_name::directory().subject() == "directory");
}

BOOST_AUTO_TEST_CASE(parsing_a_stream_name_gives_the_stream_back) {
  for (const auto* text : {"directory", "0ne00000001/service", "0ne00000001/refusals", "0ne00000001/groups/a",
                           "0ne00000001/devices/a:b", "0ne00000001/hubs/h.example/Dev#1"}) {
    const auto stream = stream_name::parse(text);
    BOOST_TEST_REQUIRE(stream.has_value(), text);
    BOOST_TEST(stream->text() == text);
  }
  BOOST_TEST(stream_name::parse("0ne00000001/devices/DEV")->text() == "0ne00000001/devices/dev");
}

BOOST_AUTO_TEST_CASE(what_names_no_stream_is_refused) {
  for (const auto* text :
       {"", "/", "Directory", "directory/", "service", "0ne00000001", "0ne00000001/", "0ne00000001/services",
        "0ne00000001/service/", "0ne00000001/groups", "0ne00000001/groups/", "0ne00000001/devices/a/b",
        "0ne00000001/devices/a.", "0ne00000001/hubs/h", "0ne00000001/hubs/h/", "0ne00000001/hubs//d",
        "0ne00000001/hubs/h/a/b", "0ne0000000x/service", "0ne00000001/things/a"}) {
    BOOST_TEST(!stream_name::parse(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
