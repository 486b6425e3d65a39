#include "engine/limits.hpp"
#include "engine/write_quota.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace std::chrono_literals;
using engine::write_limits;
using engine::write_quota;

namespace {

const auto start = tests::history_builder::start;
const auto device = tests::named<events::registration_id>("dev-1");
const auto other = tests::named<events::registration_id>("dev-2");

write_limits limits_of(double per_s, double burst) {
  return {.device_bytes = {per_s, burst}};
}

/// How many events of 2000 bytes a device gets through in `time` if it tries a hundred times a second.
int registrations_in(write_quota& quota, std::chrono::seconds time) {
  int through = 0;
  for (auto now = start; now < start + time; now += 10ms) {
    if (quota.device_wait(device, now) != 0s) continue;
    quota.registered(device, 2000, now);
    ++through;
  }
  return through;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(write_quotas)

BOOST_AUTO_TEST_CASE(a_device_may_write_a_burst_and_then_as_much_as_it_is_paid_off) {
  write_quota quota(limits_of(1000, 20'000));
  const auto through = registrations_in(quota, 60s);
  BOOST_TEST(through >= 39);
  BOOST_TEST(through <= 41);
}

BOOST_AUTO_TEST_CASE(one_large_registration_may_overdraw_and_is_waited_for) {
  write_quota quota(limits_of(1000, 20'000));
  quota.registered(device, 19'999, start);
  BOOST_TEST((quota.device_wait(device, start) == 0s));
  quota.registered(device, 90'000, start);
  BOOST_TEST((quota.device_wait(device, start) == 90s));
  BOOST_TEST((quota.device_wait(device, start + 60s) == 30s));
  BOOST_TEST((quota.device_wait(device, start + 91s) == 0s));
  BOOST_TEST((quota.device_wait(other, start) == 0s));
}

BOOST_AUTO_TEST_CASE(an_id_is_one_device_in_every_spelling) {
  write_quota quota(limits_of(1000, 1000));
  quota.registered(device, 5000, start);
  BOOST_TEST((quota.device_wait(tests::named<events::registration_id>("DEV-1"), start) > 0s));
}

BOOST_AUTO_TEST_CASE(what_a_real_device_does_is_never_refused) {
  write_quota quota(write_limits{});
  // One that starts anew every second, for a day.
  for (auto now = start; now < start + 24h; now += 1s) {
    BOOST_TEST_REQUIRE((quota.device_wait(device, now) == 0s));
    quota.registered(device, 2000, now);
  }
}

BOOST_AUTO_TEST_CASE(one_credential_with_the_largest_payload_writes_less_than_200_mb_a_day) {
  write_quota quota(write_limits{});
  std::size_t bytes = 0;
  for (auto now = start; now < start + 24h; now += 100ms) {
    if (quota.device_wait(device, now) != 0s) continue;
    quota.registered(device, 90'000, now);
    bytes += 90'000;
  }
  BOOST_TEST(bytes < 200'000'000U);
}

BOOST_AUTO_TEST_CASE(a_scope_is_limited_in_events_and_in_bytes) {
  write_quota quota({.scope_events = {10, 20}, .scope_bytes = {1000, 2000}});
  quota.wrote(19, 10, start);
  BOOST_TEST((quota.scope_wait(start) == 0s));
  quota.wrote(21, 10, start);
  BOOST_TEST((quota.scope_wait(start) == 2s));
  BOOST_TEST((quota.scope_wait(start + 3s) == 0s));
  quota.wrote(1, 5000, start + 10s);
  BOOST_TEST((quota.scope_wait(start + 10s) == 3s));
}

BOOST_AUTO_TEST_CASE(a_rate_of_0_is_no_limit_and_remembers_nothing) {
  write_quota quota({.device_bytes = {}, .scope_events = {}, .scope_bytes = {}});
  for (int i = 0; i < 1000; ++i) {
    quota.registered(device, 1'000'000, start);
    quota.wrote(1000, 1'000'000'000, start);
  }
  BOOST_TEST((quota.device_wait(device, start) == 0s));
  BOOST_TEST((quota.scope_wait(start) == 0s));
  BOOST_TEST(quota.size() == 0U);
}

BOOST_AUTO_TEST_CASE(five_polls_are_free_and_then_one_in_two_seconds) {
  write_quota quota(write_limits{});
  for (int i = 0; i < 5; ++i) BOOST_TEST((quota.poll(device, start) == 0s));
  BOOST_TEST((quota.poll(device, start) > 0s));
  BOOST_TEST((quota.poll(other, start) == 0s));
  BOOST_TEST((quota.poll(device, start + 1s) > 0s));
  BOOST_TEST((quota.poll(device, start + 2s) == 0s));
  BOOST_TEST((quota.poll(device, start + 2s) > 0s));
}

BOOST_AUTO_TEST_CASE(who_owes_nothing_is_forgotten_and_the_table_is_bounded) {
  write_quota quota(limits_of(1000, 2000));
  auto now = start;
  quota.registered(device, 500'000'000, now);
  for (std::size_t i = 0; i < 2 * engine::limits::quota_devices_max; ++i) {
    if (i % 100 == 0) now += 1ms;
    quota.registered(tests::named<events::registration_id>("other-" + std::to_string(i)), 1'000'000, now);
    if (i % 1000 == 0) BOOST_TEST_REQUIRE(quota.size() <= engine::limits::quota_devices_max);
  }
  BOOST_TEST((quota.device_wait(device, now) > 0s));  // who owes most is remembered
  now += 24h;
  for (int i = 0; i < 3; ++i)
    quota.registered(tests::named<events::registration_id>("late-" + std::to_string(i)), 1, now);
  BOOST_TEST((quota.device_wait(other, now) == 0s));
}

BOOST_AUTO_TEST_SUITE_END()
