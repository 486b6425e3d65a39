#pragma once

#include "connectors/https/http_message.hpp"
#include "engine/service.hpp"

#include <expected>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Who asks for something on a service's API or as an operator, and what they may do.
namespace muster::connectors {

/// An operator's token. Only its digest is kept; the name goes into history.
struct operator_token {
  std::string name;
  events::digest sha256{};
};

/// Somebody who proved who they are.
struct principal {
  std::string by;  ///< `policy:NAME` or `operator:NAME`
  std::vector<events::access_right> rights;
  bool is_operator = false;  ///< may do everything, on every service
};

/// Why a request is not let in. The message names the check that failed: whoever holds a policy's key is told what to
/// mend, and whoever does not learns nothing about the key.
struct access_refusal {
  int code = 0;  ///< DPS error code
  std::string message;
};

/// Authorizes a request on the API of `service`: `Authorization: SharedAccessSignature sr=..&sig=..&se=..&skn=..`,
/// signed with either key of the policy `skn`, for `host` or a path on it that leads to the request's path, not
/// expired; or an operator's `Bearer` token. `host` is in lower case and has no port. Without a service (null) nobody
/// but an operator is let in, and the refusals, and the work behind them, are those of a service. DPS:
/// how-to-control-access. Any thread.
std::expected<principal, access_refusal> authorize(const http_request& request, std::string_view host,
                                                   const engine::scope_snapshot* service,
                                                   std::span<const operator_token> operators, events::timestamp now);

/// Authorizes an operator: `Authorization: Bearer TOKEN`.
std::expected<principal, access_refusal> authorize_operator(const http_request& request,
                                                            std::span<const operator_token> operators);

/// What `who` lacks of `rights`; nothing if they have them all.
std::optional<access_refusal> lacking(const principal& who, std::initializer_list<events::access_right> rights);

/// Whether a token's resource, percent-decoded (`host`, `host:443`, `https://host/path/`), covers `path` on `host`: the
/// same host, and a path that is a prefix by whole segments; letter case does not count.
bool resource_covers(std::string_view resource, std::string_view host, std::span<const std::string> path);

}  // namespace muster::connectors
