#pragma once

#include "connectors/api/http_exchange.hpp"

/// The DPS service API: individual enrollments (I1 to I3), enrollment groups (G1 to G3) and registration records (R1,
/// R2).
namespace muster::connectors {

/// PUT /enrollments/{id}. 200 for a new one too, with the keys.
void on_put_enrollment(const exchange_ptr& exchange);
/// GET /enrollments/{id}: without keys, with the registration state.
void on_get_enrollment(const exchange_ptr& exchange);
/// DELETE /enrollments/{id}: 204.
void on_delete_enrollment(const exchange_ptr& exchange);

/// PUT, GET and DELETE /enrollmentGroups/{id}.
void on_put_group(const exchange_ptr& exchange);
void on_get_group(const exchange_ptr& exchange);
void on_delete_group(const exchange_ptr& exchange);

/// GET and DELETE /registrations/{id}.
void on_get_registration(const exchange_ptr& exchange);
void on_delete_registration(const exchange_ptr& exchange);

}  // namespace muster::connectors
