#include "events/operations.hpp"

#include <array>

namespace muster::events {

namespace {

constexpr bool billed = true;
constexpr bool unbilled = false;
constexpr std::string_view control_plane = "the operator sets the service up";
constexpr std::string_view part_of_registration =
    "part of the registration, or of the operator's order, that led to it";

constexpr std::array rules = {
    operation_rule{service_placed::type, unbilled, control_plane},
    operation_rule{placement_confirmed::type, unbilled, control_plane},
    operation_rule{placement_withdrawn::type, unbilled, control_plane},
    operation_rule{service_created::type, unbilled, control_plane},
    operation_rule{service_settings_changed::type, unbilled, control_plane},
    operation_rule{hub_linked::type, unbilled, control_plane},
    operation_rule{hub_unlinked::type, unbilled, control_plane},
    operation_rule{webhook_set::type, unbilled, control_plane},
    operation_rule{webhook_resumed::type, unbilled, control_plane},
    operation_rule{webhook_removed::type, unbilled, control_plane},
    operation_rule{enrollment_group_created::type, billed, "an entry changed"},
    operation_rule{enrollment_group_updated::type, billed, "an entry changed"},
    operation_rule{enrollment_group_deleted::type, billed, "an entry changed"},
    operation_rule{enrollment_created::type, billed, "an entry changed"},
    operation_rule{enrollment_updated::type, billed, "an entry changed"},
    operation_rule{enrollment_deleted::type, billed, "an entry changed"},
    operation_rule{device_registered::type, billed, "a device was registered, for the first time or again"},
    operation_rule{registration_joined::type, unbilled, "the registration it joined is billed"},
    operation_rule{registration_failed::type, unbilled, "the device got no hub"},
    operation_rule{registration_refused::type, unbilled, "the device was not let in"},
    operation_rule{registration_deleted::type, billed, "an entry changed"},
    operation_rule{attempts_suppressed::type, unbilled, "the devices were not let in"},
    operation_rule{hub_device_created::type, unbilled, part_of_registration},
    operation_rule{hub_device_updated::type, unbilled, part_of_registration},
    operation_rule{hub_device_deleted::type, unbilled, part_of_registration},
};

template <std::size_t I = 0>
constexpr bool in_order_of_event() {
  if constexpr (I == std::variant_size_v<event>)
    return true;
  else
    return rules[I].type == std::variant_alternative_t<I, event>::type && in_order_of_event<I + 1>();
}

static_assert(rules.size() == std::variant_size_v<event>, "every event type has a rule");
static_assert(in_order_of_event(), "the rules stand in the order of the event types");

}  // namespace

std::span<const operation_rule> operation_rules() {
  return rules;
}

bool is_operation(const event& e) {
  return rules[e.index()].operation;
}

}  // namespace muster::events
