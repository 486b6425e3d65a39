#include "connectors/webhook/webhook_sender.hpp"

#include "engine/sealing.hpp"
#include "events/codec.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace muster::connectors {

namespace {

using namespace std::chrono_literals;
using engine::log_level;
using engine::result;

constexpr auto look_interval = 1s;               // for endpoints that were set, changed or removed
constexpr std::size_t read_bytes = 128U << 10U;  // about a batch: what does not fit into it is read again

/// One service's endpoint, and how its deliveries go.
struct endpoint {
  events::id_scope scope;
  events::shard_id shard;
  std::shared_ptr<const engine::scope_snapshot> service;
  engine::reaction_state state;
  bool loaded = false;     ///< `state` was read from the projections
  bool validated = false;  ///< the endpoint has allowed events since it was last changed
  bool flying = false;
  bool removed = false;  ///< while something is in flight yet
  bool may_have_more = true;
  unsigned failures = 0;
  events::timestamp not_before;
  std::chrono::milliseconds interval{0};
  events::log_sequence kept;  ///< `state.done` as last written
  events::log_hour hour;      ///< of the shard's newest frame, when it was last looked at

  const engine::webhook_state& webhook() const { return *service->service.webhook; }
  bool parked() const { return state.parked == webhook().changed; }
};

}  // namespace

std::string webhook_reaction(const events::id_scope& scope) {
  return "webhook/" + scope.text();
}

class webhook_sender::impl {
public:
  impl(webhook_sender_options options, engine::feed& feed, const engine::catalog& services, const engine::clock& clock,
       engine::entropy& random, engine::log& log, engine::telemetry& telemetry)
      : options_(std::move(options)), feed_(feed), services_(services), clock_(clock), random_(random), log_(log),
        telemetry_(telemetry), client_(options_.client), thread_([this] { run(); }) {}

  ~impl() {
    stopping_ = true;
    client_.wake();
    thread_.join();
  }

private:
  void run() {
    std::shared_ptr<void> following;  // only while there are endpoints: otherwise the feed keeps no frames
    while (!stopping_) {
      look_for_endpoints();
      if (endpoints_.empty()) following.reset();
      if (!endpoints_.empty() && !following) {
        following = feed_.follow([this](events::shard_id shard) {
          {
            const std::lock_guard lock(folded_mutex_);
            folded_.insert(shard);
          }
          client_.wake();
        });
      }
      const auto folded = take_folded();
      const auto now = clock_.now();
      auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(look_interval);
      for (auto& [scope, e] : endpoints_) {
        e.may_have_more = e.may_have_more || folded.contains(e.shard);
        if (!e.flying && now >= e.not_before) step(e);
        if (!e.flying && e.may_have_more && !e.parked() && now < e.not_before)
          wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(e.not_before - now));
      }
      if (std::exchange(passed_over_, false)) wait = 0ms;
      client_.run(std::max(wait, 1ms));
    }
  }

  std::set<events::shard_id> take_folded() {
    const std::lock_guard lock(folded_mutex_);
    return std::exchange(folded_, {});
  }

  void look_for_endpoints() {
    const auto now = std::chrono::steady_clock::now();
    if (now < look_at_) return;
    look_at_ = now + look_interval;
    std::map<events::id_scope, endpoint> found;
    std::uint64_t parked = 0;
    std::uint64_t behind = 0;
    for (const auto& service : services_.all()) {
      if (!service->service.webhook) continue;
      auto node = endpoints_.extract(service->service.scope);
      if (node.empty()) {
        endpoint e;
        e.scope = service->service.scope;
        found.emplace(e.scope, std::move(e)).first->second.service = service;
      } else {
        found.insert(std::move(node));
      }
      auto& e = found.at(service->service.scope);
      take_settings(e, service);
      behind += look_at_log(e);
      parked += e.parked() ? 1 : 0;
    }
    for (auto& [scope, e] : endpoints_) {
      forget(e);
      e.removed = true;
      if (e.flying) found.emplace(scope, std::move(e));  // its answer finds it
    }
    endpoints_ = std::move(found);
    telemetry_.webhooks_parked = parked;
    telemetry_.webhook_events_behind = behind;
  }

  void take_settings(endpoint& e, const std::shared_ptr<const engine::scope_snapshot>& service) {
    const bool changed = e.removed || e.webhook().changed != service->service.webhook->changed;
    e.shard = service->shard;
    e.service = service;
    if (!changed) return;
    if (e.removed) {
      forget(e);  // what was removed and is set anew begins afresh
      e.state = {};
      e.loaded = false;
    }
    e.removed = false;
    e.validated = false;
    e.failures = 0;
    e.not_before = {};
    e.may_have_more = true;
    e.interval = {};
    begin_anew(e.state);
  }

  // Gives how many events it has not come to. An hour may end without an event, and its usage is due then.
  std::uint64_t look_at_log(endpoint& e) const {
    const auto view = services_.view(e.shard);
    if (!view) return 0;
    const auto position = view->position();
    const auto hour = events::hour_of(position.time);
    e.may_have_more = e.may_have_more || hour != e.hour;
    e.hour = hour;
    return e.loaded && position.sequence > e.state.done ? position.sequence.value() - e.state.done.value() : 0;
  }

  // It fails from now on, if at all: what was set or resumed has its whole time before it is parked.
  static void begin_anew(engine::reaction_state& state) {
    state.failing_since.reset();
    state.failure.reset();
    state.parked.reset();
  }

  void forget(const endpoint& e) {
    if (const auto view = services_.view(e.shard))
      static_cast<void>(view->keep_reaction(webhook_reaction(e.scope), {}));
  }

  void step(endpoint& e) {
    if (!e.removed) refresh(e);
    if (e.removed || !load(e) || e.parked()) return;
    const auto url = url_of(e);
    if (!url) return fail(e, {webhook_verdict::kind::later, url.error().text, {}, {}});
    if (!e.validated && e.webhook().endpoint.validate) {
      fly(e, validation_request(*url, options_.origin), [this](endpoint& to, const webhook_response& response) {
        const auto verdict = judge_validation(response, options_.origin);
        if (verdict.what != webhook_verdict::kind::done) return fail(to, verdict);
        to.validated = true;
        to.interval = verdict.interval.value_or(0ms);
      });
      return;
    }
    if (e.may_have_more) deliver(e, *url);
  }

  // What was set is heeded before anything that happened later is sent.
  void refresh(endpoint& e) {
    const auto now = services_.find(e.scope).value;
    if (!now || now == e.service) return;
    if (now->service.webhook)
      take_settings(e, now);
    else
      e.removed = true;  // the next look forgets it
  }

  // Reads how far it has come; from then on this thread is the only one to write it.
  bool load(endpoint& e) {
    if (e.loaded) return true;
    const auto view = services_.view(e.shard);
    if (!view) return false;
    const auto row = view->reaction(webhook_reaction(e.scope));
    if (!row) {
      log_.write(log_level::error, "a webhook cannot read how far it came", {{"error", row.error().text}});
      e.not_before = clock_.now() + look_interval;
      return false;
    }
    if (*row) e.state = **row;
    if (e.state.parked && !e.parked()) begin_anew(e.state);  // set or resumed since, and not tried yet
    engine::set_place(e.state, std::max(engine::place_of(e.state), engine::feed_place(e.webhook().since)));
    e.loaded = true;
    return true;
  }

  result<std::string> url_of(const endpoint& e) const {
    const auto& set = e.webhook().endpoint;
    auto url = set.url;
    if (set.query) {
      const auto query =
          engine::unseal(e.service->data_key.key, events::stream_name::service(e.scope), "query", *set.query);
      if (!query) return std::unexpected(query.error());
      url += "?" + *query;
    }
    if (const auto good = check_webhook_url(url, options_.client); !good) return std::unexpected(good.error());
    return url;
  }

  void deliver(endpoint& e, const std::string& url) {
    const auto& set = e.webhook().endpoint;
    const engine::event_filter filter{{set.types.begin(), set.types.end()}, {}, true};
    const auto after = engine::place_of(e.state);
    const auto frames = feed_.read(e.shard, after.sequence, read_bytes);
    if (!frames) return read_later(e, frames.error());
    const auto reports = usage_of(e, filter, *frames);
    if (!reports) return read_later(e, reports.error());
    if (frames->empty() && reports->empty()) {
      e.may_have_more = false;
      return;
    }
    auto batch = make_batch(*frames, *reports, e.shard, e.scope, filter, after);
    if (batch.events == 0) {
      passed_over_ = true;
      return progress(e, batch.last, false);
    }
    const auto secret =
        engine::unseal(e.service->data_key.key, events::stream_name::service(e.scope), "secret", set.secret);
    if (!secret) return fail(e, {webhook_verdict::kind::later, secret.error().text, {}, {}});
    const auto request = delivery_request(url, *secret, batch, clock_.now());
    fly(e, request, [this, last = batch.last, events = batch.events](endpoint& to, const webhook_response& response) {
      const auto verdict = judge_delivery(response);
      if (verdict.what != webhook_verdict::kind::done) return fail(to, verdict);
      telemetry_.webhook_events_delivered += events;
      to.not_before = clock_.now() + to.interval;
      progress(to, last, true);
    });
  }

  void read_later(endpoint& e, const engine::error& why) {
    e.not_before = clock_.now() + look_interval;
    if (why.code != engine::errc::unavailable)
      log_.write(log_level::error, "a webhook cannot read events", {{"error", why.text}});
  }

  // What stands among the events of `frames`, or behind the last one if there are none.
  result<std::deque<events::usage_reported>> usage_of(const endpoint& e, const engine::event_filter& filter,
                                                      const engine::feed_frames& frames) const {
    if (!engine::wants_usage(filter)) return {};
    const auto view = services_.view(e.shard);
    if (!view) return engine::fail(engine::errc::unavailable, "the shard is not open");
    const auto before = frames.empty() ? e.state.done.next() : frames.back()->last();
    return engine::usage_between(*view, e.scope, engine::place_of(e.state), before);
  }

  void fly(endpoint& e, const webhook_request& request, std::function<void(endpoint&, const webhook_response&)> done) {
    e.flying = true;
    ++telemetry_.webhook_requests;
    client_.send(request,
                 [this, scope = e.scope, changed = e.webhook().changed, done = std::move(done)](auto response) {
                   const auto at = endpoints_.find(scope);
                   if (at == endpoints_.end()) return;
                   at->second.flying = false;
                   // An answer to what was set before says nothing of what is set now.
                   if (!at->second.removed && at->second.webhook().changed == changed) done(at->second, response);
                 });
  }

  void progress(endpoint& e, const engine::feed_place& done, bool delivered) {
    engine::set_place(e.state, done);
    const bool recovered = delivered && e.state.failure;
    if (delivered) {
      e.failures = 0;
      e.state.failure.reset();
      e.state.failing_since.reset();
    }
    if (recovered) log_.write(log_level::info, "a webhook works again", {{"idScope", e.scope.text()}});
    // Events that nobody wants are passed over in memory; where that leads is kept now and then.
    constexpr std::uint64_t passed_max = 10'000;
    if (delivered || done.sequence.value() - e.kept.value() >= passed_max) keep(e);
  }

  void fail(endpoint& e, const webhook_verdict& verdict) {
    const auto now = clock_.now();
    ++e.failures;
    ++telemetry_.webhook_failures;
    const bool first = !e.state.failing_since;
    if (first) e.state.failing_since = now;
    e.state.failure = verdict.reason;
    const bool gives_up = verdict.what == webhook_verdict::kind::never || e.failures >= options_.park_after_failures ||
                          now - *e.state.failing_since >= options_.park_after;
    if (gives_up) e.state.parked = e.webhook().changed;
    e.not_before = now + pause(e, verdict);
    keep(e);
    if (gives_up) {
      log_.write(
          log_level::error, "a webhook is parked: resume it when its endpoint works again",
          {{"idScope", e.scope.text()}, {"service", e.service->service.name.text()}, {"reason", verdict.reason}});
    } else if (first) {
      log_.write(
          log_level::warning, "a webhook fails, and is tried again",
          {{"idScope", e.scope.text()}, {"service", e.service->service.name.text()}, {"reason", verdict.reason}});
    }
  }

  std::chrono::milliseconds pause(const endpoint& e, const webhook_verdict& verdict) const {
    if (verdict.retry_after) return *verdict.retry_after;
    // Endpoints that failed together come back one by one: half of the pause is chance.
    const auto longest = longest_pause(e.failures, options_.retry_first, options_.retry_longest);
    return longest / 2 + longest * static_cast<std::uint8_t>(random_.draw(1)[0]) / 512;
  }

  void keep(endpoint& e) {
    const auto view = services_.view(e.shard);
    if (!view) return;
    if (const auto kept = view->keep_reaction(webhook_reaction(e.scope), e.state); kept)
      e.kept = e.state.done;
    else
      log_.write(log_level::error, "a webhook cannot keep how far it came", {{"error", kept.error().text}});
  }

  const webhook_sender_options options_;
  engine::feed& feed_;
  const engine::catalog& services_;
  const engine::clock& clock_;
  engine::entropy& random_;
  engine::log& log_;
  engine::telemetry& telemetry_;
  webhook_client client_;
  std::map<events::id_scope, endpoint> endpoints_;
  std::chrono::steady_clock::time_point look_at_;
  bool passed_over_ = false;  ///< events that nobody wants: more may follow at once
  std::mutex folded_mutex_;
  std::set<events::shard_id> folded_;  ///< under `folded_mutex_`; shards with new events
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses what stands above
};

webhook_sender::webhook_sender(webhook_sender_options options, engine::feed& feed, const engine::catalog& services,
                               const engine::clock& clock, engine::entropy& random, engine::log& log,
                               engine::telemetry& telemetry)
    : impl_(std::make_unique<impl>(std::move(options), feed, services, clock, random, log, telemetry)) {}
webhook_sender::~webhook_sender() = default;

}  // namespace muster::connectors
