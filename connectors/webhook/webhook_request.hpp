#pragma once

#include "engine/error.hpp"
#include "engine/feed.hpp"
#include "engine/history.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What is sent to an endpoint, and what its answer means. Pure.
namespace muster::connectors {

/// An HTTP request to an endpoint.
struct webhook_request {
  std::string method;
  std::string url;  ///< with its query, which is secret
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// What came back: a status and some headers (names in lower case), or why there is none.
struct webhook_response {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string error;  ///< empty if there is a status
  std::string header(std::string_view name) const;
};

/// Events on their way: CloudEvents as a JSON array (CloudEvents JSON format 1.0.2, section 4).
struct webhook_batch {
  std::string body;
  std::size_t events = 0;
  std::string id;           ///< `SHARD-FIRST.LAST`: the same for each try of the same events
  engine::feed_place last;  ///< everything up to here is in it, or is not wanted
};

/// Takes the events of `scope` behind `after` that `filter` lets through out of `frames`, and the usage in `reports`
/// in its places between them; at most a batch of both. `reports`: as `engine::usage_between` gives them for these
/// frames, in order.
webhook_batch make_batch(const engine::feed_frames& frames, const std::deque<events::usage_reported>& reports,
                         events::shard_id shard, const events::id_scope& scope, const engine::event_filter& filter,
                         const engine::feed_place& after);

/// POST of a batch (CloudEvents HTTP binding 1.0.2, section 3.3), signed after the Standard Webhooks specification:
/// `webhook-signature: v1,BASE64` is HMAC-SHA256 of `id.timestamp.body` under the secret. The timestamp lets the
/// receiver refuse what is replayed later. `secret` is the raw key.
webhook_request delivery_request(const std::string& url, std::string_view secret, const webhook_batch& batch,
                                 events::timestamp now);

/// OPTIONS that asks the endpoint whether it wants events of `origin` (CloudEvents HTTP 1.1 Web Hooks 1.0.2, section
/// 4).
webhook_request validation_request(const std::string& url, const std::string& origin);

/// What to do after an answer.
struct webhook_verdict {
  enum class kind {
    done,
    later,  ///< try again
    never,  ///< the endpoint says that it wants no events, now and for ever
  };
  kind what = kind::done;
  std::string reason;                                 ///< of `later` and `never`, for people
  std::optional<std::chrono::seconds> retry_after;    ///< the endpoint's wish, of `later`
  std::optional<std::chrono::milliseconds> interval;  ///< between two requests, of a validation that went well
};

webhook_verdict judge_delivery(const webhook_response& response);
webhook_verdict judge_validation(const webhook_response& response, const std::string& origin);

/// The raw key behind `whsec_BASE64`; nothing if it is none of 24 to 64 bytes.
std::optional<std::string> read_webhook_secret(std::string_view text);
std::string webhook_secret_text(std::string_view key);

/// The longest pause before try `failures + 1` (1, 2, 4 ... times `first`, at most `longest`); of it, a random part is
/// taken.
std::chrono::milliseconds longest_pause(unsigned failures, std::chrono::milliseconds first,
                                        std::chrono::milliseconds longest);

}  // namespace muster::connectors
