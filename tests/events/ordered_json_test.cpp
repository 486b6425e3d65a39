#include "events/codec.hpp"
#include "events/ordered_json.hpp"
#include "tests/events/samples.hpp"
#include "tests/simulation/dice.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidjson/document.h>

using namespace muster;
using namespace muster::events;

namespace {

/// The row of what the ordered reader makes of `json` as an event of `like`'s type; nothing if it gives up.
std::optional<std::string> read_in_order(const event& like, std::string_view json) {
  return std::visit(
      [&](const auto& data) -> std::optional<std::string> {
        std::decay_t<decltype(data)> read;
        return ordered_json_reader(json).read_document(read) ? std::optional(to_row(read)) : std::nullopt;
      },
      like);
}

/// The same of the general parser, which a blank in front hands the text to.
std::optional<std::string> read_in_general(const event& like, std::string_view json) {
  const auto read = from_json(type_of(like), " " + std::string(json));
  if (!read) return std::nullopt;
  return std::visit([](const auto& data) { return to_row(data); }, *read);
}

/// Collects the user's objects.
struct object_collector {
  std::vector<std::string> found;
  template <class T>
  void operator()(const char*, const T& value) {
    if constexpr (std::same_as<T, json_text>)
      found.push_back(value.text);
    else if constexpr (is_optional<T>::value) {
      if (value) (*this)("", *value);
    } else if constexpr (is_vector<T>::value) {
      for (const auto& each : value) (*this)("", each);
    } else if constexpr (described<const T>) {
      T::describe(value, *this);
    }
  }
};

bool well_formed(const std::string& json) {
  rapidjson::Document document;
  return !document.Parse(json.data(), json.size()).HasParseError();
}

/// Whether nothing is malformed but the inside of the user's objects: that is looked at when it comes in, not here.
bool only_user_is_wrong(const event& like, std::string json) {
  if (well_formed(json)) return false;
  std::visit(
      [&](const auto& data) {
        std::decay_t<decltype(data)> read;
        ordered_json_reader(json).read_document(read);
        object_collector objects;
        std::decay_t<decltype(data)>::describe(std::as_const(read), objects);
        for (const auto& text : objects.found) {
          if (const auto at = json.find(text); at != std::string::npos) json.replace(at, text.size(), "{}");
        }
      },
      like);
  return well_formed(json);
}

/// Whether whatever the ordered reader takes, the general parser takes for the same.
void check_agreement(const event& like, const std::string& json) {
  const auto ordered = read_in_order(like, json);
  if (!ordered || only_user_is_wrong(like, json)) return;
  const auto general = read_in_general(like, json);
  BOOST_TEST(general.has_value(), json);
  if (general) BOOST_TEST(to_hex(*ordered) == to_hex(*general), json);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ordered_json)

BOOST_AUTO_TEST_CASE(it_reads_what_is_written_when_texts_are_plain) {
  int read = 0;
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto json = to_json(recorded.data);
    if (json.find('\\') != std::string::npos) continue;
    const auto row = read_in_order(recorded.data, json);
    BOOST_TEST_REQUIRE(row.has_value(), name);
    BOOST_TEST(to_hex(*row) == to_hex(read_in_general(recorded.data, json).value()), name);
    ++read;
  }
  BOOST_TEST(read > 20);
}

BOOST_AUTO_TEST_CASE(it_gives_up_at_blanks_escapes_other_orders_and_what_follows) {
  const event like = hub_linked{};
  for (const auto* json :
       {" {}", R"({"hub": {"name":"h","weight":1,"applyAllocationPolicy":true}})",
        R"({"hub":{"weight":1,"name":"h","applyAllocationPolicy":true}})",
        R"({"hub":{"name":"\u0068","weight":1,"applyAllocationPolicy":true}})",
        R"({"hub":{"name":"h","weight":1,"applyAllocationPolicy":true}} )",
        R"({"hub":{"name":"h","weight":1,"applyAllocationPolicy":true},"later":1})", "", "{", "{\"hub\""}) {
    BOOST_TEST(!read_in_order(like, json).has_value(), json);
  }
}

BOOST_AUTO_TEST_CASE(a_text_cut_anywhere_is_not_read) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto json = to_json(recorded.data);
    for (std::size_t size = 0; size < json.size(); ++size) {
      BOOST_TEST(!read_in_order(recorded.data, std::string_view(json).substr(0, size)).has_value(),
                 name << " cut to " << size);
    }
  }
}

BOOST_AUTO_TEST_CASE(with_any_byte_changed_it_takes_nothing_that_the_general_parser_refuses_or_reads_otherwise) {
  const std::string others = "\"\\{}[],:0-9eE.+ax \n\x01\x7f\xff\xc3";
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto json = to_json(recorded.data);
    for (std::size_t at = 0; at < json.size(); ++at) {
      for (const char other : others) {
        auto changed = json;
        changed[at] = other;
        check_agreement(recorded.data, changed);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(with_pieces_moved_about_it_takes_nothing_that_the_general_parser_refuses_or_reads_otherwise) {
  simulation::dice dice(20261121);
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto json = to_json(recorded.data);
    for (int i = 0; i < 2000; ++i) {
      auto changed = json;
      const auto from = dice.below(static_cast<std::uint32_t>(json.size()));
      const auto piece = json.substr(from, 1 + dice.below(20));
      if (i % 3 == 0) changed.erase(from, piece.size());
      if (i % 3 == 1) changed.insert(from, piece);
      if (i % 3 == 2) changed.insert(dice.below(static_cast<std::uint32_t>(json.size())), piece);
      check_agreement(recorded.data, changed);
    }
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_taken_alike_to_their_limits) {
  attempts_suppressed like;
  like.counts.push_back({});
  const auto json = to_json(like);
  const auto at = json.find("\"count\":0");
  BOOST_TEST_REQUIRE(at != std::string::npos);
  for (const auto* number : {"0", "-0", "00", "01", "9223372036854775807", "9223372036854775808",
                             "18446744073709551615", "18446744073709551616", "-1", "1.0", "1e3", "+1", ""}) {
    check_agreement(like, json.substr(0, at + 8) + number + json.substr(at + 9));
  }
  const auto most =
      from_json(attempts_suppressed::type, " " + json.substr(0, at + 8) + "18446744073709551615" + json.substr(at + 9));
  BOOST_TEST_REQUIRE(most.has_value());
  BOOST_TEST(std::get<attempts_suppressed>(*most).counts.front().count == ~std::uint64_t{0});
}

BOOST_AUTO_TEST_SUITE_END()
