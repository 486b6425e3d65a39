#include "tests/support/actor_fixture.hpp"

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::enrollment_answer;
using engine::rejection_code;
using condition = engine::precondition::kind;

struct fixture : tests::actor_fixture {
  fixture() { make_service(); }
};

void check_same(const enrollment_answer& a, const enrollment_answer& b) {
  BOOST_TEST(a.record.version.value() == b.record.version.value());
  BOOST_CHECK(a.record.enrollment == b.record.enrollment);
  BOOST_CHECK(a.record.created == b.record.created);
  BOOST_CHECK(a.record.updated == b.record.updated);
  BOOST_TEST_REQUIRE((a.keys.has_value() && b.keys.has_value()));
  BOOST_TEST(a.keys->primary == b.keys->primary);
  BOOST_TEST(a.keys->secondary == b.keys->secondary);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(idempotency_keys, fixture)

BOOST_AUTO_TEST_CASE(a_repeated_creation_gives_the_recorded_answer_and_no_event) {
  const auto first = done(enrollment("dev-1"), "key-1", "body").get<enrollment_answer>();
  check_same(first, done(enrollment("dev-1"), "key-1", "body").get<enrollment_answer>());
  BOOST_TEST(count("enrollment_created") == 1U);
  BOOST_TEST(done(enrollment("dev-1")).rejected_as(rejection_code::enrollment_exists));
}

BOOST_AUTO_TEST_CASE(a_repeated_update_gives_the_recorded_answer_also_after_later_changes) {
  enroll("dev-1");
  advance(30s);
  const auto first = done(enrollment("dev-1", condition::any), "key-1", "body").get<enrollment_answer>();
  advance(30s);
  auto later = enrollment("dev-1", condition::any);
  later.enrollment.terms.status = events::provisioning_status::disabled;
  done(later).get<enrollment_answer>();
  check_same(first, done(enrollment("dev-1", condition::any), "key-1", "body").get<enrollment_answer>());
  BOOST_TEST(count("enrollment_updated") == 2U);
}

BOOST_AUTO_TEST_CASE(a_repeated_update_says_when_its_entry_was_created_also_after_that_was_deleted) {
  done(enrollment("dev-1"));
  done(group("fleet"));
  advance(30s);
  const auto change = enrollment("dev-1", condition::any);
  const auto group_change = group("fleet", true, condition::any);
  const auto first = done(change, "key-1", "body").get<enrollment_answer>();
  const auto first_group = done(group_change, "key-2", "body").get<engine::group_answer>();
  BOOST_CHECK(first.record.created == first.record.updated - 30s);
  BOOST_CHECK(first_group.state.created == first_group.state.updated - 30s);
  for (const bool again : {false, true}) {
    if (again) {
      done(enrollment("dev-1"));
      done(group("fleet"));
    } else {
      done(engine::delete_enrollment{scope, tests::named<events::registration_id>("dev-1"), {}});
      done(engine::delete_group{scope, tests::named<events::group_id>("fleet"), {}});
    }
    advance(30s);
    const auto repeated = done(change, "key-1", "body").get<enrollment_answer>();
    BOOST_CHECK(repeated.record.created == first.record.created);
    BOOST_CHECK(repeated.record.updated == first.record.updated);
    const auto repeated_group = done(group_change, "key-2", "body").get<engine::group_answer>();
    BOOST_CHECK(repeated_group.state.created == first_group.state.created);
    BOOST_CHECK(repeated_group.state.version == first_group.state.version);
  }
}

BOOST_AUTO_TEST_CASE(a_repetition_is_recognised_after_the_actor_has_gone) {
  const auto first = done(enrollment("dev-1"), "key-1", "body").get<enrollment_answer>();
  advance(120s);
  BOOST_TEST(live() == 0U);
  check_same(first, done(enrollment("dev-1"), "key-1", "body").get<enrollment_answer>());
}

BOOST_AUTO_TEST_CASE(two_requests_with_one_key_at_the_same_time_are_one) {
  const auto first = ask(enrollment("dev-1"), "key-1", "body");
  const auto second = ask(enrollment("dev-1"), "key-1", "body");
  run();
  check_same(first->get<enrollment_answer>(), second->get<enrollment_answer>());
  BOOST_TEST(count("enrollment_created") == 1U);
}

BOOST_AUTO_TEST_CASE(one_key_for_two_requests_at_the_same_time_is_refused_to_the_second) {
  const auto first = ask(enrollment("dev-1"), "key-1", "one");
  const auto second = ask(enrollment("dev-2"), "key-1", "two");
  const auto third = ask(group("fleet"), "key-1", "three");
  run();
  int done_ones = 0;
  for (const auto& each : {first, second, third}) {
    if (each->rejected_as(rejection_code::command_id_reused)) continue;
    BOOST_TEST(!std::holds_alternative<engine::rejection>(*each->answer));
    ++done_ones;
  }
  BOOST_TEST(done_ones == 1);
}

BOOST_AUTO_TEST_CASE(a_key_of_another_request_is_refused) {
  done(enrollment("dev-1"), "key-1", "body").get<enrollment_answer>();
  BOOST_TEST(done(enrollment("dev-1"), "key-1", "another body").rejected_as(rejection_code::command_id_reused));
}

BOOST_AUTO_TEST_CASE(a_repeated_deletion_is_done_again_without_an_event) {
  enroll("dev-1");
  const engine::delete_enrollment deletion{scope, tests::named<events::registration_id>("dev-1"), {}};
  done(deletion, "key-1", "delete").get<engine::done>();
  done(deletion, "key-1", "delete").get<engine::done>();
  BOOST_TEST(done(deletion).rejected_as(rejection_code::enrollment_not_found));
  BOOST_TEST(count("enrollment_deleted") == 1U);
}

BOOST_AUTO_TEST_CASE(groups_have_recorded_answers_too) {
  const auto first = done(group("fleet"), "key-1", "body").get<engine::group_answer>();
  const auto again = done(group("fleet"), "key-1", "body").get<engine::group_answer>();
  BOOST_TEST(first.state.version.value() == again.state.version.value());
  BOOST_TEST(first.keys->primary == again.keys->primary);
  BOOST_TEST(count("enrollment_group_created") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
