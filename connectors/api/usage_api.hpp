#pragma once

#include "connectors/api/http_exchange.hpp"

/// What a service used: sums of its events and operations. `from` and `to` are half-open and name a month (`2026-11`),
/// a day (`2026-11-21`) or a full hour (`2026-11-21T06`), UTC; `by` is `hour`, `day` (unless said otherwise) or
/// `month`. The answer:
///
///     {"operations": N, "events": N, "byType": {TYPE: OPERATIONS}, "by": "day", "from": ..., "to": ...,
///      "periods": [{"from", "to", "open", "operations", "events", "types": [{"type", "events", "operations"}],
///                   "first": SHARD-SEQUENCE, "last": SHARD-SEQUENCE,
///                   "end": {"sequence": SHARD-SEQUENCE, "head": HEX}}]}
///
/// `open` periods may still grow. `end` says where the shard's log stood when the last hour with events had ended.
namespace muster::connectors {

/// GET /usage?service=&from=&to=&by=. Needs ServiceConfig, or an operator.
void on_usage(const exchange_ptr& exchange);

/// GET /operator/services/{name}/usage?from=&to=&by=.
void on_service_usage(const exchange_ptr& exchange);

/// POST /operator/services/{name}/usage/recount: counts anew from the log and compares
/// (`engine::to_json(usage_recount)`). Answered when it is done.
void on_recount_usage(const exchange_ptr& exchange);

}  // namespace muster::connectors
