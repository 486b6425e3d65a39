#pragma once

#include "connectors/api/http_exchange.hpp"

/// What operators ask of a node, below /operator/, with a `Bearer` token: services, their settings and hubs, and lists.
/// A service in a path is named by its name or its ID scope. Lists are `{"items": [...], "next": "..."}` with `limit`
/// (100, at most 1000) and `after` in the query, `next` being the next page's `after` and absent at the end. A page
/// ends too when it has looked at `limits::rows_listed_max` rows: it may have few items, or none, and a `next`.
namespace muster::connectors {

/// PUT /operator/services/{name}: 201 and the service. Body, every member of which may be absent: `{"idScope": ...,
/// "hubs": [{"name", "weight", "applyAllocationPolicy"}], "settings": {"allocationPolicy", "assigningFirst",
/// "symmetricKeyGroupsMax"}}`.
void on_create_service(const exchange_ptr& exchange);
/// GET /operator/services: without keys. Each has a `"state"`: `open`, `closed` if its shard is not open on this node,
/// `creating`; of one that this node has not read yet there are only name, ID scope, shard and state. `"incomplete"`
/// says in words why others may be missing; without it the list is whole.
void on_list_services(const exchange_ptr& exchange);
/// GET /operator/services/{name}: with the connection string of the policy provisioningserviceowner, and how many
/// groups and registrations there are; `"moreRegistrations": true` if it stopped counting them.
void on_get_service(const exchange_ptr& exchange);
/// PATCH /operator/services/{name}/settings: members left out stay as they are.
void on_patch_settings(const exchange_ptr& exchange);

/// GET /operator/services/{name}/hubs; PUT and DELETE /operator/services/{name}/hubs/{hub}: links a hub or changes its
/// link; ends it.
void on_list_hubs(const exchange_ptr& exchange);
void on_link_hub(const exchange_ptr& exchange);
void on_unlink_hub(const exchange_ptr& exchange);
/// GET /operator/services/{name}/hubs/{hub}/devices and .../devices/{id}, with keys if `keys=true`; DELETE of one.
void on_list_hub_devices(const exchange_ptr& exchange);
void on_get_hub_device(const exchange_ptr& exchange);
void on_delete_hub_device(const exchange_ptr& exchange);

/// GET /operator/services/{name}/enrollments, .../groups, .../registrations (`status`, `group`, `hub`, `count=true`). A
/// count is `{"count": N}`, with a `next` if it has looked at `limits::rows_counted_max` rows and more follow.
void on_list_enrollments(const exchange_ptr& exchange);
void on_list_groups(const exchange_ptr& exchange);
void on_list_registrations(const exchange_ptr& exchange);
/// GET /operator/services/{name}/events?after=&limit=&stream=: as /events (connectors/api/history_api.hpp).
void on_service_events(const exchange_ptr& exchange);

/// POST /operator/rebuild and /operator/verify: answered when it is done.
void on_rebuild(const exchange_ptr& exchange);
void on_verify(const exchange_ptr& exchange);
/// GET /operator/version.
void on_version(const exchange_ptr& exchange);

}  // namespace muster::connectors
