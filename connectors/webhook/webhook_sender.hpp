#pragma once

#include "connectors/webhook/webhook_client.hpp"
#include "engine/feed.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/entropy.hpp"
#include "engine/ports/log.hpp"
#include "engine/telemetry.hpp"

#include <memory>
#include <string>

namespace muster::connectors {

struct webhook_sender_options {
  webhook_client_options client = {};
  std::string origin = "muster";  ///< who sends, in the question whether events are wanted: a DNS name
  std::chrono::milliseconds retry_first{1'000};
  std::chrono::milliseconds retry_longest{300'000};
  std::chrono::seconds park_after{24 * 3600};  ///< of failures without a success between
  unsigned park_after_failures = 1'000;        ///< likewise
};

/// Sends the events of services, their hourly usage among them, to the endpoints that operators have set
/// (`service_state::webhook`): of each service in order, at least once, from where the last success or its beginning
/// stands in the log. A failure is tried again after a pause that grows, with chance in it; an endpoint that fails for
/// long is parked, and goes on when it is resumed or set anew. How far each came is kept with the projections as the
/// reaction `webhook/SCOPE`. One thread of its own, on which all requests are in flight at once, one of each service.
class webhook_sender {
public:
  /// All of these outlive the sender.
  webhook_sender(webhook_sender_options options, engine::feed& feed, const engine::catalog& services,
                 const engine::clock& clock, engine::entropy& random, engine::log& log, engine::telemetry& telemetry);
  /// Ends at once: what is in flight is sent again by the next process.
  ~webhook_sender();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// The name under which a service's webhook keeps how far it has come.
std::string webhook_reaction(const events::id_scope& scope);

}  // namespace muster::connectors
