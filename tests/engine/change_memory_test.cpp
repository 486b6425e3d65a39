#include "engine/change_memory.hpp"
#include "tests/simulation/dice.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>

namespace muster::engine {

using events::log_sequence;

BOOST_AUTO_TEST_SUITE(change_memory_test)

BOOST_AUTO_TEST_CASE(a_key_that_never_changed_changed_at_the_floor) {
  const change_memory memory(log_sequence(17), 100);
  BOOST_TEST(memory.last_change(1).value() == 17U);
  BOOST_TEST(memory.last_change(0).value() == 17U);
}

BOOST_AUTO_TEST_CASE(the_last_change_of_a_key_counts) {
  change_memory memory(log_sequence(0), 100);
  memory.changed(5, log_sequence(1));
  memory.changed(5, log_sequence(9));
  memory.changed(0, log_sequence(10));
  BOOST_TEST(memory.last_change(5).value() == 9U);
  BOOST_TEST(memory.last_change(0).value() == 10U);
  BOOST_TEST(memory.last_change(6).value() == 0U);
}

BOOST_AUTO_TEST_CASE(keys_that_share_their_low_bits_are_told_apart) {
  change_memory memory(log_sequence(0), 1000);
  for (std::uint64_t i = 0; i < 200; ++i) memory.changed(7 + (i << 32U), log_sequence(i + 1));
  for (std::uint64_t i = 0; i < 200; ++i) BOOST_TEST(memory.last_change(7 + (i << 32U)).value() == i + 1);
}

BOOST_AUTO_TEST_CASE(what_was_forgotten_raises_the_floor) {
  change_memory memory(log_sequence(0), 10);
  for (std::uint64_t key = 1; key <= 11; ++key) memory.changed(key, log_sequence(key));
  BOOST_TEST(memory.floor().value() == 6U);
  BOOST_TEST(memory.last_change(1).value() == 6U);
  BOOST_TEST(memory.last_change(7).value() == 7U);
  BOOST_TEST(memory.last_change(11).value() == 11U);
}

BOOST_AUTO_TEST_CASE(random_changes_are_remembered_as_a_map_would) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    simulation::dice roll(seed);
    const auto keys_max = 2 + roll.below(400);
    const auto keys = 1 + roll.below(1000);
    const log_sequence start(roll.below(50));
    change_memory memory(start, keys_max);
    std::map<std::uint64_t, std::uint64_t> model;
    auto sequence = start.value();
    for (int step = 0; step < 3000; ++step) {
      const auto key = roll.below(keys) << (roll.below(2) * 40);
      if (roll.chance(600)) {
        sequence += roll.below(2);
        memory.changed(key, log_sequence(sequence));
        model[key] = sequence;
      }
      const auto found = model.find(key);
      const auto last = found == model.end() ? 0 : found->second;
      // Above the floor it is exact; below, the floor stands for everything.
      BOOST_TEST_REQUIRE(memory.last_change(key).value() == std::max(last, memory.floor().value()));
    }
    BOOST_TEST(memory.floor().value() <= sequence);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::engine
