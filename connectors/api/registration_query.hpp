#pragma once

#include "connectors/api/service_call.hpp"
#include "connectors/json/json_members.hpp"

#include <expected>

/// Listing and counting registration records across a whole service, which DPS cannot: only group by group.
namespace muster::connectors {

/// POST /registrations/query. The body, every member of which may be absent:
/// `{"status": "assigned|failed|disabled", "enrollmentGroupId": ..., "assignedHub": ..., "count": true}`.
/// With `count` the answer is `{"count": N}`, else an array of DeviceRegistrationState (with `enrollmentGroupId`) in
/// order of their ids. Paging as in DPS's queries: the request's `x-ms-max-item-count` (100; more than 1000 is 1000)
/// and `x-ms-continuation`; the response's `x-ms-continuation` is there only if more may follow. One request looks at
/// no more than `limits::rows_listed_max` records, so that a page of a rare status may be short or empty and go on; and
/// counts no more than `limits::rows_counted_max`: `{"count": N, "more": true}` goes on likewise, and the numbers add
/// up.
void on_query_registrations(const exchange_ptr& exchange);

/// The filter in the members `status`, `enrollmentGroupId` and `assignedHub`. Errors go into `in`.
engine::registration_filter read_filter(json_members& in);

/// An opaque place in a list, bound to its service and its filter: elsewhere, or changed, it is not taken.
std::string continuation_token(const engine::scope_snapshot& service, const engine::registration_filter& filter,
                               std::string_view after);
/// The place in a token; nothing if it was not made for this service and filter.
std::optional<std::string> continuation_place(const engine::scope_snapshot& service,
                                              const engine::registration_filter& filter, std::string_view token);

}  // namespace muster::connectors
