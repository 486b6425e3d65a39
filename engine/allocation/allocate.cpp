#include "engine/allocation/allocate.hpp"

#include "engine/key_hash.hpp"

#include <algorithm>
#include <cmath>

namespace muster::engine {

namespace {

using events::allocation_policy;
using events::linked_hub;

allocation_policy policy_of(const service_state& service, const events::enrollment_terms& terms) {
  if (terms.allocation) return *terms.allocation;
  return terms.hub_host_name ? allocation_policy::static_hub : service.settings.allocation;
}

std::vector<linked_hub> candidates_of(const service_state& service, const events::enrollment_terms& terms) {
  auto named = terms.hubs;
  if (named.empty() && terms.hub_host_name) named.push_back(*terms.hub_host_name);
  std::vector<linked_hub> candidates;
  for (const auto& hub : service.hubs) {
    const bool eligible =
        named.empty() ? hub.apply_allocation_policy : std::ranges::find(named, hub.name) != named.end();
    if (eligible) candidates.push_back(hub);
  }
  return candidates;
}

// Weighted rendezvous hashing (Schindelhauer and Schomaker, 2005): the hub with the largest -weight / ln(u), where u in
// (0, 1) is a hash of device and hub. Each hub's score depends on nothing but itself, so that others keep their
// devices.
double score(const linked_hub& hub, const events::registration_id& registration) {
  const auto hash = key_hash(registration.key() + '\0' + hub.name.key());
  const double u =
      (static_cast<double>(hash >> 12U) + 0.5) / 4503599627370496.0;  // 2^52: with one bit more u could round to 1
  return -static_cast<double>(hub.weight) / std::log(u);
}

}  // namespace

events::allocation_report allocate(const service_state& service, const events::enrollment_terms& terms,
                                   const events::registration_id& registration) {
  events::allocation_report report;
  report.policy = policy_of(service, terms);
  report.candidates = candidates_of(service, terms);
  if (report.policy == allocation_policy::static_hub) {
    if (report.candidates.size() == 1) report.chosen = report.candidates.front().name;
    return report;
  }
  std::erase_if(report.candidates, [](const linked_hub& hub) { return !hub.apply_allocation_policy; });
  const auto best =
      std::ranges::max_element(report.candidates, {}, [&](const linked_hub& hub) { return score(hub, registration); });
  if (best != report.candidates.end()) report.chosen = best->name;
  return report;
}

std::string why_no_hub(const events::allocation_report& report) {
  if (report.candidates.empty()) return "No linked IoT hub is eligible for this enrollment.";
  return "The static allocation policy needs exactly one linked IoT hub, and " +
         std::to_string(report.candidates.size()) + " are eligible.";
}

}  // namespace muster::engine
