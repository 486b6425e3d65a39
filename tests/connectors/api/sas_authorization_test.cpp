#include "connectors/api/sas_authorization.hpp"
#include "engine/attestation/sas_token.hpp"
#include "events/bytes.hpp"
#include "tests/support/service_requests.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace muster;
using connectors::authorize;
using connectors::http_request;
using connectors::resource_covers;
using tests::sign;

constexpr auto now = events::timestamp(std::chrono::seconds(1'795'229'000));
const std::string host = "my-dps.azure-devices-provisioning.net";
const std::string vector_key = "dGhpcy1pcy1hLXRlc3Qta2V5LW9mLTMyLWJ5dGVzISE=";

engine::scope_snapshot service_with(const std::string& primary, const std::string& secondary) {
  engine::scope_snapshot service;
  service.service.name = *events::service_name::parse("my-dps");
  service.service.policies.push_back({"owner", {}, {events::access_right::enrollment_read}});
  service.policy_keys.emplace("owner", engine::opened_keys(primary, secondary));
  return service;
}

http_request asking(std::string authorization) {
  http_request request;
  request.method = "GET";
  request.path = {"enrollments", "dev-1"};
  if (!authorization.empty()) request.headers.emplace_back("authorization", std::move(authorization));
  return request;
}

std::string outcome(const engine::scope_snapshot& service, const std::string& token) {
  const auto who = authorize(asking(token), host, &service, {}, now);
  return who ? who->by : std::to_string(who.error().code) + " " + who.error().message;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sas_authorization)

BOOST_AUTO_TEST_CASE(without_a_service_everything_is_refused_as_with_one) {
  const auto service = service_with("primary-primary!", "secondary-second");
  for (const auto& token : {std::string(), std::string("nonsense"), sign(host, "primary-primary!", "", 2'000'000'000),
                            sign(host, "guess", "owner", 2'000'000'000), std::string("Bearer guess")}) {
    const auto with = authorize(asking(token), host, &service, {}, now);
    const auto without = authorize(asking(token), host, nullptr, {}, now);
    BOOST_REQUIRE(!with);
    BOOST_REQUIRE(!without);
    BOOST_TEST(with.error().code == without.error().code);
    BOOST_TEST(with.error().message == without.error().message);
  }
  BOOST_TEST(!authorize(asking(sign(host, "primary-primary!", "owner", 2'000'000'000)), host, nullptr, {}, now));
}

BOOST_AUTO_TEST_CASE(the_tokens_of_real_clients_are_verified) {
  const auto nodes = service_with(std::string(32, '\1'), "other key, other key");
  BOOST_TEST(outcome(nodes,
                     "SharedAccessSignature sr=My-DPS.azure-devices-provisioning.net&sig="
                     "sG24yFrHOgIoMWtHRdXo7MFaxYFhl03Dv0JvXtX5a24%3D&skn=owner&se=1795229360") == "policy:owner");
  const auto docs = service_with("other key, other key", *events::from_base64(vector_key));
  BOOST_TEST(outcome(docs,
                     "SharedAccessSignature sr=my-dps.azure-devices-provisioning.net&sig="
                     "GTZFx9vohhFJKW80HHtkRlurMtjzX%2fBIwumytgfetfo%3d&se=2000000000&skn=owner") == "policy:owner");
  BOOST_TEST(
      outcome(
          docs,
          "sharedaccesssignature skn=owner&se=2000000000&sr=my-dps.azure-devices-provisioning.net%2fenrollments&sig="
          "ddCTnRLWv4r0SBv%2FQ3LO35dlP9zLoyPRpNlzbdEmyEI%3D") == "policy:owner");
}

BOOST_AUTO_TEST_CASE(either_key_of_the_policy_signs) {
  const auto service = service_with("primary-primary!", "secondary-second");
  BOOST_TEST(outcome(service, sign(host, "primary-primary!", "owner", 2'000'000'000)) == "policy:owner");
  BOOST_TEST(outcome(service, sign(host, "secondary-second", "owner", 2'000'000'000)) == "policy:owner");
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_check_that_failed) {
  const auto service = service_with("primary-primary!", "secondary-second");
  const auto good = sign(host, "primary-primary!", "owner", 2'000'000'000);
  struct row {
    std::string token;
    std::string says;
  };
  const row rows[] = {
      {"", "401000 Unauthorized: the header Authorization is missing"},
      {"Basic dXNlcjpwYXNz",
       "401000 Unauthorized: the header Authorization is missing or is no shared access signature"},
      {"SharedAccessSignature sr=x&se=1", "401000"},
      {good + "&sr=other", "401000"},
      {sign(host, "primary-primary!", "", 2'000'000'000),
       "401002 Unauthorized: the token names no policy; add skn=POLICY."},
      {sign(host, "another key here", "owner", 2'000'000'000),
       "401002 Unauthorized: the token is not signed with a key of the policy 'owner'"},
      {sign(host, "primary-primary!", "nobody", 2'000'000'000),
       "401002 Unauthorized: the token is not signed with a key of the policy 'nobody'"},
      {sign(host, "primary-primary!", "owner", 1'795'228'999), "401002 Unauthorized: the token expired at 2026-11-21T"},
      {sign("other.example.com", "primary-primary!", "owner", 2'000'000'000),
       "401002 Unauthorized: the token is for 'other.example.com'"},
      {sign(host + "/enrollmentGroups", "primary-primary!", "owner", 2'000'000'000), "not for this path"},
      {"Bearer something", "401002 Unauthorized: this is no operator's token"},
  };
  for (const auto& each : rows) {
    const auto said = outcome(service, each.token);
    BOOST_TEST(contains(said, each.says), each.token << " -> " << said);
  }
}

BOOST_AUTO_TEST_CASE(a_token_changed_in_any_part_is_refused) {
  const auto service = service_with("primary-primary!", "secondary-second");
  const auto good = sign(host, "primary-primary!", "owner", 2'000'000'000);
  BOOST_REQUIRE_EQUAL(outcome(service, good), "policy:owner");
  for (std::size_t at = std::string_view("SharedAccessSignature ").size(); at < good.size(); ++at) {
    auto changed = good;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    BOOST_TEST(outcome(service, changed).starts_with("401"), changed);
  }
}

BOOST_AUTO_TEST_CASE(a_resource_covers_its_host_and_whole_segments_below_its_path) {
  const std::vector<std::string> path = {"enrollments", "a b"};
  for (const auto* good :
       {"h.example", "H.Example", "h.example:8443", "https://h.example/", "https://h.example:443", "h.example/",
        "h.example/enrollments", "h.example/Enrollments/A B", "https://h.example/enrollments/"}) {
    BOOST_TEST(resource_covers(good, "h.example", path), good);
  }
  for (const auto* bad : {"", "/", "example", "h.example.com", "h.example/enroll", "h.example/enrollments/a",
                          "h.example//enrollments", "h.example/enrollments/a b/c", "x.h.example", "h.example@evil"}) {
    BOOST_TEST(!resource_covers(bad, "h.example", path), bad);
  }
  BOOST_TEST(resource_covers("[::1]:8443", "[::1]", path));
  BOOST_TEST(resource_covers("[::1]", "[::1]", path));
}

BOOST_AUTO_TEST_CASE(an_operator_may_do_everything_and_a_policy_what_its_rights_say) {
  using enum events::access_right;
  const connectors::operator_token token{"alice", events::sha256("secret-token")};
  const auto service = service_with("primary-primary!", "secondary-second");
  const auto alice = authorize(asking("bearer secret-token"), host, &service, {&token, 1}, now);
  BOOST_REQUIRE(alice);
  BOOST_TEST(alice->by == "operator:alice");
  BOOST_TEST(!lacking(*alice, {enrollment_write, service_config}).has_value());
  const auto owner =
      authorize(asking(sign(host, "primary-primary!", "owner", 2'000'000'000)), host, &service, {&token, 1}, now);
  BOOST_REQUIRE(owner);
  BOOST_TEST(!lacking(*owner, {enrollment_read}).has_value());
  const auto refusal = lacking(*owner, {enrollment_read, enrollment_write});
  BOOST_REQUIRE(refusal);
  BOOST_TEST(refusal->code == 401002);
  BOOST_TEST(refusal->message == "Unauthorized: policy:owner lacks the right EnrollmentWrite.");
  BOOST_TEST(!authorize(asking("Bearer secret-tokeN"), host, &service, {&token, 1}, now).has_value());
  BOOST_TEST(!authorize(asking("Bearer "), host, &service, {&token, 1}, now).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
