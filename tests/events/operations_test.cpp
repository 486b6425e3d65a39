#include "events/operations.hpp"
#include "tests/events/samples.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

using namespace muster::events;

BOOST_AUTO_TEST_SUITE(operations)

BOOST_AUTO_TEST_CASE(a_changed_entry_and_a_successful_registration_are_operations_and_nothing_else) {
  const std::set<std::string_view> billed = {device_registered::type,        enrollment_created::type,
                                             enrollment_updated::type,       enrollment_deleted::type,
                                             enrollment_group_created::type, enrollment_group_updated::type,
                                             enrollment_group_deleted::type, registration_deleted::type};
  std::set<std::string_view> seen;
  for (const auto& sample : muster::tests::event_samples()) {
    const auto type = type_of(sample.recorded.data);
    BOOST_TEST(is_operation(sample.recorded.data) == billed.contains(type), sample.name);
    seen.insert(type);
  }
  BOOST_TEST(seen.size() == operation_rules().size());
}

BOOST_AUTO_TEST_CASE(the_readme_lists_every_event_type_with_its_rule) {
  std::ifstream in(MUSTER_SOURCE_DIR "/events/README.md", std::ios::binary);
  const std::string readme{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  for (const auto& rule : operation_rules()) {
    const auto line = "| `" + std::string(rule.type) + "` | " + (rule.operation ? "yes" : "no") + " | " +
                      std::string(rule.why) + " |\n";
    BOOST_TEST(readme.find(line) != std::string::npos, "events/README.md lacks the line " << line);
  }
}

BOOST_AUTO_TEST_SUITE_END()
