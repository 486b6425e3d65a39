#include "engine/device.hpp"
#include "engine/directory.hpp"
#include "engine/hub_device.hpp"
#include "engine/service.hpp"
#include "events/describe.hpp"
#include "tests/events/samples.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace muster;
using namespace muster::events;

namespace {

/// Whether the row of `value` is read back to the same row, and nothing shorter or longer is read at all.
template <class T>
void check_row(const T& value) {
  const auto row = to_row(value);
  const auto again = from_row<T>(row);
  BOOST_TEST_REQUIRE(again.has_value());
  BOOST_TEST(to_hex(to_row(*again)) == to_hex(row));
  for (std::size_t size = 0; size < row.size(); ++size) {
    BOOST_TEST(!from_row<T>(std::string_view(row).substr(0, size)).has_value(),
               "cut to " << size << " of " << row.size() << " bytes");
  }
  BOOST_TEST(!from_row<T>(row + '\0').has_value());
}

/// The states that the samples lead to, one after the other on their streams.
template <class State, class Belongs>
std::vector<State> states(const Belongs& belongs) {
  std::vector<State> all(1);
  for (const auto& sample : tests::event_samples()) {
    if (!belongs(sample.recorded.meta.stream.subject())) continue;
    auto state = all.back();
    engine::evolve(state, sample.recorded);
    all.push_back(std::move(state));
  }
  return all;
}

auto below(std::string_view kind) {
  return [kind](std::string_view subject) { return subject.starts_with(kind); };
}

/// Finds members that share a name with another of the same struct.
struct name_collector {
  std::multiset<std::string> names;
  template <class T>
  void operator()(const char* name, T& value) {
    names.insert(name);
    if constexpr (described<T>) {
      name_collector inner;
      T::describe(value, inner);
      inner.check();
    }
  }
  void check() const {
    for (const auto& name : names) BOOST_TEST(names.count(name) == 1U, name);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(rows)

BOOST_AUTO_TEST_CASE(every_state_of_a_directory_is_read_back) {
  for (const auto& state : states<engine::directory_state>(below("directory"))) check_row(state);
}

BOOST_AUTO_TEST_CASE(every_state_of_a_service_is_read_back) {
  for (const auto& state : states<engine::service_state>(below("service"))) check_row(state);
}

BOOST_AUTO_TEST_CASE(every_state_of_a_group_is_read_back) {
  for (const auto& state : states<engine::group_state>(below("groups/"))) check_row(state);
}

BOOST_AUTO_TEST_CASE(every_state_of_a_device_is_read_back) {
  for (const auto& state : states<engine::device_state>(below("devices/"))) check_row(state);
}

BOOST_AUTO_TEST_CASE(every_state_of_a_hub_device_is_read_back) {
  for (const auto& state : states<engine::hub_device_state>(below("hubs/"))) check_row(state);
}

BOOST_AUTO_TEST_CASE(the_data_of_every_event_has_a_row) {
  for (const auto& sample : tests::event_samples()) {
    BOOST_TEST_CONTEXT(sample.name) {
      std::visit([](const auto& data) { check_row(data); }, sample.recorded.data);
    }
  }
}

BOOST_AUTO_TEST_CASE(integers_of_every_size_are_read_back) {
  for (const auto value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128},
                           std::uint64_t{16'383}, std::uint64_t{16'384}, std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
    BOOST_TEST(from_row<std::uint64_t>(to_row(value)).value() == value);
  }
  BOOST_TEST(from_row<std::int32_t>(to_row(std::int32_t{-1})).value() == -1);
  BOOST_TEST(to_row(std::uint64_t{300}) == "\xac\x02");
  BOOST_TEST((from_row<timestamp>(to_row(timestamp(std::chrono::microseconds(-5)))) ==
              timestamp(std::chrono::microseconds(-5))));
}

BOOST_AUTO_TEST_CASE(an_integer_without_an_end_is_refused) {
  BOOST_TEST(!from_row<std::uint64_t>(std::string(11, '\xff')).has_value());
}

BOOST_AUTO_TEST_CASE(a_value_that_its_enumeration_does_not_have_is_refused) {
  BOOST_TEST((from_row<provisioning_status>(std::string(1, '\1')) == provisioning_status::disabled));
  BOOST_TEST(!from_row<provisioning_status>(std::string(1, '\2')).has_value());
  BOOST_TEST(!from_row<registration_substatus>(std::string(1, '\4')).has_value());
}

BOOST_AUTO_TEST_CASE(a_name_that_its_rule_refuses_is_refused) {
  BOOST_TEST(from_row<registration_id>(to_row(std::string("dev-1"))).has_value());
  BOOST_TEST(!from_row<registration_id>(to_row(std::string("dev/1"))).has_value());
  const auto row = to_row(std::string("elsewhere"));
  auto stream = stream_name::directory();
  row_reader in(row);
  in.read(stream);
  BOOST_TEST(!in.ok());
}

BOOST_AUTO_TEST_CASE(a_count_of_more_than_there_is_ends_at_what_there_is) {
  row_writer out;
  out.number(~std::uint64_t{0});
  BOOST_TEST(!from_row<std::vector<hub_name>>(out.bytes()).has_value());
  BOOST_TEST(!from_row<std::string>(out.bytes()).has_value());
}

BOOST_AUTO_TEST_CASE(the_spelling_of_a_name_survives) {
  BOOST_TEST(from_row<registration_id>(to_row(*registration_id::parse("Dev-A")))->text() == "Dev-A");
}

BOOST_AUTO_TEST_CASE(enumeration_values_are_named_in_any_letter_case) {
  BOOST_TEST((value_named<registration_status>("assigned") == registration_status::assigned));
  BOOST_TEST((value_named<allocation_policy>("Hashed") == allocation_policy::hashed));
  BOOST_TEST((value_named<allocation_policy>("STATIC") == allocation_policy::static_hub));
  for (const auto* text : {"", "hash", "hashedd", "geoLatency", "hashe\x04"}) {
    BOOST_TEST(!value_named<allocation_policy>(text).has_value(), text);
  }
  BOOST_TEST(name_of(refusal_reason::no_credential) == "noCredential");
}

BOOST_AUTO_TEST_CASE(no_struct_has_two_members_of_one_name) {
  for (auto sample : tests::event_samples()) {
    std::visit(
        [](auto& data) {
          name_collector members;
          std::decay_t<decltype(data)>::describe(data, members);
          members.check();
        },
        sample.recorded.data);
  }
}

BOOST_AUTO_TEST_SUITE_END()
