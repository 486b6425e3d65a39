#include "connectors/webhook/webhook_sender.hpp"
#include "engine/sealing.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/http_api_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using tests::contains;
using tests::error_of;

namespace {

struct fixture : tests::http_api_fixture {
  fixture() {
    gateway.answer_with = [this](const engine::command&) -> engine::answer {
      return engine::service_answer{catalog.services.front()};
    };
  }

  connectors::http_response as_alice(std::string method, std::string_view target, std::string body = {}) {
    return ask(std::move(method), target,
               {{"authorization", bearer}, {"content-type", "application/json; charset=utf-8"}}, std::move(body));
  }

  void give_webhook() {
    auto service = make_service("demo", "0ne00000001");
    const auto stream = events::stream_name::service(service->service.scope);
    tests::fake_entropy random;
    engine::webhook_state webhook;
    webhook.endpoint.url = "https://e.example/x";
    webhook.endpoint.query = engine::seal(service->data_key, stream, "query", "code=s3cret", random);
    webhook.endpoint.secret = engine::seal(service->data_key, stream, "secret", std::string(32, 'k'), random);
    webhook.endpoint.types = {"muster.hub_linked.v1"};
    webhook.since = events::log_sequence(4);
    webhook.changed = events::log_sequence(9);
    service->service.webhook = webhook;
    catalog.services = {service};
  }
};

const std::string path = "/operator/services/demo/webhook";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(webhook_api, fixture)

BOOST_AUTO_TEST_CASE(what_is_set_is_checked_and_taken_apart) {
  give_webhook();
  const auto set =
      as_alice("PUT", path, R"({"url":"https://e.example/x?code=1","types":["device_registered"],"validate":false})");
  BOOST_TEST(set.status == 200);
  const auto& command = gateway.last<engine::set_webhook>();
  BOOST_TEST(command.url == "https://e.example/x");
  BOOST_TEST(command.query == "code=1");
  BOOST_TEST(command.secret.empty());
  BOOST_TEST(command.types == std::vector<std::string>{"muster.device_registered.v1"},
             boost::test_tools::per_element());
  BOOST_TEST(!command.validate);
  const std::pair<std::string, std::string> wrong[] = {{R"({})", "url"},
                                                       {R"({"url":"http://e.example/"})", "url"},
                                                       {R"({"url":"https://e.example/","secret":"short"})", "secret"},
                                                       {R"({"url":"https://e.example/","types":["nothing"]})", "types"},
                                                       {R"({"url":"https://e.example/","validate":"no"})", "validate"},
                                                       {R"({"url":"https://e.example/","type":[]})", "type: there is"}};
  for (const auto& [body, member] : wrong)
    BOOST_TEST(error_of(as_alice("PUT", path, body)).starts_with("400 400004 " + member), body);
}

BOOST_AUTO_TEST_CASE(an_event_type_that_there_is_not_is_told_in_one_sentence) {
  BOOST_TEST(error_of(as_alice("PUT", path, R"({"url":"https://e.example/","types":["nothing"]})")) ==
             "400 400004 types: there is no event type 'nothing'; expected names such as device_registered, separated "
             "by commas.");
}

BOOST_AUTO_TEST_CASE(it_is_shown_without_secrets_unless_they_are_asked_for) {
  BOOST_TEST(as_alice("GET", path).status == 404);
  give_webhook();
  BOOST_TEST(as_alice("GET", path).body ==
             R"({"url":"https://e.example/x?...","types":["muster.hub_linked.v1"],"validate":true,)"
             R"("delivery":{"state":"delivering","done":"0-4"}})");
  const auto with_keys = as_alice("GET", path + "?keys=true").body;
  BOOST_TEST(contains(with_keys, "https://e.example/x?code=s3cret"));
  BOOST_TEST(contains(with_keys, "\"secret\":\"whsec_a2tr"));
  BOOST_TEST(
      contains(as_alice("GET", "/operator/services/demo").body, R"("webhook":{"url":"https://e.example/x?...")"));
  BOOST_TEST(ask("GET", path).status == 401);
}

BOOST_AUTO_TEST_CASE(how_deliveries_go_is_shown_and_parked_ones_are_resumed) {
  give_webhook();
  auto& state = catalog.rows->reactions[connectors::webhook_reaction(*events::id_scope::parse("0ne00000001"))];
  state.done = events::log_sequence(7);
  state.failing_since = events::timestamp();
  state.failure = "no answer";
  BOOST_TEST(contains(as_alice("GET", path).body, R"("delivery":{"state":"failing","done":"0-7","failingSince":)"));
  state.parked = events::log_sequence(9);
  BOOST_TEST(contains(as_alice("GET", path).body, R"("state":"parked")"));
  BOOST_TEST(as_alice("POST", path + "/resume", "{}").status == 200);
  BOOST_TEST(gateway.last<engine::resume_webhook>().scope.text() == "0ne00000001");
  // It was given up on for what was set then.
  state.parked = events::log_sequence(8);
  BOOST_TEST(contains(as_alice("GET", path).body, R"("state":"failing")"));
}

BOOST_AUTO_TEST_SUITE_END()
