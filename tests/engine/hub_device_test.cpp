#include "engine/hub_device.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::tests;
using namespace std::chrono_literals;

namespace {

constexpr auto start = history_builder::start;
const events::device_twin first_twin{{R"({"site":"a"})"}, {R"({"rate":1})"}, {R"({"seen":1})"}};
const events::device_twin reset_twin{{R"({"site":"b"})"}, {"{}"}, {"{}"}};

/// `dev-1` in the registry of hub1, and what happens to it, a minute apart.
struct fixture {
  engine::hub_device_state state;
  events::timestamp now = start;

  void happens(placed_event e) {
    now += 1min;
    evolve(state, {{e.stream, state.version.next(), {}, now, {}, {}, {}, {}, false}, std::move(e.data)});
  }
  void is_made() {
    auto made = hub_device_made(scope_a, "dev-1");
    std::get<events::hub_device_created>(made.data).twin = first_twin;
    happens(std::move(made));
  }
  void is_updated(std::optional<events::device_twin> twin) {
    auto identity = *state.identity;
    const auto former = std::exchange(identity.data_key, data_key_named("another"));
    identity.iot_edge = true;
    const auto stream = events::stream_name::hub_device(scope_a, identity.hub, identity.id);
    happens({stream, events::hub_device_updated{std::move(identity), std::move(twin), former}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hub_device_evolves, fixture)

BOOST_AUTO_TEST_CASE(it_is_made_with_identity_and_twin) {
  is_made();
  BOOST_TEST_REQUIRE(state.identity.has_value());
  BOOST_TEST(state.identity->id.text() == "dev-1");
  BOOST_TEST(state.identity->hub.text() == "hub1");
  BOOST_TEST((state.twin == first_twin));
  BOOST_TEST(state.version.value() == 1U);
  BOOST_TEST((state.created == start + 1min));
  BOOST_TEST((state.updated == start + 1min));
}

BOOST_AUTO_TEST_CASE(an_update_changes_the_identity_and_only_a_reset_the_twin) {
  is_made();
  is_updated({});
  BOOST_TEST(state.identity->iot_edge);
  BOOST_TEST((state.identity->data_key == data_key_named("another")));
  BOOST_TEST((state.twin == first_twin));
  is_updated(reset_twin);
  BOOST_TEST((state.twin == reset_twin));
  BOOST_TEST(state.version.value() == 3U);
  BOOST_TEST((state.created == start + 1min));
  BOOST_TEST((state.updated == start + 3min));
}

BOOST_AUTO_TEST_CASE(a_deletion_takes_identity_and_twin_and_leaves_the_version) {
  is_made();
  happens(hub_device_removed(scope_a, "dev-1"));
  BOOST_TEST(!state.identity.has_value());
  BOOST_TEST((state.twin == events::device_twin()));
  BOOST_TEST(state.version.value() == 2U);
  is_made();
  BOOST_TEST(state.version.value() == 3U);
  BOOST_TEST((state.created == start + 3min));
}

BOOST_AUTO_TEST_SUITE_END()
