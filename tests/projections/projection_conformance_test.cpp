#include "engine/limits.hpp"
#include "projections/row_projection.hpp"
#include "projections/rows.hpp"
#include "tests/projections/projection_fixture.hpp"

#include <boost/mpl/list.hpp>

/// One suite for every kind of projection.
namespace muster::tests {

namespace {

using namespace std::chrono_literals;
using engine::page_request;
using engine::registration_filter;
using events::registration_status;

using kinds = boost::mpl::list<memory_store, disk_store>;
using ids = std::vector<std::string>;

template <class Kind>
struct folded : Kind {
  history_builder history;
  std::shared_ptr<engine::shard_projection> view = this->store->open(shard).value();

  /// Ends the frame at hand, and folds whatever is new.
  void fold() {
    history.commit();
    const auto frames = history.take_frames();
    const auto applied = view->apply(frames);
    BOOST_TEST_REQUIRE(applied.has_value(), (applied ? "" : applied.error().text));
  }

  engine::device_state device(std::string_view id, const events::id_scope& scope = scope_a) {
    return view->device(scope, named<events::registration_id>(id)).value().value;
  }

  /// Ids of all pages of `limit` entries.
  std::vector<std::string> registered_ids(const registration_filter& filter = {}, std::size_t limit = 100,
                                          const events::id_scope& scope = scope_a) {
    std::vector<std::string> found;
    std::string after;
    do {
      const auto page = view->registrations(scope, filter, {after, limit}).value();
      BOOST_TEST(page.items.size() <= limit);
      BOOST_TEST((page.next.empty() || page.items.size() == limit));
      for (const auto& record : page.items) found.push_back(record.id.text());
      after = page.next;
    } while (!after.empty());
    return found;
  }

  /// What all counts of `rows_max` rows add up to.
  std::uint64_t count(const registration_filter& filter = {}, const events::id_scope& scope = scope_a,
                      std::size_t rows_max = 7) {
    std::uint64_t number = 0;
    std::string after;
    do {
      const auto part = view->count_registrations(scope, filter, after, rows_max).value();
      BOOST_TEST(part.number <= rows_max);
      number += part.number;
      after = part.next;
    } while (!after.empty());
    return number;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(projection_conformance)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_projection_stands_before_the_first_frame, Kind, kinds) {
  folded<Kind> f;
  BOOST_TEST((f.view->position() == engine::log_position()));
  BOOST_TEST((f.device("dev-1").version == events::stream_version()));
  BOOST_TEST(f.view->services()->empty());
  BOOST_TEST(f.view->directory()->placements.empty());
  BOOST_TEST(f.registered_ids().empty());
  BOOST_TEST(!f.view->frame_of(events::log_sequence(1))->has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_position_is_that_of_the_last_frame_even_without_events, Kind, kinds) {
  folded<Kind> f;
  f.history.add(enrolled(scope_a, "dev-1"));
  f.fold();
  f.history.claim();
  f.fold();
  BOOST_TEST((f.view->position() == f.history.position()));
  BOOST_TEST((f.view->device(scope_a, named<events::registration_id>("dev-1"))->sequence == events::log_sequence(1)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(services_groups_and_the_directory_are_read_whole, Kind, kinds) {
  folded<Kind> f;
  f.history.add(service_placed_on(events::shard_id(3), scope_a));
  f.history.add(service_created_in(scope_a)).add(service_created_in(scope_b, "other"));
  f.history.add(group_created(scope_a, "Line-1"))
      .add(group_created(scope_a, "line-2"))
      .add(group_created(scope_b, "line-1"));
  f.fold();
  f.history.add(group_deleted(scope_a, "line-2"));
  f.fold();

  const auto services = f.view->services().value();
  BOOST_TEST_REQUIRE(services.size() == 2U);
  BOOST_TEST(services[0].name.text() == "demo");
  BOOST_TEST(services[1].scope.text() == scope_b.text());
  const auto groups = f.view->groups(scope_a).value();
  BOOST_TEST_REQUIRE(groups.size() == 2U);
  BOOST_TEST(groups[0].first == "line-1");
  BOOST_TEST(groups[0].second.group->id.text() == "Line-1");
  BOOST_TEST(groups[1].first == "line-2");
  BOOST_TEST(!groups[1].second.group.has_value());
  BOOST_TEST(groups[1].second.version.value() == 2U);
  BOOST_TEST(f.view->groups(scope_b)->size() == 1U);
  const auto directory = f.view->directory().value();
  BOOST_TEST_REQUIRE(directory.placements.size() == 1U);
  BOOST_TEST(directory.placements[0].shard.value() == 3U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_device_is_found_in_any_spelling_of_its_id, Kind, kinds) {
  folded<Kind> f;
  f.history.add(enrolled(scope_a, "Dev-1"));
  f.fold();
  f.history.add(registered(scope_a, "DEV-1"));
  f.fold();
  const auto state = f.device("dev-1");
  BOOST_TEST(state.version.value() == 2U);
  BOOST_TEST(state.enrollment->enrollment.id.text() == "Dev-1");
  BOOST_TEST(state.enrollment->version.value() == 1U);
  BOOST_TEST(state.registration->id.text() == "Dev-1");
  BOOST_TEST(state.registration->hub->text() == "hub1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_events_of_one_stream_in_one_frame_evolve_in_order, Kind, kinds) {
  folded<Kind> f;
  f.history.add(enrolled(scope_a, "dev-1")).add(registered(scope_a, "dev-1")).add(unenrolled(scope_a, "dev-1"));
  f.history.add(registration_removed(scope_a, "dev-1")).add(registered(scope_a, "dev-1", {.hub = "hub2"}));
  f.fold();
  const auto state = f.device("dev-1");
  BOOST_TEST(state.version.value() == 5U);
  BOOST_TEST(!state.enrollment.has_value());
  BOOST_TEST(state.registration->hub->text() == "hub2");
  BOOST_TEST(f.registered_ids({.status = {}, .group = {}, .hub = named<events::hub_name>("hub1")}).empty());
  BOOST_TEST(f.view->enrollments(scope_a, {})->items.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_first_event_of_a_stream_that_is_there_stops_the_fold, Kind, kinds) {
  folded<Kind> f;
  f.history.add(group_created(scope_a, "g1")).add(enrolled(scope_a, "dev-1"));
  f.fold();
  history_builder another;
  another.add(enrolled(scope_a, "dev-1")).commit();
  auto frames = another.take_frames();
  const auto refused = f.view->apply(frames);
  BOOST_TEST_REQUIRE(!refused.has_value());
  BOOST_TEST((refused.error().code == engine::errc::corrupt));
  BOOST_TEST(refused.error().text.find("makes stream 0ne00000001/devices/dev-1 version 1, but it is at version 1") !=
                 std::string::npos,
             refused.error().text);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_group_is_read_and_a_deleted_one_keeps_its_version, Kind, kinds) {
  folded<Kind> f;
  f.history.add(group_created(scope_a, "g1")).add(group_created(scope_a, "g2")).add(group_deleted(scope_a, "g2"));
  f.fold();
  const auto read = [&](std::string_view id) { return f.view->group(scope_a, named<events::group_id>(id)).value(); };
  BOOST_TEST(read("G1").value.group.has_value());
  BOOST_TEST(!read("g2").value.group.has_value());
  BOOST_TEST(read("g2").value.version.value() == 2U);
  BOOST_TEST(read("g3").value.version.value() == 0U);
  BOOST_TEST(read("g1").sequence.value() == 3U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pages_hold_every_registration_once_and_in_order, Kind, kinds) {
  folded<Kind> f;
  ids expected;
  for (int i = 0; i < 57; ++i) {
    const auto id = "dev-" + std::to_string(i);
    expected.push_back(id);
    if (i % 3 == 0)
      f.history.add(failed_to_register(scope_a, id));
    else
      f.history.add(registered(scope_a, id));
  }
  f.fold();
  std::ranges::sort(expected);
  for (const std::size_t limit : {1U, 2U, 7U, 19U, 56U, 57U, 58U}) BOOST_TEST(f.registered_ids({}, limit) == expected);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_page_goes_on_behind_an_entry_that_has_gone, Kind, kinds) {
  folded<Kind> f;
  for (const auto* id : {"a", "b", "c", "d"}) f.history.add(registered(scope_a, id));
  f.fold();
  const auto first = f.view->registrations(scope_a, {}, {"", 2}).value();
  BOOST_TEST(first.next == "b");
  f.history.add(registration_removed(scope_a, "b"));
  f.fold();
  const auto second = f.view->registrations(scope_a, {}, {first.next, 2}).value();
  BOOST_TEST_REQUIRE(second.items.size() == 2U);
  BOOST_TEST(second.items[0].id.text() == "c");
  BOOST_TEST(second.next.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(registrations_are_filtered_by_status_group_and_hub_in_any_combination, Kind, kinds) {
  folded<Kind> f;
  struct entry {
    std::string id;
    registration_status status;
    std::string group;
    std::string hub;
  };
  std::vector<entry> all;
  for (int i = 0; i < 60; ++i) {
    const std::string id = "dev-" + std::to_string(i);
    const std::string group = i % 3 == 0 ? "" : i % 3 == 1 ? "g1" : "g10";
    const std::string hub = i % 2 == 0 ? "hub1" : "hub10";
    f.history.add(registered(scope_a, id, {.hub = hub, .group = group}));
    auto status = registration_status::assigned;
    if (i % 5 == 0) {
      f.history.add(failed_to_register(scope_a, id, group));
      status = registration_status::failed;
    } else if (i % 7 == 0) {
      f.history.add(refused_as_disabled(scope_a, id, group));
      status = registration_status::disabled;
    }
    all.push_back({id, status, group, hub});
    if (i % 10 == 9) f.fold();
  }
  for (const auto* group : {"-", "g1", "g10", "g2"}) {
    for (const auto* hub : {"-", "hub1", "hub10"}) {
      for (int status = -1; status < 3; ++status) {
        registration_filter filter;
        if (group[0] != '-') filter.group = named<events::group_id>(group);
        if (hub[0] != '-') filter.hub = named<events::hub_name>(hub);
        if (status >= 0) filter.status = static_cast<registration_status>(status);
        ids expected;
        for (const auto& each : all) {
          if ((!filter.group || each.group == group) && (!filter.hub || each.hub == hub) &&
              (!filter.status || each.status == *filter.status)) {
            expected.push_back(each.id);
          }
        }
        std::ranges::sort(expected);
        BOOST_TEST(f.registered_ids(filter, 4) == expected);
        BOOST_TEST(f.count(filter) == expected.size());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_page_looks_at_so_many_rows_and_no_more, Kind, kinds) {
  folded<Kind> f;
  for (int i = 0; i < 40; ++i) {
    const auto id = "dev-" + std::to_string(100 + i);
    if (i % 13 == 12)
      f.history.add(failed_to_register(scope_a, id, "g1"));
    else
      f.history.add(registered(scope_a, id, {.hub = i % 20 == 3 ? "hub2" : "hub1", .group = "g1"}));
  }
  f.fold();
  registration_filter failed_of_group{registration_status::failed, named<events::group_id>("g1"), {}};
  registration_filter of_hub{registration_status::assigned, {}, named<events::hub_name>("hub2")};
  for (const auto& [filter, expected] :
       {std::pair(failed_of_group, ids{"dev-112", "dev-125", "dev-138"}), std::pair(of_hub, ids{"dev-103", "dev-123"}),
        std::pair(registration_filter{}, f.registered_ids())}) {
    for (const std::size_t rows_max : {1U, 5U, 39U, 40U, 41U}) {
      ids found;
      std::string after;
      std::size_t pages = 0;
      do {
        const auto page = f.view->registrations(scope_a, filter, {after, 10, rows_max}).value();
        BOOST_TEST(page.items.size() <= std::min<std::size_t>(10, 3 * rows_max));
        for (const auto& record : page.items) found.push_back(record.id.text());
        BOOST_TEST((page.next.empty() || page.next > after));
        after = page.next;
        ++pages;
      } while (!after.empty());
      BOOST_TEST(found == expected, boost::test_tools::per_element());
      BOOST_TEST(pages >= expected.size() / 10);
    }
  }
  const auto short_page = f.view->registrations(scope_a, failed_of_group, {"", 10, 5}).value();
  BOOST_TEST(short_page.items.empty());
  BOOST_TEST(short_page.next == "dev-104");
  BOOST_TEST((f.view->count_registrations(scope_a, {}, "x", 5).error().code == engine::errc::invalid));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(hub_devices_that_are_gone_are_looked_at_too, Kind, kinds) {
  folded<Kind> f;
  for (int i = 0; i < 6; ++i) f.history.add(hub_device_made(scope_a, "dev-" + std::to_string(i)));
  for (int i = 0; i < 5; ++i) f.history.add(hub_device_removed(scope_a, "dev-" + std::to_string(i)));
  f.fold();
  const auto hub = named<events::hub_name>("hub1");
  const auto first = f.view->hub_devices(scope_a, hub, {"", 10, 4}).value();
  BOOST_TEST(first.items.empty());
  BOOST_TEST(first.next == "dev-3");
  BOOST_TEST(f.view->hub_devices(scope_a, hub, {first.next, 10, 4})->items.size() == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_registration_leaves_the_lists_of_its_former_hub_group_and_status, Kind, kinds) {
  folded<Kind> f;
  f.history.add(registered(scope_a, "dev-1", {.hub = "hub1", .group = "g1"}));
  f.fold();
  f.history.add(registered(scope_a, "dev-1", {.hub = "hub2", .group = "g2"}));
  f.fold();
  BOOST_TEST(f.registered_ids({.status = {}, .group = named<events::group_id>("g1"), .hub = {}}).empty());
  BOOST_TEST(f.registered_ids({.status = {}, .group = {}, .hub = named<events::hub_name>("hub1")}).empty());
  BOOST_TEST(f.registered_ids({.status = {}, .group = named<events::group_id>("g2"), .hub = {}}) == ids{"dev-1"});
  f.history.add(failed_to_register(scope_a, "dev-1"));
  f.fold();
  BOOST_TEST(f.registered_ids({.status = registration_status::assigned, .group = {}, .hub = {}}).empty());
  BOOST_TEST(f.registered_ids({.status = registration_status::failed, .group = {}, .hub = {}}) == ids{"dev-1"});
  BOOST_TEST(f.registered_ids({.status = {}, .group = named<events::group_id>("g2"), .hub = {}}).empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_deleted_leaves_the_lists_and_keeps_its_version, Kind, kinds) {
  folded<Kind> f;
  f.history.add(enrolled(scope_a, "dev-1")).add(registered(scope_a, "dev-1")).add(hub_device_made(scope_a, "dev-1"));
  f.fold();
  BOOST_TEST(f.view->enrollments(scope_a, {})->items.size() == 1U);
  BOOST_TEST(f.view->hub_devices(scope_a, named<events::hub_name>("hub1"), {})->items.size() == 1U);
  f.history.add(unenrolled(scope_a, "dev-1")).add(registration_removed(scope_a, "dev-1"));
  f.history.add(hub_device_removed(scope_a, "dev-1"));
  f.fold();
  BOOST_TEST(f.view->enrollments(scope_a, {})->items.empty());
  BOOST_TEST(f.registered_ids().empty());
  BOOST_TEST(f.count() == 0U);
  BOOST_TEST(f.view->hub_devices(scope_a, named<events::hub_name>("hub1"), {})->items.empty());
  BOOST_TEST(f.device("dev-1").version.value() == 4U);
  const auto hub_device =
      f.view->hub_device(scope_a, named<events::hub_name>("hub1"), named<events::device_id>("dev-1"));
  BOOST_TEST(hub_device->value.version.value() == 2U);
  BOOST_TEST(!hub_device->value.identity.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(enrollments_and_hub_devices_are_paged_without_the_ones_beside_them, Kind, kinds) {
  folded<Kind> f;
  for (int i = 10; i < 30; ++i) {
    const auto id = "dev-" + std::to_string(i);
    if (i % 2 == 0) f.history.add(enrolled(scope_a, id));
    f.history.add(registered(scope_a, id, {.group = "g1"}));
    f.history.add(hub_device_made(scope_a, id, {.hub = i % 4 == 0 ? "hub1" : "hub1.example.org"}));
  }
  f.history.add(hub_device_removed(scope_a, "dev-12", "hub1"));
  f.fold();
  ids enrolled_ids;
  page_request request{"", 3};
  do {
    const auto page = f.view->enrollments(scope_a, request).value();
    for (const auto& each : page.items) enrolled_ids.push_back(each.enrollment.id.text());
    request.after = page.next;
  } while (!request.after.empty());
  BOOST_TEST(enrolled_ids ==
             (ids{"dev-10", "dev-12", "dev-14", "dev-16", "dev-18", "dev-20", "dev-22", "dev-24", "dev-26", "dev-28"}));
  ids hub_ids;
  do {
    const auto page = f.view->hub_devices(scope_a, named<events::hub_name>("hub1"), request).value();
    for (const auto& each : page.items) hub_ids.push_back(each.identity->id.text());
    request.after = page.next;
  } while (!request.after.empty());
  BOOST_TEST(hub_ids == (ids{"dev-16", "dev-20", "dev-24", "dev-28"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(scopes_with_equal_ids_never_see_each_other, Kind, kinds) {
  folded<Kind> f;
  f.history.add(service_created_in(scope_a))
      .add(group_created(scope_a, "g1"))
      .add(enrolled(scope_a, "dev-1"), "command-1");
  f.history.add(registered(scope_a, "dev-1", {.group = "g1"})).add(hub_device_made(scope_a, "dev-1"));
  f.fold();
  const auto hub = named<events::hub_name>("hub1");
  const auto device = named<events::registration_id>("dev-1");
  BOOST_TEST(f.device("dev-1", scope_b).version.value() == 0U);
  BOOST_TEST(f.view->hub_device(scope_b, hub, named<events::device_id>("dev-1"))->value.version.value() == 0U);
  BOOST_TEST(f.view->groups(scope_b)->empty());
  BOOST_TEST(f.view->enrollments(scope_b, {})->items.empty());
  BOOST_TEST(f.view->hub_devices(scope_b, hub, {})->items.empty());
  BOOST_TEST(!f.view->command(scope_b, "command-1")->value.has_value());
  BOOST_TEST(f.view->stream_events(events::stream_name::device(scope_b, device), {}, 10)->empty());
  BOOST_TEST(f.view->usage(scope_b, {}, events::hours_end, 10)->empty());
  for (const auto& filter :
       {registration_filter{}, registration_filter{registration_status::assigned, {}, {}},
        registration_filter{{}, named<events::group_id>("g1"), {}}, registration_filter{{}, {}, hub}}) {
    BOOST_TEST(f.registered_ids(filter, 10, scope_b).empty());
    BOOST_TEST(f.count(filter, scope_b) == 0U);
  }
  f.history.add(registered(scope_b, "dev-1", {.hub = "hub2"}));
  f.fold();
  BOOST_TEST(f.device("dev-1").registration->hub->text() == "hub1");
  BOOST_TEST(f.device("dev-1", scope_b).registration->hub->text() == "hub2");
  BOOST_TEST(f.registered_ids({}, 10, scope_b) == ids{"dev-1"});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(events_of_a_stream_are_found_in_their_frames, Kind, kinds) {
  folded<Kind> f;
  f.history.add(enrolled(scope_a, "dev-10")).add(enrolled(scope_a, "dev-1")).add(registered(scope_a, "dev-1"));
  f.fold();
  f.history.claim();
  f.history.add(registered(scope_a, "dev-1"));
  f.fold();
  const auto stream = events::stream_name::device(scope_a, named<events::registration_id>("dev-1"));
  const auto places = f.view->stream_events(stream, {}, 10).value();
  BOOST_TEST_REQUIRE(places.size() == 3U);
  BOOST_TEST(places[0].sequence.value() == 2U);
  BOOST_TEST(places[0].index == 1U);
  BOOST_TEST((places[0].offset == places[1].offset));
  BOOST_TEST(places[2].sequence.value() == 4U);
  BOOST_TEST(places[2].index == 0U);
  BOOST_TEST(f.view->stream_events(stream, events::log_sequence(2), 10)->size() == 2U);
  BOOST_TEST(f.view->stream_events(stream, {}, 1)->size() == 1U);
  BOOST_TEST((f.view->frame_of(events::log_sequence())->value() == places[0].offset));
  BOOST_TEST((f.view->frame_of(events::log_sequence(1))->value() == places[0].offset));
  BOOST_TEST((f.view->frame_of(events::log_sequence(3))->value() == places[0].offset));
  BOOST_TEST((f.view->frame_of(events::log_sequence(4))->value() == places[2].offset));
  BOOST_TEST(!f.view->frame_of(events::log_sequence(5))->has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(usage_is_counted_by_hour_and_type, Kind, kinds) {
  folded<Kind> f;
  f.history.add(registered(scope_a, "dev-1")).add(registered(scope_b, "dev-2")).add(refused_as_unknown(scope_a, "x"));
  f.fold();
  f.history.advance(59min).add(registered(scope_a, "dev-3"));
  f.fold();
  const auto at_the_end = f.history.position();
  f.history.advance(1min).add(enrolled(scope_a, "dev-1"));
  f.fold();

  const events::log_hour first = events::hour_of(history_builder::start);
  const auto hours = f.view->usage(scope_a, {}, events::hours_end, 10).value();
  BOOST_TEST_REQUIRE(hours.size() == 2U);
  BOOST_TEST((hours[0].hour == first));
  BOOST_TEST(hours[0].counts.first.value() == 1U);
  BOOST_TEST(hours[0].counts.last.value() == 4U);
  const std::vector<engine::type_count> counts = {{"muster.device_registered.v1", 2, 2},
                                                  {"muster.registration_refused.v1", 1, 0}};
  BOOST_TEST((hours[0].counts.types == counts));
  BOOST_TEST((hours[0].end == engine::hour_end{at_the_end.sequence, at_the_end.head}));
  BOOST_TEST((hours[1].hour == first + 1h));
  BOOST_TEST(hours[1].counts.first.value() == 5U);
  BOOST_TEST(!hours[1].end.has_value());

  BOOST_TEST(f.view->usage(scope_b, {}, events::hours_end, 10)->size() == 1U);
  BOOST_TEST(f.view->usage(scope_a, {}, events::hours_end, 1)->size() == 1U);
  BOOST_TEST(f.view->usage(scope_a, first + 1h, first + 2h, 10)->size() == 1U);
  BOOST_TEST(f.view->usage(scope_a, first, first + 1h, 10)->size() == 1U);
  BOOST_TEST(f.view->usage(scope_a, first + 2h, first + 3h, 10)->empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_hour_ends_with_the_first_later_frame_whatever_is_in_it, Kind, kinds) {
  folded<Kind> f;
  const auto is_open = [&] { return !f.view->usage(scope_a, {}, events::hours_end, 1)->front().end.has_value(); };
  f.history.add(registered(scope_a, "dev-1")).advance(1h - 1us);
  f.fold();
  BOOST_TEST(is_open());
  f.history.commit();
  const auto at_the_end = f.history.position();
  f.history.advance(1us);
  f.fold();  // an empty batch, which every fold sees
  BOOST_TEST(!is_open());
  BOOST_TEST((f.view->usage(scope_a, {}, events::hours_end, 1)->front().end->head == at_the_end.head));
  f.history.add(registered(scope_a, "dev-1")).advance(30min);
  f.fold();
  f.history.advance(5h).claim();
  f.fold();
  const auto hours = f.view->usage(scope_a, {}, events::hours_end, 9).value();
  BOOST_TEST_REQUIRE(hours.size() == 2U);
  BOOST_TEST(hours[1].end.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_command_id_names_its_first_event_and_its_request, Kind, kinds) {
  folded<Kind> f;
  const auto request = events::sha256("PUT /enrollments/dev-1");
  const auto recorded = "key:with/marks:" + events::to_hex(events::as_bytes(request));
  f.history.add(registered(scope_a, "dev-0"));
  f.history.add(enrolled(scope_a, "dev-1"), recorded).add(registered(scope_a, "dev-1"), recorded);
  f.history.add(enrolled(scope_a, "dev-2"), "plain");
  f.fold();
  const auto found = f.view->command(scope_a, "key:with/marks").value();
  BOOST_TEST_REQUIRE(found.value.has_value());
  BOOST_TEST(found.value->first_sequence.value() == 2U);
  BOOST_TEST((found.value->request == request));
  BOOST_TEST((found.value->time == f.history.now()));
  BOOST_TEST((f.view->command(scope_a, "plain")->value->request == events::digest{}));
  BOOST_TEST(!f.view->command(scope_a, recorded)->value.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_command_id_is_forgotten_after_a_day_of_log_time, Kind, kinds) {
  folded<Kind> f;
  const auto known = [&](const char* id) { return f.view->command(scope_a, id)->value.has_value(); };
  f.history.add(enrolled(scope_a, "dev-1"), "one");
  f.fold();
  f.history.advance(1h).add(enrolled(scope_a, "dev-2"), "two");
  f.fold();
  f.history.advance(engine::limits::command_id_kept - 1h - 1us);
  f.fold();
  BOOST_TEST(known("one"));
  f.history.advance(1us);
  f.fold();
  BOOST_TEST(!known("one"));
  BOOST_TEST(known("two"));
  f.history.add(enrolled(scope_a, "dev-3"), "one");
  f.fold();
  f.history.advance(1h);
  f.fold();
  BOOST_TEST(known("one"));
  BOOST_TEST(!known("two"));
  f.history.advance(24h);
  f.fold();
  BOOST_TEST(!known("one"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_frame_drops_at_most_256_command_ids, Kind, kinds) {
  folded<Kind> f;
  for (int i = 0; i < 600; ++i) f.history.add(refused_as_unknown(scope_a, "x"), "command-" + std::to_string(i));
  f.fold();
  const auto left = [&] {
    int count = 0;
    for (int i = 0; i < 600; ++i) count += f.view->command(scope_a, "command-" + std::to_string(i))->value ? 1 : 0;
    return count;
  };
  f.history.advance(25h);
  for (const int expected : {344, 88, 0, 0}) {
    f.fold();
    BOOST_TEST(left() == expected);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_command_id_used_anew_outlives_its_first_use, Kind, kinds) {
  folded<Kind> f;
  for (int i = 0; i < 300; ++i) f.history.add(refused_as_unknown(scope_a, "x"), "command-" + std::to_string(i));
  f.fold();
  f.history.advance(25h).add(refused_as_unknown(scope_a, "x"), "command-299");  // due, but beyond what one frame drops
  f.fold();
  f.fold();
  const auto found = f.view->command(scope_a, "command-299")->value;
  BOOST_TEST_REQUIRE(found.has_value());
  BOOST_TEST(found->first_sequence.value() == 301U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_of_what_was_deleted_wait_until_they_are_destroyed, Kind, kinds) {
  folded<Kind> f;
  f.history.add(group_created(scope_a, "g1")).add(enrolled(scope_a, "dev-1")).add(registered(scope_a, "dev-1"));
  f.history.add(hub_device_made(scope_a, "dev-1"));
  f.fold();
  BOOST_TEST(f.view->keys_to_destroy()->empty());
  const auto before = f.store->fingerprint_of(*f.view).value();
  f.history.add(group_deleted(scope_a, "g1"))
      .add(unenrolled(scope_a, "dev-1"))
      .add(registration_removed(scope_a, "dev-1"));
  f.history.add(hub_device_removed(scope_a, "dev-1"));
  f.fold();
  auto waiting = f.view->keys_to_destroy().value();
  std::vector expected{group_key(scope_a, "g1"), enrollment_key(scope_a, "dev-1"), registration_key(scope_a, "dev-1"),
                       hub_device_key(scope_a, "hub1", "dev-1")};
  std::ranges::sort(expected);
  BOOST_TEST((waiting == expected));
  const auto after = f.store->fingerprint_of(*f.view).value();
  BOOST_TEST(!same_rows(before, after));
  BOOST_TEST(f.view->keys_destroyed(std::vector{waiting[0], waiting[2]}).has_value());
  BOOST_TEST((f.view->keys_to_destroy().value() == std::vector{waiting[1], waiting[3]}));
  BOOST_TEST(same_rows(after, f.store->fingerprint_of(*f.view).value()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(frames_give_the_same_rows_in_any_batching, Kind, kinds) {
  const auto frames = eventful_history(7, 600);
  std::optional<engine::projection_store::fingerprint> first;
  for (const std::size_t per_call : {1U, 3U, 50U, 601U}) {
    Kind kind;
    const auto view = kind.store->open(shard).value();
    apply_in_calls(*view, frames, per_call);
    const auto made = kind.store->fingerprint_of(*view).value();
    BOOST_TEST((made.position == frames.back().after));
    if (!first) first = made;
    BOOST_TEST(same_rows(*first, made));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(how_far_reactions_came_is_kept_taken_over_by_a_rebuild_and_no_part_of_the_log, Kind,
                              kinds) {
  Kind kind;
  const auto serving = kind.store->open(shard).value();
  const auto before = kind.store->fingerprint_of(*serving).value();
  BOOST_TEST(!serving->reaction("feed")->has_value());
  const engine::reaction_state far{events::log_sequence(7), events::timestamp(std::chrono::seconds(5)), "no answer",
                                   events::log_sequence(3), events::timestamp(std::chrono::hours(9))};
  BOOST_TEST_REQUIRE(
      serving->keep_reaction("feed", engine::reaction_state{events::log_sequence(1), {}, {}, {}, {}}).has_value());
  BOOST_TEST_REQUIRE(serving->keep_reaction("feed", far).has_value());
  BOOST_TEST_REQUIRE(serving->keep_reaction("gone", far).has_value());
  BOOST_TEST_REQUIRE(serving->keep_reaction("gone", std::nullopt).has_value());
  BOOST_TEST((serving->reaction("feed").value() == far));
  BOOST_TEST(!serving->reaction("gone")->has_value());
  BOOST_TEST(same_rows(kind.store->fingerprint_of(*serving).value(), before));
  const auto anew = kind.store->begin_generation(shard);
  BOOST_TEST_REQUIRE(anew.has_value());
  BOOST_TEST_REQUIRE(kind.store->switch_generation(shard).has_value());
  BOOST_TEST((kind.store->open(shard).value()->reaction("feed").value() == far));
}

BOOST_AUTO_TEST_CASE(how_far_a_reaction_came_can_be_read_of_rows_that_were_written_before_it_kept_an_hour) {
  const engine::reaction_state far{events::log_sequence(7), {}, "no answer", events::log_sequence(3), {}};
  const auto rows = projections::make_memory_rows();
  const auto old = projections::row_projection::open(rows).value();
  const auto batch = rows->make_batch();
  auto row = events::to_row(far);
  row.pop_back();  // says that there is no hour
  batch->put(projections::row_key(projections::view::reactions, "feed"), row);
  BOOST_TEST_REQUIRE(rows->write(*batch).has_value());
  BOOST_TEST((old->reaction("feed").value() == far));
  const auto anew = projections::row_projection::open(projections::make_memory_rows()).value();
  BOOST_TEST_REQUIRE(anew->take_reactions(*rows).has_value());
  BOOST_TEST((anew->reaction("feed").value() == far));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_rebuild_gives_the_same_rows_and_takes_over_beside_a_reader, Kind, kinds) {
  const auto frames = eventful_history(11, 300);
  Kind kind;
  auto old = kind.store->open(shard).value();
  apply_in_calls(*old, frames, 1);
  const auto begun = kind.store->begin_generation(shard).value();
  BOOST_TEST((begun->position() == engine::log_position()));
  apply_in_calls(*begun, frames, 100);
  BOOST_TEST(same_rows(kind.store->fingerprint_of(*old).value(), kind.store->fingerprint_of(*begun).value()));
  BOOST_TEST((kind.store->open(shard).value() == old));
  BOOST_TEST_REQUIRE(kind.store->switch_generation(shard).has_value());
  BOOST_TEST((kind.store->open(shard).value() == begun));
  BOOST_TEST(old->count_registrations(scope_a, {}, {}, 1000)->number ==
             begun->count_registrations(scope_a, {}, {}, 1000)->number);
  old.reset();
  BOOST_TEST((kind.store->open(shard).value()->position() == frames.back().after));
  BOOST_TEST((kind.store->switch_generation(shard).error().code == engine::errc::not_found));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
