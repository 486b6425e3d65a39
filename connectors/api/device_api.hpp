#pragma once

#include "connectors/api/http_exchange.hpp"

/// The DPS device API over HTTPS: what devices ask. Paths begin with the ID scope; whether there is such a service, and
/// whether the device is let in, the engine says.
namespace muster::connectors {

/// PUT /{scope}/registrations/{id}/register: 200 when it is decided, 202 `assigning` where the service wants devices to
/// poll.
void on_register(const exchange_ptr& exchange);

/// GET /{scope}/registrations/{id}/operations/{operation}. A body is taken and ignored: Node sends one.
void on_operation_status(const exchange_ptr& exchange);

/// POST /{scope}/registrations/{id}: the record, without an envelope.
void on_registration_lookup(const exchange_ptr& exchange);

/// Whether `text` has the shape of a DPS api-version: `2021-10-01`, `2018-09-01-preview`.
bool is_api_version(std::string_view text);

}  // namespace muster::connectors
