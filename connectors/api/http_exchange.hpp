#pragma once

#include "connectors/api/dps_error.hpp"
#include "connectors/api/sas_authorization.hpp"
#include "connectors/https/http_message.hpp"
#include "connectors/json/json_body.hpp"
#include "connectors/webhook/webhook_client.hpp"
#include "engine/history.hpp"
#include "engine/ports/catalog.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/command_gateway.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/ports/log.hpp"
#include "engine/ports/maintenance.hpp"
#include "engine/ports/read_barrier.hpp"
#include "engine/telemetry.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace muster::connectors {

/// Where this node is reached, as texts to show.
struct endpoint_texts {
  std::string device;   ///< `localhost:8443`
  std::string service;  ///< the same for back ends; `{service}` in it stands for the service's name
  std::string ca;       ///< path of the CA certificate that clients need
};

class feed_streams;

/// What the handlers work with. The referenced parts outlive every exchange.
struct http_parts {
  engine::command_gateway& gateway;
  const engine::catalog& services;
  engine::history& past;
  engine::keyring& keys;
  engine::log& log;
  const engine::clock& clock;
  engine::telemetry& telemetry;
  engine::maintenance* upkeep = nullptr;  ///< may be absent: rebuild and verify are then unavailable
  std::vector<operator_token> operators;
  std::function<endpoint_texts()> endpoints;
  std::function<std::string()> metrics;  ///< the text of `/metrics`
  /// Which shards the node does not serve, if any; with causes it is for operators only.
  std::function<std::optional<std::string>(bool with_causes)> not_ready;
  std::function<bool(std::function<void()>)> look_up;     ///< runs a job that reads some rows; false if too many wait
  std::function<bool(std::function<void()>)> read_later;  ///< the same for one that reads many rows, or history
  std::function<bool(std::function<void()>)>
      maintain_later;  ///< runs a rebuild or a verification; false if one waits already
  std::string version;
  webhook_client_options webhooks = {};   ///< where webhooks may lead
  feed_streams* streams = nullptr;        ///< may be absent: events then come by the page only
  engine::read_barrier* reads = nullptr;  ///< absent: every read of a fold is exact
  /// What else an operator should know of a node that serves, if anything; may be absent.
  std::function<std::optional<std::string>(bool with_causes)> trouble = {};
};

/// One request on its way to its response. However it ends, it is answered once, logged once and counted once: an
/// exchange that is dropped answers 503. The handler that has it uses it from one thread at a time.
class http_exchange {
public:
  http_exchange(std::shared_ptr<const http_parts> parts, http_request request, respond answer);
  ~http_exchange();
  http_exchange(const http_exchange&) = delete;
  http_exchange& operator=(const http_exchange&) = delete;

  const http_parts& parts() const { return *parts_; }
  const http_request& request() const { return request_; }
  events::timestamp arrived() const { return arrived_; }
  /// The host that the request names, in lower case and without a port.
  const std::string& host() const { return host_; }
  /// The `i`th variable segment of the path.
  const std::string& variable(std::size_t i) const { return variables_[i]; }
  /// The error context of this request, now.
  error_context context() const { return {request_.correlation_id, parts_->clock.now(), {}}; }

  /// Names the operation for the log, and gives the path's variables.
  void enter(std::string_view operation, std::string_view category, std::vector<std::string> variables);
  /// What the log says that the request is about: DPS's `properties` id and type.
  void about(std::string_view type, std::string_view id);

  /// Gives the response; only the first call counts.
  void finish(http_response response);
  /// Finishes with an error.
  void fail(int code, std::string_view message) { finish(error_response(code, message, context())); }
  void fail(const engine::error& error) { fail(dps_error_code(error.code), error.text); }
  void fail(const access_refusal& refusal) { fail(refusal.code, refusal.message); }

  /// Takes `job` to where reading may block: no route may do that on the listener's own threads. If too many jobs wait
  /// the exchange is finished with 429. `look_up` is for a few rows, `read_later` for lists, counts and history.
  ///
  /// Before that the read passes the barrier of `shard`, as the header `x-muster-read` (`recent`, which is the default,
  /// or `exact`) wants it; if it may not, the exchange is finished with 503. If what is read may be older than usual,
  /// the response says in `x-muster-read-age` how many seconds. Without a shard there is no barrier.
  static void look_up(const std::shared_ptr<http_exchange>& exchange, std::optional<events::shard_id> shard,
                      std::function<void()> job);
  static void read_later(const std::shared_ptr<http_exchange>& exchange, std::optional<events::shard_id> shard,
                         std::function<void()> job);

  /// The body as a JSON object; if it is not one, this has been finished with 400 or 415. An empty body counts as `{}`
  /// where `may_be_empty`.
  std::optional<json_value> json_body(bool may_be_empty);

private:
  static void pass_barrier(const std::shared_ptr<http_exchange>& exchange, std::optional<events::shard_id> shard,
                           std::function<void()> go);
  void write_log(const http_response& response) const;

  std::shared_ptr<const http_parts> parts_;
  http_request request_;
  respond answer_;
  events::timestamp arrived_;
  std::string host_;
  std::string operation_ = "Unknown";
  std::string category_ = "ServiceOperations";
  std::string subject_type_;
  std::string subject_id_;
  std::vector<std::string> variables_;
  std::string read_age_;  ///< for the header `x-muster-read-age`, if it is not empty
  std::atomic<bool> finished_ = false;
};

using exchange_ptr = std::shared_ptr<http_exchange>;

/// Takes the answer to a command and finishes the exchange with what `render` makes of it. Dropped unanswered it
/// renders `unavailable`, and is counted.
class http_reply final : public engine::reply {
public:
  using renderer = std::function<http_response(http_exchange&, const engine::answer&)>;
  http_reply(exchange_ptr exchange, renderer render) : exchange_(std::move(exchange)), render_(std::move(render)) {}
  ~http_reply() override;
  void deliver(engine::answer a) override;

private:
  exchange_ptr exchange_;
  renderer render_;
  std::atomic<bool> delivered_ = false;
};

/// A rejection as a response, or nothing if `a` is none.
std::optional<http_response> rejection_response(const http_exchange& exchange, const engine::answer& a,
                                                entry_kind entry);

/// A renderer for a command that is answered with a rejection, about an entry of kind `entry`, or with an `Answer`, of
/// which `render(exchange, answer)` makes the response. An answer of another kind is a 500.
template <class Answer, class Render>
http_reply::renderer rendering(entry_kind entry, Render render) {
  return [entry, render](http_exchange& exchange, const engine::answer& a) {
    if (auto rejected = rejection_response(exchange, a, entry)) return std::move(*rejected);
    if (const auto* answer = std::get_if<Answer>(&a)) return render(exchange, *answer);
    return error_response(dps_code::internal, "The command was answered, but not as it should be.", exchange.context());
  };
}

/// A renderer for a command whose success has nothing to say: 204.
http_reply::renderer rendering_no_content(entry_kind entry);

}  // namespace muster::connectors
