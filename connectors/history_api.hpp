#pragma once

#include "connectors/http_exchange.hpp"

/// The events of a service, read back from the journal: CloudEvents 1.0, one JSON document a line
/// (`application/x-ndjson`). `after` is `SHARD-SEQUENCE`, as the events' ids are, and absent for the beginning; `limit`
/// is 100, at most 1000. The response says in `x-muster-next` what to ask `after` next, and in `x-muster-more` whether
/// anything is there by now. Personal fields (source addresses, payloads) are opened, unless `personal=false`; secrets
/// never are. Work is done on a thread of its own.
namespace muster::connectors {

/// GET /events?service=&after=&limit=. Needs EnrollmentRead and RegistrationStatusRead, or an operator.
void on_events(const exchange_ptr& exchange);

/// GET /registrations/{id}/history?after=&limit=: the events of one registration id. The same rights.
void on_registration_history(const exchange_ptr& exchange);

/// Answers with events of `service`, or of the stream `subject` below its scope (`devices/dev-1`) if it is not empty.
/// The caller has been authorized.
void answer_history(const exchange_ptr& exchange, const engine::scope_snapshot& service, std::string_view subject);

}  // namespace muster::connectors
