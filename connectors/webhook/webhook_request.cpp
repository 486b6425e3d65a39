#include "connectors/webhook/webhook_request.hpp"

#include "engine/history.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"
#include "events/cloud_event.hpp"

#include <algorithm>
#include <charconv>

namespace muster::connectors {

namespace {

constexpr std::size_t batch_events_max = 100;
constexpr std::size_t batch_bytes_max = 256U << 10U;
constexpr auto retry_after_max = std::chrono::hours(1);
constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t secret_bytes_min = 24;
constexpr std::size_t secret_bytes_max = 64;

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

webhook_verdict later(std::string reason, const webhook_response& response) {
  webhook_verdict verdict{webhook_verdict::kind::later, std::move(reason), {}, {}};
  if (const auto wish = number_of(response.header("retry-after")))
    verdict.retry_after = std::min<std::chrono::seconds>(std::chrono::seconds(*wish), retry_after_max);
  return verdict;
}

std::string answered(long status) {
  return "the endpoint answered " + std::to_string(status);
}

}  // namespace

std::string webhook_response::header(std::string_view name) const {
  const auto at = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return at == headers.end() ? std::string() : at->second;
}

webhook_batch make_batch(const engine::feed_frames& frames, events::shard_id shard, const events::id_scope& scope,
                         const std::set<std::string, std::less<>>& types, events::log_sequence after) {
  webhook_batch batch{"[", 0, {}, after};
  const engine::event_filter filter{types, {}};
  const auto full = [&] { return batch.events == batch_events_max || batch.body.size() >= batch_bytes_max; };
  events::log_sequence first;
  for (const auto& frame : frames) {
    for (const auto& record : frame->records) {
      if (record.meta.sequence <= after) continue;
      if (full()) break;
      batch.last = record.meta.sequence;
      if (!engine::wanted(record.meta, scope, filter)) continue;
      if (batch.events++ == 0)
        first = batch.last;
      else
        batch.body += ',';
      batch.body += events::to_cloud_event(record.meta, shard, record.data);
    }
  }
  batch.body += ']';
  batch.id =
      std::to_string(shard.value()) + "-" + std::to_string(first.value()) + "." + std::to_string(batch.last.value());
  return batch;
}

webhook_request delivery_request(const std::string& url, std::string_view secret, const webhook_batch& batch,
                                 events::timestamp now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const auto timestamp = std::to_string(seconds);
  const auto signature = engine::hmac_sha256(secret, batch.id + "." + timestamp + "." + batch.body);
  return {"POST",
          url,
          {{"Content-Type", "application/cloudevents-batch+json; charset=utf-8"},
           {"webhook-id", batch.id},
           {"webhook-timestamp", timestamp},
           {"webhook-signature", "v1," + events::to_base64(signature)}},
          batch.body};
}

webhook_request validation_request(const std::string& url, const std::string& origin) {
  return {"OPTIONS", url, {{"WebHook-Request-Origin", origin}}, {}};
}

webhook_verdict judge_delivery(const webhook_response& response) {
  if (response.status == 0) return {webhook_verdict::kind::later, response.error, {}, {}};
  if (response.status >= 200 && response.status < 300) return {};
  if (response.status == 410)
    return {webhook_verdict::kind::never, answered(410) + ": it wants no more events", {}, {}};
  if (response.status >= 300 && response.status < 400)
    return later(answered(response.status) + ": redirects are not followed; name the place it leads to", response);
  return later(answered(response.status), response);
}

webhook_verdict judge_validation(const webhook_response& response, const std::string& origin) {
  if (response.status == 0) return {webhook_verdict::kind::later, response.error, {}, {}};
  if (response.status < 200 || response.status >= 300)
    return later(answered(response.status) + " to OPTIONS: it must allow events first, or be set without validation",
                 response);
  const auto allowed = response.header("webhook-allowed-origin");
  if (allowed != "*" && events::to_lower(allowed) != events::to_lower(origin)) {
    return later("the endpoint does not allow events of '" + origin +
                     "': its answer to OPTIONS must have WebHook-Allowed-Origin, or it must be set without validation",
                 response);
  }
  webhook_verdict verdict;
  const auto per_minute = number_of(response.header("webhook-allowed-rate"));
  if (per_minute && *per_minute > 0) verdict.interval = std::chrono::milliseconds(60'000 / *per_minute);
  return verdict;
}

std::optional<std::string> read_webhook_secret(std::string_view text) {
  if (!text.starts_with(secret_prefix)) return std::nullopt;
  auto key = events::from_base64(text.substr(secret_prefix.size()));
  if (!key || key->size() < secret_bytes_min || key->size() > secret_bytes_max) return std::nullopt;
  return std::string(key->begin(), key->end());
}

std::string webhook_secret_text(std::string_view key) {
  return std::string(secret_prefix) + events::to_base64(key);
}

std::chrono::milliseconds longest_pause(unsigned failures, std::chrono::milliseconds first,
                                        std::chrono::milliseconds longest) {
  auto pause = first;
  for (unsigned i = 1; i < failures && pause < longest; ++i) pause *= 2;
  return std::min(pause, longest);
}

}  // namespace muster::connectors
