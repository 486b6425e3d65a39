#pragma once

#include "connectors/api/http_exchange.hpp"
#include "engine/ports/shard_view.hpp"

#include <expected>

/// What every request on a service's own API has in common: which service it is for, who asks, and paging.
namespace muster::connectors {

/// A request that was let in.
struct service_call {
  std::shared_ptr<const engine::scope_snapshot> service;
  principal who;
  const events::id_scope& scope() const { return service->service.scope; }
};

/// Whether the request must name an api-version: the vendor's operations do, ours need not.
enum class api_version : std::uint8_t { required, optional };

/// Why a request is for no service.
struct no_service {
  std::string why;
  bool named = false;  ///< by a name that no service has: only an operator may learn that
};

/// The service that a request is for: the one that the query parameter `service` names (by name or ID scope), else that
/// of the host name's first label. Where the host is an address or `localhost`, the only service there is.
std::expected<std::shared_ptr<const engine::scope_snapshot>, no_service> choose_service(const http_exchange& exchange);

/// Finds the service, authorizes the request and checks its api-version. If anything is missing the exchange is
/// finished. To whoever is not let in, a service that does not exist looks like one that does.
std::optional<service_call> admit(http_exchange& exchange, std::initializer_list<events::access_right> rights,
                                  api_version version);

/// Fails the exchange with 503 if a shard is not open: then what cannot be found may be there all the same.
bool fail_if_not_ready(http_exchange& exchange);

/// The service's read models; if its shard is not open the exchange is finished with 503.
std::shared_ptr<engine::shard_view> open_view(http_exchange& exchange, const engine::scope_snapshot& service);

/// The name in the path's variable `i`; if it is none, the exchange is finished with 400.
template <class Name>
std::optional<Name> path_name(http_exchange& exchange, std::size_t i) {
  auto name = Name::parse(exchange.variable(i));
  if (!name) {
    exchange.fail(dps_code::argument_invalid,
                  std::string(Name::what()) + " in the path: expected " + std::string(Name::rule()) + ".");
  }
  return name;
}

/// The caller of a command: `by`, correlation id, and the header Idempotency-Key with the digest of method, path and
/// body. If the key is no 1 to 128 visible ASCII characters, the exchange is finished with 400.
std::optional<engine::caller> caller_of(http_exchange& exchange, const principal& who);

/// If-Match: one pair of quotes around it is dropped, `*` means any version.
engine::precondition if_match_of(const http_request& request);

/// Sends a command of `who`; `render` makes the response of its answer.
void submit(const exchange_ptr& exchange, const principal& who, engine::command command, http_reply::renderer render);

inline constexpr std::size_t page_items_default = 100;  // DPS's own
inline constexpr std::size_t page_items_max = 1000;

/// How many items a page shall have: a number from 1, or the default if `text` is empty; nothing if it is neither.
std::optional<std::size_t> page_size(std::string_view text);

/// The query parameter `limit`; if it is no number of 1 to `page_items_max`, the exchange is finished with 400.
std::optional<std::size_t> wanted_limit(http_exchange& exchange);

}  // namespace muster::connectors
