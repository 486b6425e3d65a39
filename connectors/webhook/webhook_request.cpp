#include "connectors/webhook/webhook_request.hpp"

#include "connectors/api/event_selection.hpp"
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

/// Fills a batch until it is full.
class batch_maker {
public:
  batch_maker(const std::deque<events::usage_reported>& reports, events::shard_id shard, const events::id_scope& scope,
              const engine::feed_place& after)
      : shard_(shard), scope_(scope), reports_(reports) {
    batch_.body = "[";
    batch_.last = after;
  }

  // Adds the hours that had ended before the event `before`. False if the batch is full.
  bool add_reports(events::log_sequence before) {
    for (; next_report_ < reports_.size() && reports_[next_report_].sequence < before; ++next_report_) {
      if (full()) return false;
      const auto& report = reports_[next_report_];
      batch_.last = engine::place_of(report);
      add(events::to_cloud_event(report, scope_, shard_));
    }
    return true;
  }

  // Adds an event if it is wanted, and what stands before it. False if the batch is full.
  bool add(const events::event_record& record, const engine::event_filter& filter) {
    if (!add_reports(record.meta.sequence) || full()) return false;
    batch_.last = record.meta.sequence;
    if (engine::wanted(record.meta, scope_, filter)) add(events::to_cloud_event(record.meta, shard_, record.data));
    return true;
  }

  webhook_batch take() {
    batch_.body += ']';
    const auto last = place_text(shard_, batch_.last);
    batch_.id = place_text(shard_, first_) + "." + last.substr(last.find('-') + 1);
    return std::move(batch_);
  }

private:
  bool full() const { return batch_.events == batch_events_max || batch_.body.size() >= batch_bytes_max; }
  void add(const std::string& event) {
    if (batch_.events++ == 0)
      first_ = batch_.last;
    else
      batch_.body += ',';
    batch_.body += event;
  }

  const events::shard_id shard_;
  const events::id_scope& scope_;
  const std::deque<events::usage_reported>& reports_;
  std::size_t next_report_ = 0;
  engine::feed_place first_;
  webhook_batch batch_;
};

std::string answered(long status) {
  return "the endpoint answered " + std::to_string(status);
}

}  // namespace

std::string webhook_response::header(std::string_view name) const {
  const auto at = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return at == headers.end() ? std::string() : at->second;
}

webhook_batch make_batch(const engine::feed_frames& frames, const std::deque<events::usage_reported>& reports,
                         events::shard_id shard, const events::id_scope& scope, const engine::event_filter& filter,
                         const engine::feed_place& after) {
  batch_maker maker(reports, shard, scope, after);
  for (const auto& frame : frames) {
    for (const auto& record : frame->records) {
      if (record.meta.sequence > after.sequence && !maker.add(record, filter)) return maker.take();
    }
  }
  if (frames.empty()) maker.add_reports(after.sequence.next());
  return maker.take();
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
  const bool redirects = response.status >= 300 && response.status < 400 && !response.header("location").empty();
  if (redirects)
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
