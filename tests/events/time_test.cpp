#include "events/time.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster::events;
using namespace std::chrono_literals;

namespace {

constexpr timestamp moment = std::chrono::sys_days(std::chrono::November / 21 / 2026) + 6h + 54min + 3s + 123456us;

}  // namespace

BOOST_AUTO_TEST_SUITE(time_texts)

BOOST_AUTO_TEST_CASE(a_time_is_written_with_seven_fraction_digits_and_z) {
  BOOST_TEST(to_iso8601(moment) == "2026-11-21T06:54:03.1234560Z");
  BOOST_TEST(to_iso8601(timestamp()) == "1970-01-01T00:00:00.0000000Z");
  BOOST_TEST(to_iso8601(timestamp(-1us)) == "1969-12-31T23:59:59.9999990Z");
  BOOST_TEST(to_iso8601(timestamp(253'402'300'799s)) == "9999-12-31T23:59:59.0000000Z");
}

BOOST_AUTO_TEST_CASE(a_time_is_read_with_0_to_9_fraction_digits) {
  BOOST_TEST((from_iso8601("2026-11-21T06:54:03Z") == moment - 123456us));
  BOOST_TEST((from_iso8601("2026-11-21T06:54:03.1Z") == moment - 23456us));
  BOOST_TEST((from_iso8601("2026-11-21T06:54:03.123456Z") == moment));
  BOOST_TEST((from_iso8601("2026-11-21T06:54:03.1234560Z") == moment));
  BOOST_TEST((from_iso8601("2026-11-21T06:54:03.123456999Z") == moment));
  BOOST_TEST((from_iso8601("2028-02-29T00:00:00Z").has_value()));
}

BOOST_AUTO_TEST_CASE(every_written_time_is_read_back) {
  for (const auto time : {moment, timestamp(), timestamp(-1us), timestamp(999999us), timestamp(253'402'300'799s)}) {
    BOOST_TEST((from_iso8601(to_iso8601(time)) == time), to_iso8601(time));
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_time_is_refused) {
  for (const auto* text : {"",
                           "Z",
                           "2026-11-21",
                           "2026-11-21T06:54:03",
                           "2026-11-21T06:54:03+00:00",
                           "2026-11-21 06:54:03Z",
                           "2026-11-21T06:54:03.Z",
                           "2026-11-21T06:54:03.1234567890Z",
                           "2026-11-21T06:54:03Z ",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T06:60:03Z",
                           "2026-11-21T06:54:60Z",
                           "2026-11-21t06:54:03Z",
                           "26-11-21T06:54:03Z",
                           "2026-1-21T06:54:03Z"}) {
    BOOST_TEST(!from_iso8601(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_sign_in_place_of_a_digit_is_refused) {
  for (const auto* text :
       {"-026-11-21T06:54:03Z", "2026--1-21T06:54:03Z", "2026-11--1T06:54:03Z", "2026-11-21T-1:54:03Z",
        "2026-11-21T06:-4:03Z", "2026-11-21T06:54:-3Z", "+026-11-21T06:54:03Z"}) {
    BOOST_TEST(!from_iso8601(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
