#include "connectors/api/sas_authorization.hpp"

#include "connectors/api/dps_error.hpp"
#include "engine/attestation/sas_token.hpp"
#include "engine/sealing.hpp"
#include "events/describe.hpp"

#include <algorithm>

namespace muster::connectors {

namespace {

constexpr std::string_view bearer_scheme = "bearer ";

std::unexpected<access_refusal> refuse(std::string why) {
  return std::unexpected(access_refusal{dps_code::unauthorized, "Unauthorized: " + std::move(why)});
}

std::unexpected<access_refusal> no_credential(std::string_view wanted) {
  return std::unexpected(
      access_refusal{dps_code::no_credential,
                     "Unauthorized: the header Authorization is missing or is no " + std::string(wanted) + "."});
}

bool is_bearer(std::string_view header) {
  return header.size() > bearer_scheme.size() &&
         events::to_lower(header.substr(0, bearer_scheme.size())) == bearer_scheme;
}

// Either key may have signed. Where there is no such policy, or no such service, a key of nobody is tried, so that it
// takes as long.
bool signed_by_policy(const engine::sas_token& token, const engine::scope_snapshot* service) {
  static const engine::opened_keys nobody(std::string(64, '\0'), std::string(64, '\0'));
  static const engine::scope_snapshot nothing;
  const auto& policies = (service != nullptr ? *service : nothing).policy_keys;
  const auto at = policies.find(token.key_name);
  const bool known = at != policies.end();
  const auto& keys = known ? at->second : nobody;
  const bool primary = token.signed_by(keys.primary);
  const bool secondary = token.signed_by(keys.secondary);
  return (primary || secondary) && known;
}

}  // namespace

bool resource_covers(std::string_view resource, std::string_view host, std::span<const std::string> path) {
  auto text = events::to_lower(resource);
  if (const auto scheme = text.find("://"); scheme != std::string::npos) text.erase(0, scheme + 3);
  while (text.ends_with('/')) text.pop_back();
  std::string_view rest = text;
  auto authority = rest.substr(0, rest.find('/'));
  rest.remove_prefix(authority.size());
  const auto port = authority.rfind(':');
  if (port != std::string_view::npos && port >= authority.rfind(']') + 1) authority = authority.substr(0, port);
  if (authority != host) return false;
  for (std::size_t i = 0; !rest.empty(); ++i) {
    rest.remove_prefix(1);
    const auto segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (i >= path.size() || events::to_lower(path[i]) != segment) return false;
  }
  return true;
}

std::expected<principal, access_refusal> authorize(const http_request& request, std::string_view host,
                                                   const engine::scope_snapshot* service,
                                                   std::span<const operator_token> operators, events::timestamp now) {
  const auto header = request.header("authorization");
  if (is_bearer(header)) return authorize_operator(request, operators);
  if (header.empty()) return no_credential("shared access signature");
  const auto token = engine::sas_token::parse(header);
  if (!token) {
    return no_credential(
        "shared access signature (SharedAccessSignature sr=HOST&sig=SIGNATURE&se=UNIX_SECONDS&skn=POLICY)");
  }
  if (token->key_name.empty()) return refuse("the token names no policy; add skn=POLICY.");
  if (!signed_by_policy(*token, service)) {
    return refuse("the token is not signed with a key of the policy '" + token->key_name.substr(0, 64) + "'.");
  }
  if (token->expiry < now)
    return refuse("the token expired at " + events::to_iso8601(token->expiry) + "; make a new one.");
  if (!resource_covers(token->resource, host, request.path)) {
    return refuse("the token is for '" + token->resource.substr(0, 200) + "', not for this path on '" +
                  std::string(host) + "'.");
  }
  const auto& policies = service->service.policies;
  const auto policy = std::ranges::find(policies, token->key_name, &events::access_policy::name);
  if (policy == policies.end()) return refuse("the policy '" + token->key_name.substr(0, 64) + "' does not exist.");
  return principal{"policy:" + policy->name, policy->rights, false};
}

std::expected<principal, access_refusal> authorize_operator(const http_request& request,
                                                            std::span<const operator_token> operators) {
  const auto header = request.header("authorization");
  if (!is_bearer(header)) return no_credential("operator's token (Bearer TOKEN)");
  const auto digest = events::sha256(header.substr(bearer_scheme.size()));
  const operator_token* found = nullptr;
  for (const auto& each : operators) {
    if (engine::equal_secrets(events::as_bytes(each.sha256), events::as_bytes(digest))) found = &each;
  }
  if (found == nullptr) return refuse("this is no operator's token of this node.");
  return principal{"operator:" + found->name, {}, true};
}

std::optional<access_refusal> lacking(const principal& who, std::initializer_list<events::access_right> rights) {
  if (who.is_operator) return std::nullopt;
  for (const auto right : rights) {
    if (std::ranges::find(who.rights, right) != who.rights.end()) continue;
    return access_refusal{dps_code::unauthorized,
                          "Unauthorized: " + who.by + " lacks the right " + std::string(events::name_of(right)) + "."};
  }
  return std::nullopt;
}

}  // namespace muster::connectors
