#include "connectors/kafka/kafka_tail.hpp"

#include <boost/test/unit_test.hpp>

/// What the tail of the journal on Kafka makes of brokers that contradict each other. It needs no broker.
namespace muster::tests {

namespace {

using namespace std::chrono_literals;
using connectors::judge_standstill;
using connectors::kafka_lane;
using connectors::standstill;
using engine::errc;
using events::log_offset;

const engine::error doubt{errc::unavailable, "it ends earlier than it did"};

/// A lane that has read frames 5 and 6, and is doubted.
struct doubted_lane {
  kafka_lane lane{log_offset(5), 1000};
  doubted_lane() {
    lane.push(log_offset(5), "five");
    lane.push(log_offset(6), "six");
    lane.doubt(doubt);
  }
  engine::result<std::vector<engine::log_record>> at_the_end() const { return lane.read(log_offset(7), 1000).value(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kafka_tail, doubted_lane)

BOOST_AUTO_TEST_CASE(a_reader_at_the_end_of_a_doubted_log_does_not_hear_that_there_is_no_more) {
  BOOST_TEST((at_the_end().error().code == errc::unavailable));
  BOOST_TEST(lane.read(log_offset(5), 1000)->value().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_doubt_ends_when_the_newest_frame_comes_again) {
  BOOST_TEST(lane.resume().value() == 6U);
  BOOST_TEST(lane.doubted());
  BOOST_TEST(lane.push(log_offset(6), "six"));
  BOOST_TEST(!lane.doubted());
  BOOST_TEST(at_the_end().value().empty());
  BOOST_TEST(lane.push(log_offset(7), "seven"));
  BOOST_TEST(at_the_end().value().front().bytes == "seven");
}

BOOST_AUTO_TEST_CASE(a_log_with_another_frame_there_is_not_gone_on_with) {
  BOOST_TEST(!lane.push(log_offset(6), "another six"));
  BOOST_TEST(!lane.push(log_offset(7), "seven"));
  BOOST_TEST(lane.doubted());
  BOOST_TEST((at_the_end().error().code == errc::unavailable));
}

BOOST_AUTO_TEST_CASE(with_nothing_read_there_is_nothing_to_compare) {
  kafka_lane empty(log_offset(5), 1000);
  empty.doubt(doubt);
  BOOST_TEST(empty.resume().value() == 5U);
  BOOST_TEST(!empty.doubted());
  BOOST_TEST(empty.read(log_offset(5), 1000)->value().empty());
}

BOOST_AUTO_TEST_CASE(a_broker_whose_log_ends_earlier_is_asked_again_before_anything_is_called_lost) {
  BOOST_TEST((judge_standstill(10, {0, 8}, 0s) == standstill::ask_again));
  BOOST_TEST((judge_standstill(10, {0, 8}, 29s) == standstill::ask_again));
  BOOST_TEST((judge_standstill(10, {0, 8}, 31s) == standstill::lost));
  BOOST_TEST((judge_standstill(10, {0, 10}, 31s) == standstill::read_on));
  BOOST_TEST((judge_standstill(10, {11, 20}, 0s) == standstill::lost));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
