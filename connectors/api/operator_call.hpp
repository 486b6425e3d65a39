#pragma once

#include "connectors/api/service_call.hpp"
#include "connectors/json/json_writer.hpp"

/// What every request of an operator has in common.
namespace muster::connectors {

/// Authorizes an operator; if it is none, the exchange is finished with 401.
std::optional<principal> admit_operator(http_exchange& exchange);

/// Authorizes an operator and finds the service in the path's first variable; else the exchange is finished.
std::optional<service_call> admit_operator_of_service(http_exchange& exchange);

/// The page that the query's `after` and `limit` ask for; if they are wrong, the exchange is finished with 400.
std::optional<engine::page_request> wanted_page(http_exchange& exchange);

/// Finishes the exchange with a page of a list, each item written by `write_item(out, item)`, or with the error.
template <class Item, class WriteItem>
void finish_with_page(http_exchange& exchange, const engine::result<engine::page<Item>>& page,
                      const WriteItem& write_item) {
  if (!page) return exchange.fail(page.error());
  json_writer out;
  out.begin_object();
  out.begin_array("items");
  for (const auto& item : page->items) write_item(out, item);
  out.end_array();
  if (!page->next.empty()) out.string("next", page->next);
  out.end_object();
  exchange.finish(json_response(200, out.take()));
}

/// The `"state"` of a service whose shard is not open on this node.
inline constexpr std::string_view state_of_closed_service = "closed";

/// Writes a service as one JSON object. `keys`: with its owner's connection string. `registrations`: how many records
/// it has, as far as that was counted; `null` if it was not.
void write_service(json_writer& out, const http_parts& parts, const engine::scope_snapshot& service, bool keys,
                   const std::optional<engine::partial_count>& registrations = std::nullopt);

/// Writes `"hubs": [...]`.
void write_hubs(json_writer& out, const engine::scope_snapshot& service);

}  // namespace muster::connectors
