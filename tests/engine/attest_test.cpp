#include "engine/attestation/attest.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using events::key_slot;
using events::refusal_reason;
using std::chrono::seconds;

namespace {

const std::string own_primary(32, 'p');
const std::string own_secondary(32, 's');
const opened_keys line_keys(std::string(64, 'l'), std::string(64, 'm'));
const opened_keys yard_keys(std::string(64, 'y'), std::string(64, 'z'));
const opened_keys own_keys(own_primary, own_secondary);
const auto now = tests::history_builder::start;
const auto later = now + seconds(3600);

/// A scope with the groups `line` and `yard`, and a device that has what a test gives it.
struct fixture {
  scope_snapshot scope;
  device_state device;
  const opened_keys* individual = nullptr;

  fixture() {
    scope.service.scope = tests::scope_a;
    add_group("line", line_keys);
    add_group("yard", yard_keys);
  }

  void add_group(std::string_view id, const opened_keys& keys, bool enabled = true) {
    opened_group group{{}, group_keys(keys)};
    group.state.version = events::stream_version(6);
    group.state.group.emplace();
    group.state.group->id = tests::named<events::group_id>(id);
    if (!enabled) group.state.group->terms.status = events::provisioning_status::disabled;
    scope.groups[std::string(id)] = std::make_shared<const opened_group>(std::move(group));
  }

  void enroll(bool enabled = true) {
    device.enrollment.emplace();
    device.enrollment->version = events::stream_version(4);
    if (!enabled) device.enrollment->enrollment.terms.status = events::provisioning_status::disabled;
    individual = &own_keys;
  }

  void record_group(std::string_view id) {
    device.registration.emplace();
    device.registration->group = tests::named<events::group_id>(id);
  }

  attestation_verdict judge(std::string_view id, std::optional<std::string> token) const {
    evidence shown;
    shown.presented = tests::named<events::registration_id>(id);
    shown.token = std::move(token);
    return attest(scope, device, individual, shown, now);
  }
  /// With a token that is good but for `key`.
  attestation_verdict judge_key(std::string_view id, std::string_view key) const {
    return judge(id, tests::sign(key, "0ne00000001/registrations/" + std::string(id), later));
  }
};

std::string derived(std::string_view group_key, std::string_view id) {
  return hmac_sha256(group_key, id);
}

/// The name of the first check that failed.
std::string failed_check(const attestation_verdict& verdict) {
  for (const auto& check : verdict.checks) {
    if (!check.passed) return check.name;
  }
  return {};
}

void check_refused(const attestation_verdict& verdict, refusal_reason reason, std::string_view check) {
  BOOST_TEST(!verdict.attested());
  BOOST_TEST_REQUIRE(verdict.refusal.has_value());
  BOOST_TEST(events::name_of(*verdict.refusal) == events::name_of(reason));
  BOOST_TEST(failed_check(verdict) == check);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attestation, fixture)

BOOST_AUTO_TEST_CASE(either_key_of_an_individual_enrollment_lets_a_device_in) {
  enroll();
  for (const auto& [key, slot] :
       {std::pair(own_primary, key_slot::primary), std::pair(own_secondary, key_slot::secondary)}) {
    const auto verdict = judge_key("dev-1", key);
    BOOST_TEST(verdict.attested());
    BOOST_TEST((verdict.slot == slot));
    BOOST_TEST((verdict.enrollment == events::enrollment_reference{{}, events::stream_version(4)}));
    BOOST_TEST(verdict.group == nullptr);
    BOOST_TEST((verdict.token_expiry == later));
  }
}

BOOST_AUTO_TEST_CASE(a_key_derived_from_either_key_of_a_group_lets_a_device_in) {
  for (const auto& [key, slot] :
       {std::pair(yard_keys.primary, key_slot::primary), std::pair(yard_keys.secondary, key_slot::secondary)}) {
    const auto verdict = judge_key("dev-1", derived(key, "dev-1"));
    BOOST_TEST(verdict.attested());
    BOOST_TEST((verdict.slot == slot));
    BOOST_TEST_REQUIRE(verdict.group != nullptr);
    BOOST_TEST(verdict.group->state.group->id.text() == "yard");
    BOOST_TEST((verdict.enrollment ==
                events::enrollment_reference{tests::named<events::group_id>("yard"), events::stream_version(6)}));
  }
}

BOOST_AUTO_TEST_CASE(a_group_whose_keys_are_lost_lets_nobody_in_and_the_refusal_says_so) {
  auto closed = *scope.groups.at("yard");
  closed.keys.reset();
  scope.groups["yard"] = std::make_shared<const opened_group>(std::move(closed));
  for (const auto& key : {derived(yard_keys.primary, "dev-1"), derived("", "dev-1"), std::string()}) {
    const auto verdict = judge_key("dev-1", key);
    check_refused(verdict, refusal_reason::unknown_registration, "enrollment");
    BOOST_TEST(verdict.closed_groups == 1U);
    BOOST_TEST(verdict.checks.at(4).input.find("1 of them could not be tried") != std::string::npos);
  }
  BOOST_TEST(judge_key("dev-1", derived(line_keys.primary, "dev-1")).attested());
}

BOOST_AUTO_TEST_CASE(a_groups_own_key_lets_nobody_in) {
  check_refused(judge_key("dev-1", yard_keys.primary), refusal_reason::unknown_registration, "enrollment");
}

// DPS: how-to-legacy-device-symm-key.
BOOST_AUTO_TEST_CASE(device_keys_are_derived_as_the_vendor_documents) {
  const auto group =
      *events::from_base64("8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==");
  const auto keys = derive_device_keys({group, "another"}, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6");
  BOOST_TEST(events::to_base64(keys.primary) == "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=");
  BOOST_TEST(keys.secondary == hmac_sha256("another", "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"));
}

BOOST_AUTO_TEST_CASE(a_device_key_is_derived_from_the_id_as_presented_or_lower_cased) {
  for (const auto* spelling : {"Dev-A", "dev-a"}) {
    const auto verdict = judge_key("Dev-A", derived(line_keys.primary, spelling));
    BOOST_TEST(verdict.attested());
    BOOST_TEST(verdict.derived_from == spelling);
  }
  check_refused(judge_key("Dev-A", derived(line_keys.primary, "DEV-A")), refusal_reason::unknown_registration,
                "enrollment");
  check_refused(judge_key("dev-a", derived(line_keys.primary, "Dev-A")), refusal_reason::unknown_registration,
                "enrollment");
}

BOOST_AUTO_TEST_CASE(the_group_of_the_record_is_tried_first) {
  add_group("another", line_keys);  // stands before `line` in any order of names
  BOOST_TEST(judge_key("dev-1", derived(line_keys.primary, "dev-1")).group->state.group->id.text() == "another");
  record_group("LINE");
  BOOST_TEST(judge_key("dev-1", derived(line_keys.primary, "dev-1")).group->state.group->id.text() == "line");
}

BOOST_AUTO_TEST_CASE(another_group_takes_over_from_the_group_of_the_record) {
  record_group("line");
  BOOST_TEST(judge_key("dev-1", derived(yard_keys.primary, "dev-1")).group->state.group->id.text() == "yard");
  record_group("gone");
  BOOST_TEST(judge_key("dev-1", derived(yard_keys.primary, "dev-1")).attested());
}

BOOST_AUTO_TEST_CASE(an_individual_enrollment_decides_alone) {
  enroll();
  const auto verdict = judge_key("dev-1", derived(line_keys.primary, "dev-1"));
  check_refused(verdict, refusal_reason::signature_mismatch, "signature");
  BOOST_TEST(verdict.group == nullptr);
}

BOOST_AUTO_TEST_CASE(a_disabled_individual_enrollment_blocks_a_device_that_an_enabled_group_would_let_in) {
  enroll(false);
  check_refused(judge_key("dev-1", derived(line_keys.primary, "dev-1")), refusal_reason::signature_mismatch,
                "signature");
  check_refused(judge_key("dev-1", own_primary), refusal_reason::enrollment_disabled, "status");
}

BOOST_AUTO_TEST_CASE(an_individual_enrollment_lets_in_a_device_of_a_disabled_group) {
  add_group("line", line_keys, false);
  enroll();
  BOOST_TEST(judge_key("dev-1", own_primary).attested());
}

BOOST_AUTO_TEST_CASE(a_disabled_group_lets_nobody_in) {
  add_group("line", line_keys, false);
  const auto verdict = judge_key("dev-1", derived(line_keys.primary, "dev-1"));
  check_refused(verdict, refusal_reason::enrollment_disabled, "status");
  BOOST_TEST(verdict.group != nullptr);
}

BOOST_AUTO_TEST_CASE(only_who_proved_to_be_the_device_is_told_that_it_is_disabled) {
  enroll(false);
  check_refused(judge_key("dev-1", "a wrong key"), refusal_reason::signature_mismatch, "signature");
  check_refused(judge("dev-1", tests::sign(own_primary, "0ne00000001/registrations/dev-1", now - seconds(1))),
                refusal_reason::token_expired, "expiry");
  check_refused(judge("dev-1", tests::sign(own_primary, "0ne00000001/registrations/dev-2", later)),
                refusal_reason::wrong_resource, "resource");
}

BOOST_AUTO_TEST_CASE(a_token_is_good_until_the_second_of_its_expiry) {
  enroll();
  BOOST_TEST(judge("dev-1", tests::sign(own_primary, "0ne00000001/registrations/dev-1", now)).attested());
  check_refused(judge("dev-1", tests::sign(own_primary, "0ne00000001/registrations/dev-1", now - seconds(1))),
                refusal_reason::token_expired, "expiry");
}

BOOST_AUTO_TEST_CASE(a_resource_counts_without_letter_case_and_however_it_is_escaped) {
  enroll();
  for (const auto* resource : {"0ne00000001/registrations/Dev:1", "0NE00000001/REGISTRATIONS/DEV:1",
                               "0ne00000001%2Fregistrations%2FDev%3A1", "0ne00000001%2fregistrations%2fdev%3a1"}) {
    BOOST_TEST(judge("Dev:1", tests::sign(own_primary, resource, later)).attested(), resource);
  }
}

BOOST_AUTO_TEST_CASE(a_token_for_something_else_is_refused) {
  enroll();
  for (const auto* resource :
       {"0ne00000001/registrations/dev-2", "0ne00000001/registrations/dev-1/", "0ne00000001/registrations/dev-12",
        "0ne00000001/registrations", "0ne00000001", "0ne00000001/devices/dev-1", "0ne00000001//registrations/dev-1"}) {
    BOOST_TEST_CONTEXT(resource) {
      check_refused(judge("dev-1", tests::sign(own_primary, resource, later)), refusal_reason::wrong_resource,
                    "resource");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_token_for_another_scope_is_refused) {
  enroll();
  for (const auto* resource :
       {"0ne00000002/registrations/dev-1", "registrations/dev-1", "", "/0ne00000001/registrations/dev-1", "dev-1"}) {
    BOOST_TEST_CONTEXT(resource) {
      check_refused(judge("dev-1", tests::sign(own_primary, resource, later)), refusal_reason::wrong_scope, "scope");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused) {
  enroll();
  for (const auto* token : {"", "SharedAccessSignature", "SharedAccessSignature sr=a", "Bearer x"}) {
    check_refused(judge("dev-1", token), refusal_reason::malformed_token, "token");
  }
  const auto signed_by_policy = tests::sign(own_primary, "0ne00000001/registrations/dev-1", later, "&skn=owner");
  check_refused(judge("dev-1", signed_by_policy), refusal_reason::malformed_token, "token");
}

BOOST_AUTO_TEST_CASE(the_key_name_may_be_registration_empty_or_absent) {
  enroll();
  for (const auto* rest : {"&skn=registration", "&skn=", ""}) {
    BOOST_TEST(judge("dev-1", tests::sign(own_primary, "0ne00000001/registrations/dev-1", later, rest)).attested(),
               rest);
  }
}

BOOST_AUTO_TEST_CASE(a_device_without_a_credential_is_refused) {
  enroll();
  check_refused(judge("dev-1", std::nullopt), refusal_reason::no_credential, "credential");
}

BOOST_AUTO_TEST_CASE(an_id_that_nobody_vouches_for_is_unknown) {
  check_refused(judge_key("dev-1", "a key"), refusal_reason::unknown_registration, "enrollment");
  scope.groups.clear();
  check_refused(judge_key("dev-1", "a key"), refusal_reason::unknown_registration, "enrollment");
}

BOOST_AUTO_TEST_CASE(a_device_of_a_group_with_a_wrong_key_is_not_unknown) {
  record_group("line");
  check_refused(judge_key("dev-1", "a key"), refusal_reason::signature_mismatch, "enrollment");
}

BOOST_AUTO_TEST_CASE(a_device_whose_enrollment_or_group_is_gone_is_unknown) {
  device.registration.emplace().id = tests::named<events::registration_id>("dev-1");
  check_refused(judge_key("dev-1", own_primary), refusal_reason::unknown_registration, "enrollment");
  record_group("gone");
  check_refused(judge_key("dev-1", "a key"), refusal_reason::unknown_registration, "enrollment");
  record_group("line");
  scope.groups.clear();
  check_refused(judge_key("dev-1", "a key"), refusal_reason::unknown_registration, "enrollment");
}

BOOST_AUTO_TEST_CASE(an_enrollment_whose_keys_are_gone_lets_nobody_in) {
  enroll();
  individual = nullptr;
  check_refused(judge_key("dev-1", own_primary), refusal_reason::signature_mismatch, "signature");
}

BOOST_AUTO_TEST_CASE(every_check_of_an_attested_device_is_written_down) {
  const auto verdict = judge_key("Dev-1", derived(line_keys.primary, "Dev-1"));
  std::vector<std::string> names;
  for (const auto& check : verdict.checks) {
    names.push_back(check.name);
    BOOST_TEST(check.passed);
    BOOST_TEST(check.input != "");
  }
  const std::vector<std::string> expected = {"credential", "token",     "scope",  "resource",
                                             "enrollment", "signature", "expiry", "status"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(checks_hold_neither_token_nor_signature_nor_key) {
  enroll();
  for (const auto* key : {&own_primary, &line_keys.primary}) {
    const auto token = tests::sign(*key, "0ne00000001/registrations/dev-1", later);
    const auto begin = token.find("sig=") + 4;
    const auto signature = token.substr(begin, token.find("&se=") - begin);
    for (const auto& check : judge("dev-1", token).checks) {
      BOOST_TEST(check.input.find(signature.substr(0, 10)) == std::string::npos);
      BOOST_TEST(check.input.find(events::to_base64(*key)) == std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_strangers_text_is_kept_only_so_far) {
  enroll();
  const auto long_resource = judge("dev-1", tests::sign(own_primary, std::string(3000, 'r'), later));
  const auto long_name = judge("dev-1", tests::sign(own_primary, "r", later, "&skn=" + std::string(3000, 'n')));
  for (const auto* verdict : {&long_resource, &long_name}) {
    for (const auto& check : verdict->checks) BOOST_TEST(check.input.size() <= 256U);
  }
}

BOOST_AUTO_TEST_CASE(the_answer_is_the_same_whatever_the_reason) {
  BOOST_TEST((not_attested().code == rejection_code::not_attested));
  BOOST_TEST(not_attested().message == "Unauthorized");
}

BOOST_AUTO_TEST_CASE(a_report_holds_what_was_checked_and_the_address_under_seal) {
  enroll();
  tests::fake_entropy random;
  const auto key = fresh_key(random);
  const auto stream = events::stream_name::device(tests::scope_a, tests::named<events::registration_id>("dev-1"));
  evidence shown{tests::named<events::registration_id>("Dev-1"), std::nullopt, "https", "2019-03-31", "192.0.2.7"};
  const auto verdict = judge_key("Dev-1", own_secondary);
  const auto report = report_of(verdict, shown, key, stream, random);
  BOOST_TEST(report.presented.text() == "Dev-1");
  BOOST_TEST(report.protocol == "https");
  BOOST_TEST(report.api_version == "2019-03-31");
  BOOST_TEST((report.slot == key_slot::secondary));
  BOOST_TEST((report.token_expiry == later));
  BOOST_TEST((report.enrollment == verdict.enrollment));
  BOOST_TEST((report.checks == verdict.checks));
  BOOST_TEST((unseal(key.key, stream, "sourceAddress", *report.source_address) == std::string("192.0.2.7")));
  shown.source_address.clear();
  BOOST_TEST(!report_of(verdict, shown, key, stream, random).source_address.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
