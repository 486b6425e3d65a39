#include "connectors/json/json_members.hpp"
#include "engine/limits.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using connectors::json_members;
using connectors::json_value;
using connectors::read_json_object;

std::string error_of(std::string_view body) {
  const auto read = read_json_object(body);
  return read ? "" : read.error();
}

std::string nested(std::size_t levels) {
  std::string text = R"({"a":)";
  for (std::size_t i = 1; i < levels; ++i) text += '[';
  text += '1';
  for (std::size_t i = 1; i < levels; ++i) text += ']';
  return text + '}';
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_body)

BOOST_AUTO_TEST_CASE(an_object_is_read_with_everything_below_it) {
  const auto read = read_json_object(R"( {"a": {"b": [1, "x", null, true]}, "n": 7.0, "e": 1E+2, "s": "\u00fc\n"} )");
  BOOST_REQUIRE(read);
  BOOST_TEST(read->to_text() == R"({"a":{"b":[1,"x",null,true]},"n":7.0,"e":1E+2,"s":"ü\n"})");
  BOOST_TEST(read->find("s")->text == "ü\n");
  BOOST_TEST(read->find("missing") == nullptr);
}

BOOST_AUTO_TEST_CASE(numbers_are_given_back_as_they_were_written) {
  for (const auto* number : {"7.0", "-0", "1e5", "0.10", "9007199254740993", "18446744073709551615"}) {
    const auto body = std::string(R"({"n":)") + number + "}";
    const auto read = read_json_object(body);
    BOOST_REQUIRE_MESSAGE(read, number);
    BOOST_TEST(read->to_text() == body);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_a_json_object_is_refused_with_what_and_where) {
  struct row {
    std::string body;
    std::string says;
  };
  const row rows[] = {
      {"", "malformed JSON"},
      {"   ", "malformed JSON"},
      {"[1]", "expected a JSON object"},
      {"7", "expected a JSON object"},
      {"null", "expected a JSON object"},
      {R"({"a":1)", "malformed JSON"},
      {R"({"a":)", "malformed JSON"},
      {R"({"a)", "malformed JSON"},
      {R"({"a":{"b":[1,2})", "a.b"},
      {R"({"a":{"b":01}})", "a.b: malformed JSON"},
      {R"({"a":nul})", "a: malformed JSON ('nul'"},
      {R"({"a":truex})", "a: malformed JSON"},
      {R"({"a":1,})", "malformed JSON"},
      {R"({"a" 1})", "malformed JSON"},
      {R"({a:1})", "malformed JSON"},
      {R"({"a":"\x"})", "a: malformed JSON"},
      {R"({"a":"\ud800"})", "a: malformed JSON"},
      {"{\"a\":\"line\nend\"}", "malformed JSON"},
      {std::string("{\"a\":1}\0", 8), "follows"},
      {R"({"a":1}{})", "follows"},
      {R"({"a":1} x)", "follows"},
      {"{\"a\":\"\xff\"}", "not UTF-8: byte 6"},
      {"{\"a\":\"\xc3\xbc\xed\xa0\x80\"}", "not UTF-8: byte 8"},
      {"{\"a\":\"\xe2\x82\"}", "not UTF-8: byte 6"},
      {R"({"a":1,"a":1})", "The body: the member 'a' comes twice"},
      {R"({"a":1,"\u0061":1})", "the member 'a' comes twice"},
      {R"({"x":[{"y":{"a":1,"b":2,"a":3}}]})", "x[0].y: the member 'a' comes twice"},
      {R"({"a":1e999})", "a: malformed JSON"},
      {nested(33), "nested too deeply; at most 32 levels"},
      {nested(40'000), "nested too deeply; at most 32 levels"},
      {R"({"a":")" + std::string(engine::limits::request_body_bytes_max, 'x') + "\"}", "at most 98304 are taken"},
  };
  for (const auto& each : rows) {
    const auto error = error_of(each.body);
    BOOST_TEST(contains(error, each.says), each.body.substr(0, 60) << " -> " << error);
  }
}

BOOST_AUTO_TEST_CASE(thirty_two_levels_are_taken) {
  BOOST_TEST(error_of(nested(32)) == "");
}

BOOST_AUTO_TEST_CASE(ten_thousand_members_cost_no_more_than_their_size) {
  std::string body = "{";
  for (int i = 0; i < 9'000; ++i) body += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  BOOST_TEST(error_of(body + "}") == "");
  BOOST_TEST(contains(error_of(body + ",\"77\":2}"), "'77' comes twice"));
}

BOOST_AUTO_TEST_CASE(every_prefix_of_a_body_is_refused_and_none_crashes) {
  const std::string body = R"({"registrationId":"dev-1","payload":{"a":[1,2.5,{"b":"ü\u00fc"}],"c":null,"d":false}})";
  for (std::size_t size = 0; size < body.size(); ++size) BOOST_TEST(error_of(body.substr(0, size)) != "");
  BOOST_TEST(error_of(body) == "");
}

BOOST_AUTO_TEST_CASE(a_member_of_the_wrong_kind_is_named_with_its_path) {
  const auto read = read_json_object(R"({"a":{"b":"x","n":null},"list":[{"k":"v"},{"k":5}]})");
  BOOST_REQUIRE(read);
  {
    json_members in(*read);
    auto a = in.below("a");
    BOOST_TEST(!a.boolean("b").has_value());
    BOOST_TEST(in.error() == "a.b: expected true or false.");
    BOOST_TEST(!a.string("b").has_value());
  }
  {
    json_members in(*read);
    auto a = in.below("a");
    BOOST_TEST(!a.string("n").has_value());
    BOOST_TEST(!in.below("absent").string("x").has_value());
    BOOST_TEST(in.ok());
  }
  {
    json_members in(*read);
    const auto objects = in.objects("list");
    BOOST_REQUIRE_EQUAL(objects.size(), 2U);
    auto second = in.item("list", 1, *objects[1]);
    BOOST_TEST(!second.string("k").has_value());
    BOOST_TEST(in.error() == "list[1].k: expected a string.");
  }
}

BOOST_AUTO_TEST_CASE(a_member_that_is_not_known_is_refused_where_only_some_are) {
  const auto read = read_json_object(R"({"a":{"b":"x","stray":null},"c":1})");
  BOOST_REQUIRE(read);
  {
    json_members in(*read);
    in.only({"a", "b", "c"});
    BOOST_TEST(in.ok());
    auto a = in.below("a");
    a.only({"b", "d"});
    BOOST_TEST(in.error() == "a.stray: there is no such member; expected b, d.");
  }
  {
    json_members in(*read);
    in.only({"a"});
    BOOST_TEST(in.error() == "c: there is no such member; expected a.");
  }
}

BOOST_AUTO_TEST_CASE(an_integer_keeps_to_its_bounds) {
  const auto read = read_json_object(R"({"good":1000,"big":1001,"real":1.0,"text":"1"})");
  BOOST_REQUIRE(read);
  for (const auto* name : {"big", "real", "text"}) {
    json_members in(*read);
    BOOST_TEST(in.integer("good", 1, 1000).value_or(0) == 1000);
    BOOST_TEST(!in.integer(name, 1, 1000).has_value());
    BOOST_TEST(contains(in.error(), std::string(name) + ": expected an integer of 1 to 1000"), in.error());
  }
}

BOOST_AUTO_TEST_SUITE_END()
