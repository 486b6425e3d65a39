#include "engine/read_gate.hpp"
#include "tests/engine/shard_fixture.hpp"

namespace muster::tests {

namespace {

struct gate_fixture : shard_fixture {
  read_gate gate{2s};
  std::vector<std::pair<std::string, read_permit>> passed;

  void read(const std::string& name, read_kind kind = read_kind::recent) {
    gate.ask(kind, [this, name](const read_permit& p) { passed.emplace_back(name, p); }, *owner, now);
  }
  void round() { gate.round(*owner, now); }
  bool granted(std::size_t i) const { return passed.at(i).second.granted; }
  std::optional<std::chrono::microseconds> age(std::size_t i) const { return passed.at(i).second.age; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(read_gate_test, gate_fixture)

BOOST_AUTO_TEST_CASE(a_shard_that_is_not_open_lets_no_read_through) {
  read("a");
  read("b", read_kind::exact);
  BOOST_TEST(passed.size() == 2U);
  BOOST_TEST(!granted(0));
  BOOST_TEST(!granted(1));
}

BOOST_AUTO_TEST_CASE(a_recent_read_passes_at_once_while_the_last_accepted_frame_is_recent) {
  open();
  now += 1999ms;
  read("a");
  BOOST_TEST(passed.size() == 1U);
  BOOST_TEST(granted(0));
  BOOST_TEST(!age(0).has_value());
  BOOST_TEST(!next());
}

BOOST_AUTO_TEST_CASE(after_that_it_waits_for_an_empty_batch_of_its_own) {
  open();
  now += 2s;
  read("a");
  BOOST_TEST(passed.empty());
  const auto batch = send();
  BOOST_TEST(header(batch).count == 0U);
  round();
  BOOST_TEST(passed.empty());
  fold(batch);
  round();
  BOOST_TEST(passed.size() == 1U);
  BOOST_TEST(granted(0));
  BOOST_TEST(!age(0).has_value());
  read("b");
  BOOST_TEST(passed.size() == 2U);
}

BOOST_AUTO_TEST_CASE(recent_is_counted_from_the_sending_of_the_frame_and_not_from_its_return) {
  open();
  owner->propose(make("a", {1}));
  const auto batch = send();
  now += 2s;
  fold(batch);
  read("a");
  BOOST_TEST(passed.empty());
}

BOOST_AUTO_TEST_CASE(an_exact_read_always_rides_a_frame) {
  open();
  read("a", read_kind::exact);
  BOOST_TEST(passed.empty());
  fold(send());
  round();
  BOOST_TEST(passed.size() == 1U);
  BOOST_TEST(granted(0));
}

BOOST_AUTO_TEST_CASE(a_read_never_joins_a_batch_that_was_on_its_way_when_it_arrived) {
  open();
  read("a", read_kind::exact);
  const auto first = send();
  read("b", read_kind::exact);
  fold(first);
  round();
  BOOST_TEST(passed.size() == 1U);
  BOOST_TEST(passed[0].first == "a");
  fold(send());
  round();
  BOOST_TEST(passed.size() == 2U);
}

BOOST_AUTO_TEST_CASE(reads_that_wait_together_share_a_frame) {
  open();
  for (int i = 0; i < 100; ++i) read(std::to_string(i), read_kind::exact);
  fold(send());
  round();
  BOOST_TEST(passed.size() == 100U);
  BOOST_TEST(passed[99].first == "99");
  BOOST_TEST(gate.idle());
}

BOOST_AUTO_TEST_CASE(while_the_log_is_away_a_recent_read_says_how_old_it_is) {
  open();
  now += 5s;
  read("a");
  send(append_outcome::unknown);
  now += limits::read_wait;
  round();
  BOOST_TEST(passed.empty());
  now += 1us;
  round();
  BOOST_REQUIRE(passed.size() == 1U);
  BOOST_TEST(granted(0));
  BOOST_TEST((age(0) == 6s + 1us));
}

BOOST_AUTO_TEST_CASE(while_the_log_is_away_an_exact_read_is_refused_at_its_deadline) {
  open();
  read("a", read_kind::exact);
  send(append_outcome::unknown);
  now += limits::command_deadline;
  round();
  BOOST_TEST(passed.empty());
  now += 1us;
  round();
  BOOST_REQUIRE(passed.size() == 1U);
  BOOST_TEST(!granted(0));
}

BOOST_AUTO_TEST_CASE(reads_of_a_shard_that_was_lost_are_refused) {
  open();
  now += 5s;
  read("a");
  read("b", read_kind::exact);
  fold(foreign_claim());
  round();
  BOOST_TEST(passed.size() == 2U);
  BOOST_TEST(!granted(0));
  BOOST_TEST(!granted(1));
}

BOOST_AUTO_TEST_CASE(a_clock_that_went_back_makes_no_read_recent) {
  open();
  now -= 1s;
  read("a");
  BOOST_TEST(passed.empty());
}

BOOST_AUTO_TEST_CASE(a_gate_that_closes_refuses_what_waits) {
  open();
  read("a", read_kind::exact);
  gate.close();
  BOOST_TEST(passed.size() == 1U);
  BOOST_TEST(!granted(0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
