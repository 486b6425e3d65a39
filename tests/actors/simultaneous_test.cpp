#include "tests/support/actor_fixture.hpp"

#include <set>

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::registration_answer;
using engine::rejection_code;

struct fixture : tests::actor_fixture {
  std::string key;

  fixture() {
    make_service();
    key = enroll("dev-1");
  }

  /// Registers of one ID that all arrive before the first is decided.
  std::vector<asked_ptr>
  at_once(std::size_t size, const std::function<bool(std::size_t)>& wrong = [](std::size_t) { return false; }) {
    std::vector<asked_ptr> all;
    for (std::size_t i = 0; i < size; ++i) all.push_back(ask(registration("dev-1", wrong(i) ? "wrong" : key)));
    return all;
  }

  static std::set<std::string> operations_of(const std::vector<asked_ptr>& all) {
    std::set<std::string> operations;
    for (const auto& each : all) {
      if (const auto* answer = each->answer ? std::get_if<registration_answer>(&*each->answer) : nullptr) {
        operations.insert(answer->operation_id);
      }
    }
    return operations;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(simultaneous_registers, fixture)

BOOST_AUTO_TEST_CASE(commands_are_counted_where_they_are_until_they_are_answered) {
  const auto now = [&](engine::command_stage stage) {
    return telemetry.commands[static_cast<std::size_t>(stage)].load();
  };
  shards.hold = [](const engine::proposal&) { return true; };
  const auto all = at_once(3);
  run();
  BOOST_TEST(now(engine::command_stage::deciding) == 1U);
  BOOST_TEST(now(engine::command_stage::queued) == 2U);
  shards.release();
  run();
  BOOST_TEST(operations_of(all).size() == 1U);
  for (const auto stage :
       {engine::command_stage::mailbox, engine::command_stage::queued, engine::command_stage::deciding})
    BOOST_TEST(now(stage) == 0U);
}

BOOST_AUTO_TEST_CASE(two_of_one_id_are_one_operation) {
  const auto both = at_once(2);
  run();
  BOOST_TEST(operations_of(both).size() == 1U);
  BOOST_TEST(both[0]->get<registration_answer>().record.version.value() ==
             both[1]->get<registration_answer>().record.version.value());
  BOOST_TEST(count("device_registered") == 1U);
  BOOST_TEST(count("registration_joined") == 1U);
}

BOOST_AUTO_TEST_CASE(of_twenty_every_wrong_key_is_refused_and_the_others_are_one_operation) {
  const auto wrong = [](std::size_t i) { return i % 5 == 2; };
  const auto all = at_once(20, wrong);
  run();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (wrong(i))
      BOOST_TEST(all[i]->rejected_as(rejection_code::not_attested));
    else
      BOOST_TEST(all[i]->get<registration_answer>().record.hub->text() == "hub1");
  }
  BOOST_TEST(operations_of(all).size() == 1U);
  BOOST_TEST(count("device_registered") == 1U);
  BOOST_TEST(count("registration_joined") == 15U);
  BOOST_TEST(count("registration_refused") == 4U);
}

BOOST_AUTO_TEST_CASE(a_wrong_key_that_comes_first_joins_nobody_to_its_fate) {
  const auto all = at_once(3, [](std::size_t i) { return i == 0; });
  run();
  BOOST_TEST(all[0]->rejected_as(rejection_code::not_attested));
  BOOST_TEST(operations_of(all).size() == 1U);
  BOOST_TEST(count("device_registered") == 1U);
}

BOOST_AUTO_TEST_CASE(another_payload_is_another_operation) {
  auto other = registration("dev-1", key);
  other.payload = events::json_text{R"({"model":2})"};
  const auto first = ask(registration("dev-1", key));
  const auto second = ask(other);
  run();
  BOOST_TEST(operations_of({first, second}).size() == 2U);
  BOOST_TEST(count("device_registered") == 2U);
}

BOOST_AUTO_TEST_CASE(a_register_that_comes_after_the_answer_is_an_operation_of_its_own) {
  const auto both = at_once(2);
  run();
  const auto later = ask(registration("dev-1", key));
  run();
  BOOST_TEST(operations_of({both[0], later}).size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_enrollment_that_changed_in_between_ends_the_joining) {
  const auto first = ask(registration("dev-1", key));
  const auto change = ask(enrollment("dev-1", engine::precondition::kind::any));
  const auto second = ask(registration("dev-1", key));
  run();
  change->get<engine::enrollment_answer>();
  BOOST_TEST(operations_of({first, second}).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_busy_device_queues_eight_commands_and_answers_429_beyond) {
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto first = ask(registration("dev-1", key));
  std::vector<asked_ptr> lookups;
  for (int i = 0; i < 10; ++i) lookups.push_back(ask(engine::look_up_registration{scope, shown("dev-1", key)}));
  run();
  for (std::size_t i = 0; i < lookups.size(); ++i) {
    if (i < 8)
      BOOST_TEST(lookups[i]->waiting());
    else
      BOOST_TEST(lookups[i]->rejected_as(rejection_code::too_many_requests));
  }
  BOOST_TEST(lookups.back()->get<engine::rejection>().retry_after.count() == 1);
  shards.release();
  run();
  first->get<registration_answer>();
  for (std::size_t i = 0; i < 8; ++i) lookups[i]->get<engine::lookup_answer>();
}

BOOST_AUTO_TEST_CASE(registers_that_wait_for_one_another_are_bounded_too) {
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto all = at_once(engine::limits::device_joins_max + 2);
  run();
  BOOST_TEST(all.back()->rejected_as(rejection_code::too_many_requests));
  BOOST_TEST(all[all.size() - 2]->waiting());
  shards.release();
  run();
  BOOST_TEST(operations_of(all).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_command_that_waited_past_its_deadline_is_not_decided) {
  shards.hold = [](const engine::proposal& p) { return tests::writes(p, "device_registered"); };
  const auto first = ask(registration("dev-1", key));
  const auto second = ask(enrollment("dev-1", engine::precondition::kind::any));
  run();
  advance(16s);
  shards.release();
  run();
  BOOST_TEST(first->rejected_as(rejection_code::unavailable));
  BOOST_TEST(second->rejected_as(rejection_code::unavailable));
  BOOST_TEST(count("enrollment_updated") == 0U);
  BOOST_TEST(count("device_registered") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
