#include "connectors/https/connection_ledger.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace muster;
using connectors::connection_ledger;

namespace {

/// A connection that notes when it is asked to leave.
struct guest {
  guest(connection_ledger& ledger, const std::string& source) : place(ledger.enter(source)) {
    if (place) place->on_eviction([this] { asked_to_leave = true; });
  }
  bool asked_to_leave = false;
  std::unique_ptr<connection_ledger::place> place;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_ledger_)

BOOST_AUTO_TEST_CASE(connections_with_requests_keep_their_places) {
  connection_ledger ledger(2, 0);
  guest a(ledger, "a");
  guest b(ledger, "b");
  BOOST_TEST(!guest(ledger, "c").place);
  a.place.reset();
  BOOST_TEST(ledger.open() == 1U);
  BOOST_TEST(!!guest(ledger, "c").place);
}

BOOST_AUTO_TEST_CASE(the_one_idle_for_the_longest_time_makes_room) {
  connection_ledger ledger(3, 0);
  guest a(ledger, "a");
  guest b(ledger, "b");
  guest c(ledger, "c");
  for (auto* each : {&a, &b, &c}) each->place->idle();
  a.place->busy();
  a.place->idle();
  guest d(ledger, "d");
  BOOST_TEST(!!d.place);
  BOOST_TEST(b.asked_to_leave);
  BOOST_TEST(!a.asked_to_leave);
  BOOST_TEST(!c.asked_to_leave);
  guest e(ledger, "e");
  BOOST_TEST(c.asked_to_leave);
  BOOST_TEST(ledger.open() == 3U);
  // What was asked to leave has no place any more, whatever it does and however late it goes.
  b.place->busy();
  b.place->idle();
  b.place.reset();
  BOOST_TEST(ledger.open() == 3U);
  guest f(ledger, "f");
  BOOST_TEST(a.asked_to_leave);
  BOOST_TEST(!guest(ledger, "g").place);
}

BOOST_AUTO_TEST_CASE(a_source_at_its_limit_gives_up_its_own) {
  connection_ledger ledger(10, 2);
  guest other(ledger, "other");
  other.place->idle();
  guest a(ledger, "a");
  guest b(ledger, "a");
  BOOST_TEST(!guest(ledger, "a").place);
  b.place->idle();
  guest c(ledger, "a");
  BOOST_TEST(!!c.place);
  BOOST_TEST(b.asked_to_leave);
  BOOST_TEST(!other.asked_to_leave);
  BOOST_TEST(!guest(ledger, "a").place);
  a.place.reset();
  BOOST_TEST(!!guest(ledger, "a").place);
}

BOOST_AUTO_TEST_CASE(the_only_connection_of_a_source_can_make_room_for_its_next) {
  connection_ledger ledger(1, 1);
  guest a(ledger, "a");
  a.place->idle();
  guest b(ledger, "a");
  BOOST_TEST(!!b.place);
  BOOST_TEST(a.asked_to_leave);
  a.place.reset();
  b.place.reset();
  BOOST_TEST(ledger.open() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
