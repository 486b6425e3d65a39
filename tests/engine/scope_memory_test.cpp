#include "connectors/storage/memory_keyring.hpp"
#include "engine/scope_memory.hpp"
#include "tests/support/domain.hpp"
#include "tests/support/fake_catalog.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;
using namespace muster::tests;

namespace {

/// Read models that hold the service of a domain.
class stored_view final : public shard_view {
public:
  explicit stored_view(const domain& of) : of_(of) {}

  log_position position() const override { return {}; }
  result<as_of<device_state>> device(const events::id_scope&, const events::registration_id&) override { return {}; }
  result<as_of<hub_device_state>> hub_device(const events::id_scope&, const events::hub_name&,
                                             const events::device_id&) override {
    return {};
  }
  result<as_of<group_state>> group(const events::id_scope&, const events::group_id&) override { return {}; }
  result<as_of<std::optional<command_record>>> command(const events::id_scope&, std::string_view) override {
    return {};
  }
  result<std::vector<service_state>> services() override { return std::vector{of_.service}; }
  result<std::vector<std::pair<std::string, group_state>>> groups(const events::id_scope&) override {
    return std::vector<std::pair<std::string, group_state>>(of_.groups.begin(), of_.groups.end());
  }
  result<directory_state> directory() override { return {}; }
  result<page<registration_record>> registrations(const events::id_scope&, const registration_filter&,
                                                  const page_request&) override {
    return {};
  }
  result<partial_count> count_registrations(const events::id_scope&, const registration_filter&, std::string_view,
                                            std::size_t) override {
    return {};
  }
  result<std::optional<events::log_hour>> hour_ended_behind(events::log_sequence,
                                                            std::optional<events::log_hour>) override {
    return std::optional<events::log_hour>();
  }
  result<page<enrollment_record>> enrollments(const events::id_scope&, const page_request&) override { return {}; }
  result<page<hub_device_state>> hub_devices(const events::id_scope&, const events::hub_name&,
                                             const page_request&) override {
    return {};
  }
  result<std::vector<event_place>> stream_events(const events::stream_name&, events::log_sequence,
                                                 std::size_t) override {
    return {};
  }
  result<std::optional<events::log_offset>> frame_of(events::log_sequence) override {
    return std::optional<events::log_offset>();
  }
  result<std::vector<usage_hour>> usage(const events::id_scope&, events::log_hour, events::log_hour,
                                        std::size_t) override {
    return {};
  }
  result<std::optional<reaction_state>> reaction(std::string_view) override { return std::optional<reaction_state>(); }
  result<void> keep_reaction(std::string_view, const std::optional<reaction_state>&) override { return {}; }

private:
  const domain& of_;
};

struct fixture : domain {
  connectors::memory_keyring keyring{data_key(std::string(32, 'm'))};
  scope_memory memory{events::shard_id(3), keyring};
  std::size_t folded = 0;

  /// Folds what the domain decided since, and takes the snapshots.
  std::vector<std::shared_ptr<const scope_snapshot>> take() {
    for (const auto& [id, key] : keys) BOOST_TEST_REQUIRE(keyring.store({&key, 1}).has_value());
    folded_frame frame;
    frame.events.assign(history.begin() + static_cast<std::ptrdiff_t>(folded), history.end());
    folded = history.size();
    memory.fold(frame);
    auto taken = memory.take_changed();
    BOOST_TEST_REQUIRE(taken.has_value());
    return std::move(*taken);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(scope_memories, fixture)

BOOST_AUTO_TEST_CASE(a_changed_service_gives_a_snapshot_with_open_keys) {
  const auto made = put(group_of("Line"));
  const auto taken = take();
  BOOST_TEST_REQUIRE(taken.size() == 1U);
  const auto& snapshot = *taken.front();
  BOOST_TEST(snapshot.service.name.text() == "demo");
  BOOST_TEST(snapshot.shard.value() == 3U);
  BOOST_TEST((snapshot.data_key.id == service.data_key));
  BOOST_TEST(snapshot.data_key.key.bytes() == keys.at(service.data_key).key.bytes());
  BOOST_TEST(snapshot.policy_keys.at("provisioningserviceowner").primary.size() == 64U);
  BOOST_TEST(snapshot.groups.at("line")->keys->primary == made.keys_to_show->primary);
  BOOST_TEST(snapshot.groups.at("line")->state.group->id.text() == "Line");
}

BOOST_AUTO_TEST_CASE(what_did_not_change_gives_no_snapshot) {
  take();
  BOOST_TEST(take().empty());
  const auto key = put(enrollment_of("dev-1")).keys_to_show->primary;
  registers("dev-1", key);
  BOOST_TEST(take().empty());
  link("hub2");
  BOOST_TEST(take().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_snapshot_once_taken_never_changes) {
  const auto before = take().front();
  link("hub2");
  put(group_of("line"));
  const auto after = take().front();
  BOOST_TEST(before->service.hubs.size() == 1U);
  BOOST_TEST(before->groups.empty());
  BOOST_TEST(after->service.hubs.size() == 2U);
  BOOST_TEST(after->groups.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_changed_group_has_its_new_keys_and_the_others_are_shared) {
  put(group_of("line"));
  put(group_of("yard"));
  const auto before = take().front();
  auto c = group_of("line");
  c.if_match.what = precondition::kind::any;
  c.keys.primary = events::to_base64(std::string(32, 'n'));
  put(c);
  const auto after = take().front();
  BOOST_TEST(after->groups.at("line")->keys->primary == std::string(32, 'n'));
  BOOST_TEST(after->groups.at("yard") == before->groups.at("yard"));
}

BOOST_AUTO_TEST_CASE(a_deleted_group_is_forgotten_until_it_is_made_again) {
  put(group_of("line"));
  remove(delete_group{scope, named<events::group_id>("line"), {}});
  const auto snapshot = take().front();
  BOOST_TEST(snapshot->groups.empty());
  put(group_of("LINE"));
  const auto again = take().front();
  BOOST_TEST(again->groups.contains("line"));
}

BOOST_AUTO_TEST_CASE(a_group_whose_key_is_gone_is_there_and_closed) {
  put(group_of("line"));
  const auto key = group("line").group->terms.attestation.data_key;
  const auto kept = keys.extract(key).mapped();
  const auto snapshot = take().front();
  BOOST_TEST_REQUIRE(snapshot->groups.contains("line"));
  BOOST_TEST(!snapshot->groups.at("line")->keys.has_value());
  BOOST_TEST(snapshot->groups.at("line")->state.version.value() == 1U);
  BOOST_TEST_REQUIRE(keyring.store({&kept, 1}).has_value());
  link("hub2");
  BOOST_TEST(take().front()->groups.at("line")->keys.has_value());
}

BOOST_AUTO_TEST_CASE(a_service_whose_key_is_gone_is_corrupt_and_says_what_to_do) {
  folded_frame frame;
  frame.events = history;
  memory.fold(frame);
  const auto taken = memory.take_changed();
  BOOST_TEST_REQUIRE(!taken.has_value());
  BOOST_TEST((taken.error().code == errc::corrupt));
  BOOST_TEST(taken.error().text.find("service 'demo'") != std::string::npos);
  BOOST_TEST(taken.error().text.find("Restore the keyring") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(loading_what_was_stored_gives_what_folding_gives) {
  put(group_of("line"));
  put(group_of("yard"));
  remove(delete_group{scope, named<events::group_id>("yard"), {}});
  const auto folded_one = take().front();
  scope_memory loaded(events::shard_id(3), keyring);
  stored_view view(*this);
  BOOST_TEST_REQUIRE(loaded.load(view).has_value());
  const auto taken = loaded.take_changed();
  BOOST_TEST_REQUIRE(taken.has_value());
  BOOST_TEST_REQUIRE(taken->size() == 1U);
  const auto& loaded_one = *taken->front();
  BOOST_TEST(events::to_row(loaded_one.service) == events::to_row(folded_one->service));
  BOOST_TEST(loaded_one.groups.size() == 1U);
  BOOST_TEST(loaded_one.groups.at("line")->keys->primary == folded_one->groups.at("line")->keys->primary);
}

BOOST_AUTO_TEST_SUITE_END()
