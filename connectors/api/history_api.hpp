#pragma once

#include "connectors/api/http_exchange.hpp"

/// The events of a service, read back from the journal: CloudEvents 1.0. `after` is `SHARD-SEQUENCE`, as the events'
/// ids are, and absent for the beginning; `types` names event types, separated by commas (`device_registered`),
/// `stream` one stream below the ID scope (`devices/dev-1`). Personal fields (source addresses, payloads) are opened,
/// unless `personal=false`; secrets never are.
///
/// Directly before the first event after an hour's end stands the usage of that hour (events/usage_event.hpp), if it
/// had operations, and as soon as the hour has ended; its id is `SHARD-SEQUENCE-HOUR`, and is a place for `after` like
/// any other. `usage=false` leaves it out, and so does `stream`.
///
/// Without more ado that is a page, one JSON document a line (`application/x-ndjson`): `limit` is 100, at most 1000;
/// the response says in `x-muster-next` what to ask `after` next, and in `x-muster-more` whether anything is there by
/// now. Work is done on a thread of its own.
///
/// With `Accept: text/event-stream` it is a stream that stays open (connectors/api/feed_streams.hpp); `Last-Event-ID`
/// prevails over `after`, and `after=latest` begins with what happens from now on. It ends when the caller may no
/// longer read, or the node stops: come back from the last id.
namespace muster::connectors {

/// GET /events?service=&after=&types=&stream=&limit=. Needs EnrollmentRead and RegistrationStatusRead, or an operator.
void on_events(const exchange_ptr& exchange);

/// GET /registrations/{id}/history?after=&limit=: the events of one registration id. The same rights.
void on_registration_history(const exchange_ptr& exchange);

/// Answers with events of `service`, or of the stream `subject` below its scope (`devices/dev-1`) if it is not empty.
/// The caller has been authorized; `still_admitted` says whether a caller who stays still is, always if it is empty.
void answer_history(const exchange_ptr& exchange, const engine::scope_snapshot& service, std::string_view subject,
                    std::function<bool(const engine::scope_snapshot&)> still_admitted = {});

}  // namespace muster::connectors
