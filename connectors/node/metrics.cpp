#include "connectors/node/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>

#include <fstream>
#include <limits>
#include <span>
#include <unistd.h>

namespace muster::connectors {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using families = std::vector<MetricFamily>;

double value_of(const engine::count& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

MetricFamily& add(families& all, const char* name, const char* help, MetricType type) {
  return all.emplace_back(MetricFamily{name, help, type, {}});
}

ClientMetric& add_value(MetricFamily& family, double value) {
  auto& metric = family.metric.emplace_back();
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

void add_counter(families& all, const char* name, const char* help, const engine::count& count) {
  add_value(add(all, name, help, MetricType::Counter), value_of(count));
}

void add_counters(families& all, const char* name, const char* help, const char* label,
                  std::span<const engine::count> counts, std::span<const std::string_view> values) {
  auto& family = add(all, name, help, MetricType::Counter);
  for (std::size_t i = 0; i < counts.size(); ++i)
    add_value(family, value_of(counts[i])).label = {{label, std::string(values[i])}};
}

void add_gauge(families& all, const char* name, const char* help, double value) {
  add_value(add(all, name, help, MetricType::Gauge), value);
}

void add_histogram(families& all, const char* name, const char* help, const engine::histogram& observed) {
  auto& histogram = add(all, name, help, MetricType::Histogram).metric.emplace_back().histogram;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= engine::histogram::bounds.size(); ++i) {
    count += observed.bucket(i);
    const bool last = i == engine::histogram::bounds.size();
    histogram.bucket.push_back({count, last ? std::numeric_limits<double>::infinity() : engine::histogram::bounds[i]});
  }
  histogram.sample_count = count;
  histogram.sample_sum = observed.sum_seconds();
}

void add_registrations(families& all, const engine::telemetry& t) {
  add_counters(all, "muster_registration_attempts_total", "Registration attempts of devices, by how they ended.",
               "result", t.registration_attempts, engine::attempt_result_names);
  add_histogram(all, "muster_registration_duration_seconds", "Time from a registration request to its answer.",
                t.registration_latency);
  add_counters(all, "muster_attestation_attempts_total", "Checks of what devices prove themselves with, by result.",
               "result", t.attestation_attempts, engine::attestation_result_names);
  add_counter(all, "muster_device_assignments_total", "Devices assigned to a hub, new and repeated.",
              t.device_assignments);
}

void add_http(families& all, const engine::telemetry& t) {
  add_counter(all, "muster_http_requests_total", "HTTP requests of every kind.", t.requests);
  add_counters(all, "muster_http_responses_total", "HTTP responses, by the first digit of their status.", "status",
               t.responses, engine::status_class_names);
  add_counter(all, "muster_http_requests_throttled_total", "HTTP requests answered 429 before any work.",
              t.requests_throttled);
  add_histogram(all, "muster_http_request_duration_seconds",
                "Time from a complete HTTP request to its written response.", t.request_latency);
  add_gauge(all, "muster_connections_open", "Connections open now.", value_of(t.connections_open));
  add_counter(all, "muster_connections_accepted_total", "Connections accepted.", t.connections_accepted);
  add_counter(all, "muster_connections_refused_total", "Connections refused because there were too many.",
              t.connections_refused);
  add_counter(all, "muster_connections_evicted_total", "Idle connections closed because there were too many.",
              t.connections_evicted);
  add_counter(all, "muster_connections_cut_total",
              "Connections ended because the client was too slow, or sent too much or no HTTP.", t.connections_cut);
  add_counter(all, "muster_tls_handshakes_failed_total", "TLS handshakes that failed.", t.handshakes_failed);
}

void add_log(families& all, const engine::telemetry& t) {
  auto& frames =
      add(all, "muster_journal_frames_total", "Frames read from the journal, by verdict.", MetricType::Counter);
  add_value(frames, value_of(t.frames_accepted)).label = {{"verdict", "accepted"}};
  add_value(frames, value_of(t.frames_void)).label = {{"verdict", "void"}};
  add_counter(all, "muster_journal_claims_accepted_total", "Claims of a shard by a node.", t.claims_accepted);
  add_histogram(all, "muster_journal_append_seconds", "Time of one durable write to the journal.", t.append_latency);
  add_counter(all, "muster_events_folded_total", "Events that took effect.", t.events_folded);
  add_gauge(all, "muster_fold_lag_frames", "Frames read from the journal and not folded yet.",
            value_of(t.fold_lag_frames));
  add_counter(all, "muster_proposals_committed_total", "Proposals whose events are in the journal.",
              t.proposals_committed);
  add_counter(all, "muster_proposals_in_conflict_total", "Proposals refused because something they read had changed.",
              t.proposals_in_conflict);
  add_counter(all, "muster_proposals_overloaded_total", "Proposals refused because the queue was full.",
              t.proposals_overloaded);
  add_gauge(all, "muster_proposals_queued", "Proposals waiting for the journal, all shards.",
            value_of(t.proposals_queued));
  add_gauge(all, "muster_shards_open", "Shards that take commands.", value_of(t.shards_open));
  add_gauge(all, "muster_shards_stopped", "Shards that have stopped; the log says why.", value_of(t.shards_stopped));
}

void add_actors(families& all, const engine::telemetry& t) {
  auto& commands =
      add(all, "muster_commands_in_flight",
          "Commands without an answer, by where they are: in an actor's mailbox, queued in an actor that is "
          "busy, or being decided and committed.",
          MetricType::Gauge);
  for (std::size_t i = 0; i < t.commands.size(); ++i)
    add_value(commands, value_of(t.commands[i])).label = {{"stage", std::string(engine::command_stage_names[i])}};
  add_gauge(all, "muster_device_actors", "Device actors in memory.", value_of(t.device_actors));
  add_counter(all, "muster_device_actors_passivated_total", "Device actors put to rest.", t.device_actors_passivated);
  add_counter(all, "muster_replies_dropped_total", "Commands that nobody answered; the client got 503.",
              t.reply_dropped);
}

void add_feed(families& all, const engine::telemetry& t) {
  add_gauge(all, "muster_feed_streams_open", "Streams of events open now.", value_of(t.feed_streams_open));
  add_counter(all, "muster_feed_streams_refused_total", "Streams of events refused because there were too many.",
              t.feed_streams_refused);
  add_counter(all, "muster_feed_events_published_total", "Events that Kafka has for good.", t.feed_events_published);
  add_counter(all, "muster_feed_publish_failures_total", "Batches of events that must be sent to Kafka again.",
              t.feed_publish_failures);
  add_gauge(all, "muster_feed_shards_failing", "Shards whose events Kafka did not take last time.",
            value_of(t.feed_shards_failing));
  add_gauge(all, "muster_feed_events_behind",
            "Events on the log that the feed on Kafka has not come to, as of the last second.",
            value_of(t.feed_events_behind));
  add_counter(all, "muster_usage_publish_failures_total", "Hourly usage that must be sent to Kafka again.",
              t.usage_publish_failures);
  add_gauge(all, "muster_usage_failing", "1 while Kafka does not take hourly usage.", value_of(t.usage_failing));
  add_counter(all, "muster_webhook_requests_total", "Requests to endpoints of webhooks.", t.webhook_requests);
  add_counter(all, "muster_webhook_failures_total", "Requests to endpoints of webhooks that must be tried again.",
              t.webhook_failures);
  add_counter(all, "muster_webhook_events_delivered_total", "Events that endpoints of webhooks took.",
              t.webhook_events_delivered);
  add_gauge(all, "muster_webhook_events_behind",
            "Events on the log that webhooks have not come to, all webhooks, as of the last second.",
            value_of(t.webhook_events_behind));
  add_gauge(all, "muster_webhooks_parked", "Webhooks given up on until somebody resumes them.",
            value_of(t.webhooks_parked));
}

void add_process(families& all) {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    auto& cpu =
        add(all, "process_cpu_seconds_total", "CPU time of this process, user and system.", MetricType::Counter);
    add_value(cpu, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  // proc(5): total size, then resident, in pages.
  std::ifstream pages("/proc/self/statm");
  double total = 0;
  double resident = 0;
  if (pages >> total >> resident) {
    const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    add_gauge(all, "process_resident_memory_bytes", "Memory of this process that is in RAM.", resident * page_bytes);
    add_gauge(all, "process_virtual_memory_bytes", "Address space of this process.", total * page_bytes);
  }
}

}  // namespace

std::string render_metrics(const engine::telemetry& telemetry, const std::vector<metric_gauge>& gauges) {
  families all;
  add_registrations(all, telemetry);
  add_http(all, telemetry);
  add_log(all, telemetry);
  add_actors(all, telemetry);
  add_feed(all, telemetry);
  for (const auto& gauge : gauges) add_gauge(all, gauge.name.c_str(), gauge.help.c_str(), gauge.value());
  add_process(all);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace muster::connectors
