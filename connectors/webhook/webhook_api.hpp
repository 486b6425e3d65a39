#pragma once

#include "connectors/api/http_exchange.hpp"
#include "connectors/json/json_writer.hpp"

/// What operators ask about a service's webhook, with a `Bearer` token.
namespace muster::connectors {

/// PUT /operator/services/{name}/webhook: `{"url": "https://...", "secret": "whsec_BASE64", "types":
/// ["device_registered"], "validate": true}`; all but the URL may be absent. Sets the endpoint or another one, and goes
/// on where the last one stood. 200 with the webhook and its secret.
void on_put_webhook(const exchange_ptr& exchange);
/// GET: the webhook and how its deliveries go; with the secret and the URL's query if `keys=true`.
void on_get_webhook(const exchange_ptr& exchange);
/// DELETE: 204; nothing is sent any more.
void on_delete_webhook(const exchange_ptr& exchange);
/// POST /operator/services/{name}/webhook/resume: goes on with deliveries that were given up.
void on_resume_webhook(const exchange_ptr& exchange);

/// Writes the object `webhook` of a service that has one. Its `delivery.state` is `delivering`, `failing` or `parked`.
void write_webhook(json_writer& out, const http_parts& parts, const engine::scope_snapshot& service, bool keys,
                   std::string_view name = {});

}  // namespace muster::connectors
