#include "engine/service_decisions.hpp"
#include "tests/support/domain.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

struct fixture : domain {
  template <class Command>
  decision decide_now(const Command& c) {
    return decided([&, current = snapshot()](entropy& random) {
      return engine::decide(c, decision_context{now, random, current, sequence});
    });
  }
  decision set(const std::string& url, const std::string& query = {}, const std::string& secret = {}) {
    return decide_now(set_webhook{scope, url, query, secret, {"muster.device_registered.v1"}, true});
  }
  std::string opened(std::string_view field, const events::sealed_text& box) const {
    return unseal(keys.at(service.data_key).key, events::stream_name::service(scope), field, box).value();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(webhook_decisions, fixture)

BOOST_AUTO_TEST_CASE(a_webhook_is_set_with_its_secrets_sealed) {
  const auto d = set("https://e.example/x", "code=s3cret", std::string(32, 'k'));
  BOOST_TEST(types_of(d) == std::vector<std::string>{"webhook_set"}, boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(service.webhook.has_value());
  const auto& endpoint = service.webhook->endpoint;
  BOOST_TEST(endpoint.url == "https://e.example/x");
  BOOST_TEST(opened("query", *endpoint.query) == "code=s3cret");
  BOOST_TEST(opened("secret", endpoint.secret) == std::string(32, 'k'));
  BOOST_TEST((service.webhook->since == service.webhook->changed));
  BOOST_TEST(events::to_json(d.events.front().data).find("s3cret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_secret_is_drawn_once_and_kept_when_the_endpoint_changes) {
  set("https://e.example/1");
  const auto drawn = opened("secret", service.webhook->endpoint.secret);
  const auto since = service.webhook->since;
  BOOST_TEST(drawn.size() == 32U);
  BOOST_TEST(!service.webhook->endpoint.query.has_value());
  set("https://e.example/2");
  BOOST_TEST(opened("secret", service.webhook->endpoint.secret) == drawn);
  // Deliveries go on where they stood: nothing is skipped for the new endpoint.
  BOOST_TEST((service.webhook->since == since));
  BOOST_TEST((service.webhook->changed > since));
}

BOOST_AUTO_TEST_CASE(resuming_and_removing_need_a_webhook) {
  for (const auto& d : {decide_now(resume_webhook{scope}), decide_now(remove_webhook{scope})}) {
    BOOST_TEST_REQUIRE(d.rejected.has_value());
    BOOST_TEST((d.rejected->code == rejection_code::webhook_not_found));
    BOOST_TEST(reads(d, "0ne00000001/service"));
  }
  set("https://e.example/1");
  const auto before = service.webhook->changed;
  decide_now(resume_webhook{scope});
  BOOST_TEST((service.webhook->changed > before));
  decide_now(remove_webhook{scope});
  BOOST_TEST(!service.webhook.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
