#include "connectors/api/event_selection.hpp"
#include "connectors/cli/event_stream.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace muster;

namespace {

struct kept_events {
  std::vector<std::string> all;
  connectors::event_stream_reader reader{[this](const std::string& data) { all.push_back(data); }};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(event_stream)

BOOST_AUTO_TEST_CASE(events_are_read_in_whatever_pieces_they_come) {
  const std::string text = ": hello\n\nid: 3-1\ndata: {\"a\":1}\n\nid:3-2\r\ndata:x\r\ndata: y\r\n\r\nid: 3-9\n\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    kept_events kept;
    for (std::size_t i = 0; i < text.size(); i += piece) BOOST_TEST(kept.reader.put(text.substr(i, piece)));
    BOOST_TEST(kept.all == (std::vector<std::string>{"{\"a\":1}", "x\ny"}));
    BOOST_TEST(kept.reader.last_id() == "3-9");
  }
}

BOOST_AUTO_TEST_CASE(an_event_that_was_cut_off_does_not_move_the_place) {
  kept_events kept;
  kept.reader.put("id: 3-1\ndata: a\n\nid: 3-2\ndata: b\n");
  kept.reader.restart();
  BOOST_TEST(kept.reader.last_id() == "3-1");
  kept.reader.put("id: 3-2\ndata: b\n\n");
  BOOST_TEST(kept.all == (std::vector<std::string>{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(a_line_without_end_is_refused) {
  kept_events kept;
  const std::string much(1U << 20U, 'x');
  bool taken = true;
  for (int i = 0; i < 20 && taken; ++i) taken = kept.reader.put(much);
  BOOST_TEST(!taken);
}

BOOST_AUTO_TEST_CASE(types_are_named_in_full_or_short_and_unknown_ones_are_told) {
  const auto scope = *events::id_scope::parse("0ne00000001");
  const auto both = connectors::read_filter(scope, "device_registered,muster.hub_linked.v1", "");
  BOOST_TEST_REQUIRE(both.has_value());
  BOOST_TEST(
      (both->types == std::set<std::string, std::less<>>{"muster.device_registered.v1", "muster.hub_linked.v1"}));
  BOOST_TEST(connectors::read_filter(scope, "", "Devices/x").has_value() == false);
  BOOST_TEST(connectors::read_filter(scope, "", "devices/Dev-1")->subject == "devices/dev-1");
  BOOST_TEST(connectors::read_filter(scope, "device_exploded", "")
                 .error()
                 .starts_with("types: there is no event type 'device_exploded'"));
}

BOOST_AUTO_TEST_SUITE_END()
