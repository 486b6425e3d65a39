#include "actors/runtime.hpp"
#include "actors/scope_catalog.hpp"
#include "actors/shard_host.hpp"
#include "actors/upkeep.hpp"
#include "connectors/api/dps_error.hpp"
#include "connectors/api/http_api.hpp"
#include "connectors/cli/command_line.hpp"
#include "connectors/cli/node_reports.hpp"
#include "connectors/kafka/cluster_init.hpp"
#include "connectors/kafka/kafka_publication.hpp"
#include "connectors/kafka/migration_mark.hpp"
#include "connectors/node/config.hpp"
#include "connectors/node/metrics.hpp"
#include "connectors/node/node_directory.hpp"
#include "connectors/node/node_options.hpp"
#include "connectors/node/node_storage.hpp"
#include "connectors/node/worker.hpp"
#include "engine/history.hpp"
#include "engine/migration.hpp"
#include "engine/rebuild.hpp"
#include "engine/recount.hpp"
#include "engine/repair.hpp"
#include "engine/verification.hpp"
#include "projections/projection_store.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <pwd.h>
#include <unistd.h>

/// The composition root: what a node is made of, in the order in which it is made, and what the commands on one that
/// does not run work with. Each part is declared before those that use it, so that it outlives them.
namespace {

using namespace muster;
using engine::errc;
using engine::fail;
using engine::result;

constexpr auto version_text = "0.1.0";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

int complain(const engine::error& error) {
  std::cerr << "muster: " << error.text << '\n';
  return 1;
}

/// Everything a node keeps: what it serves from, and what `verify` and `rebuild` read without one.
struct storage : connectors::node_storage {
  std::unique_ptr<engine::projection_store> projections;
};

result<std::unique_ptr<storage>> open_storage(const connectors::node_config& config, bool create) {
  auto s = std::make_unique<storage>();
  if (auto opened = connectors::open_storage(*s, config, variable("MUSTER_MASTER_KEY"), create); !opened)
    return std::unexpected(opened.error());
  auto projections = projections::make_projection_store(
      {config.data / "projections", config.projections_cache_bytes, config.projections_write_buffer_bytes});
  if (!projections) return std::unexpected(projections.error());
  s->projections = std::move(*projections);
  return s;
}

// ---- serve

/// The signals a node listens to: blocked in every thread, and waited for by the first.
sigset_t node_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  return signals;
}

actors::runtime_options runtime_options_of(const connectors::node_config& config) {
  actors::runtime_options options;
  options.workers = config.actors_workers;
  options.device_actors_max = config.actors_device_actors_max;
  options.idle_after = std::chrono::seconds(config.actors_idle_s);
  options.spending.refusals_per_minute_scope = static_cast<std::uint32_t>(config.refusals_per_minute_scope);
  options.spending.refusals_per_minute_address = static_cast<std::uint32_t>(config.refusals_per_minute_address);
  options.spending.refusals_per_day_scope = static_cast<std::uint32_t>(config.refusals_per_day_scope);
  auto& writes = options.spending.writes;
  writes.device_bytes = {static_cast<double>(config.quota_device_bytes_per_s),
                         static_cast<double>(config.quota_device_burst_bytes)};
  const auto two_seconds = [](std::uint64_t per_s) {
    return engine::spending_limit{static_cast<double>(per_s), 2 * static_cast<double>(per_s)};
  };
  writes.scope_events = two_seconds(config.quota_scope_events_per_s);
  writes.scope_bytes = two_seconds(config.quota_scope_bytes_per_s);
  return options;
}

result<void> prepare_directory(const std::filesystem::path& data) {
  std::error_code failed;
  std::filesystem::create_directories(data, failed);
  if (!failed) std::filesystem::permissions(data, std::filesystem::perms::owner_all, failed);
  if (failed)
    return fail(errc::unavailable, "the data directory " + data.string() + " cannot be used: " + failed.message());
  return {};
}

/// Everything of a serving node above its storage.
class node {
public:
  node(const connectors::node_config& config, storage& s)
      : config_(config), s_(s), log_(*s.log), catalog_(s.journal->identity().shards), feed_(*s.journal, catalog_) {}

  result<void> start() {
    const auto shards = s_.journal->identity().shards;
    auto tls = connectors::tls_context::open(connectors::tls_options_of(config_), s_.clock, s_.entropy);
    if (!tls) return std::unexpected(tls.error());
    tls_ = std::move(*tls);
    auto operators = connectors::load_operators(config_, s_.entropy);
    if (!operators) return std::unexpected(operators.error());
    host_ = std::make_unique<actors::shard_host>(
        actors::shard_host_options{connectors::node_name_of(config_), config_.shards_threads,
                                   std::chrono::seconds(config_.keyring_erasure_interval_s),
                                   std::chrono::milliseconds(config_.shards_read_recent_ms)},
        actors::shard_host_dependencies{*s_.journal, *s_.keyring, *s_.projections, s_.clock, s_.entropy, telemetry_,
                                        log_, catalog_, &feed_});
    host_->start();
    history_ = std::make_unique<engine::history>(*s_.journal, *s_.keyring, catalog_);
    runtime_ = std::make_unique<actors::actor_runtime>(
        runtime_options_of(config_), actors::actor_dependencies{catalog_, *host_, *s_.keyring, *history_, s_.clock,
                                                                s_.entropy, telemetry_, log_, shards});
    upkeep_ = std::make_unique<actors::upkeep>(*host_, shards);
    lookups_ = std::make_unique<connectors::worker>(1024);
    webhooks_ = std::make_unique<connectors::webhook_sender>(connectors::webhook_options_of(config_), feed_, catalog_,
                                                             s_.clock, s_.entropy, log_, telemetry_);
    auto publication = connectors::kafka_publication::start(config_, {feed_, catalog_, shards, log_, telemetry_});
    if (!publication) return std::unexpected(publication.error());
    publication_ = std::move(*publication);
    streams_ = std::make_unique<connectors::feed_streams>(connectors::stream_options_of(config_), feed_, *history_,
                                                          catalog_, s_.clock, log_, telemetry_);
    readers_ = std::make_unique<connectors::worker>(32);
    maintainer_ = std::make_unique<connectors::worker>(1);
    return start_https(std::move(*operators));
  }

  /// Waits until every shard is open or has stopped, or `limit` has passed. True if they are.
  bool settled(std::chrono::milliseconds limit) { return host_->wait_until_settled(limit); }

  std::string ready_line() const { return "ready https=" + https_->address() + " ca=" + tls_->ca_file().string(); }

  void reload() {
    if (const auto opened = log_.reopen(); !opened)
      log_.write(engine::log_level::error, "the log was not opened again", {{"error", opened.error().text}});
    const auto reloaded = tls_->reload();
    if (reloaded)
      log_.write(engine::log_level::info, "certificates reloaded");
    else
      log_.write(engine::log_level::error, "certificates were not reloaded", {{"error", reloaded.error().text}});
  }

  /// Intake first, then what is in flight, then the log.
  void stop() {
    const std::chrono::seconds drain(config_.drain_s);
    connectors::remove_node_file(config_);
    if (upkeep_) upkeep_->cancel();
    if (https_) https_->stop();
    if (https_) https_->join();
    if (runtime_) runtime_->stop(drain);
    maintainer_.reset();
    readers_.reset();
    lookups_.reset();
    streams_.reset();
    webhooks_.reset();
    publication_.reset();
    if (host_) host_->stop(drain);
    log_.write(engine::log_level::info, "stopped");
  }

private:
  result<void> start_https(std::vector<connectors::operator_token> operators) {
    api_ = std::make_unique<connectors::http_api>(connectors::http_parts{
        .gateway = *runtime_,
        .services = catalog_,
        .past = *history_,
        .keys = *s_.keyring,
        .log = log_,
        .clock = s_.clock,
        .telemetry = telemetry_,
        .upkeep = upkeep_.get(),
        .operators = std::move(operators),
        .endpoints = [this] { return connectors::endpoints_of(config_, port_, tls_->ca_file()); },
        .metrics = [this] { return metrics(); },
        .not_ready = [this](bool with_causes) { return host_->not_ready(with_causes); },
        .look_up = [this](std::function<void()> job) { return lookups_->post(std::move(job)); },
        .read_later = [this](std::function<void()> job) { return readers_->post(std::move(job)); },
        .maintain_later = [this](std::function<void()> job) { return maintainer_->post(std::move(job)); },
        .version = version_text,
        .webhooks = connectors::webhook_options_of(config_).client,
        .streams = streams_.get(),
        .reads = host_.get(),
        .trouble =
            [this](bool with_causes) { return publication_ ? publication_->trouble(with_causes) : std::nullopt; }});
    const auto render = [this](int status, std::string_view message, std::string_view correlation_id) {
      return connectors::error_response(status * 1000, message, {correlation_id, s_.clock.now()});
    };
    auto https = connectors::https_server::start(connectors::https_options_of(config_),
                                                 {*tls_, *api_, render, s_.clock, s_.entropy, log_, telemetry_});
    if (!https) return std::unexpected(https.error());
    https_ = std::move(*https);
    port_ = https_->port();
    return connectors::write_node_file(config_, {"https://" + https_->address(), tls_->ca_file().string(), {}});
  }

  std::string metrics() const {
    const auto dropped = [this] { return static_cast<double>(log_.dropped()); };
    const auto queued = [](const std::unique_ptr<connectors::worker>& worker) {
      return [&worker] { return static_cast<double>(worker->queued()); };
    };
    return connectors::render_metrics(
        telemetry_, {{"muster_log_lines_dropped", "Log lines that the file or pipe did not take in time.", dropped},
                     {"muster_journal_frames_queued", "Frames that wait for the write before to end.",
                      [this] { return static_cast<double>(host_->frames_queued()); }},
                     {"muster_lookups_queued", "Requests for one entry that wait for a thread.", queued(lookups_)},
                     {"muster_reads_queued", "Lists, counts and histories that wait for a thread.", queued(readers_)},
                     {"muster_maintenance_queued", "Rebuilds and verifications that wait.", queued(maintainer_)}});
  }

  const connectors::node_config& config_;
  storage& s_;
  connectors::json_log& log_;
  engine::telemetry telemetry_;
  actors::scope_catalog catalog_;
  engine::feed feed_;
  std::unique_ptr<connectors::tls_context> tls_;
  std::unique_ptr<actors::shard_host> host_;
  std::unique_ptr<engine::history> history_;
  std::unique_ptr<actors::actor_runtime> runtime_;
  std::unique_ptr<actors::upkeep> upkeep_;
  std::unique_ptr<connectors::worker> lookups_;
  std::unique_ptr<connectors::webhook_sender> webhooks_;
  std::unique_ptr<connectors::kafka_publication> publication_;
  std::unique_ptr<connectors::feed_streams> streams_;
  std::unique_ptr<connectors::worker> readers_;
  std::unique_ptr<connectors::worker> maintainer_;
  std::unique_ptr<connectors::http_api> api_;
  std::unique_ptr<connectors::https_server> https_;
  std::atomic<std::uint16_t> port_{0};
};

/// Waits until the shards of a node are open or have stopped. False if a signal ended the wait.
bool wait_until_settled(node& n, const sigset_t& signals) {
  constexpr timespec at_once{};
  while (!n.settled(std::chrono::milliseconds(50))) {
    const int signal = ::sigtimedwait(&signals, nullptr, &at_once);
    if (signal == SIGHUP) n.reload();
    if (signal == SIGTERM || signal == SIGINT) return false;
  }
  return true;
}

int serve(const connectors::node_config& config) {
  const auto signals = node_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto prepared = prepare_directory(config.data); !prepared) return complain(prepared.error());
  auto s = open_storage(config, true);
  if (!s) return complain(s.error());
  node n(config, **s);
  if (const auto started = n.start(); !started) {
    n.stop();
    return complain(started.error());
  }
  if (wait_until_settled(n, signals)) {
    std::cout << n.ready_line() << std::endl;
    for (int signal = 0; sigwait(&signals, &signal) == 0 && signal == SIGHUP;) n.reload();
  }
  n.stop();
  return 0;
}

// ---- without a node

int verify_stopped(const connectors::node_config& config, bool json) {
  auto s = open_storage(config, false);
  if (!s) return complain(s.error());
  const auto reports = engine::verify_all(*(*s)->journal, *(*s)->projections);
  if (!reports) return complain(reports.error());
  return connectors::print_verification(*reports, json);
}

int rebuild_stopped(const connectors::node_config& config, bool json) {
  auto s = open_storage(config, false);
  if (!s) return complain(s.error());
  const auto report = engine::rebuild_all(*(*s)->journal, *(*s)->projections);
  return connectors::print_rebuild(report, json);
}

result<std::string> recount_stopped(const connectors::node_config& config, const std::string& name) {
  auto s = open_storage(config, false);
  if (!s) return std::unexpected(s.error());
  const auto report = engine::recount_usage(*(*s)->journal, *(*s)->projections, name);
  if (!report) return std::unexpected(report.error());
  return engine::to_json(*report);
}

// ---- Kafka

int cluster_init(const connectors::node_config& config, bool json) {
  if (const auto prepared = prepare_directory(config.data); !prepared) return complain(prepared.error());
  connectors::node_storage s;
  if (const auto logging = connectors::open_log(s, config); !logging) return complain(logging.error());
  const auto master = connectors::cluster_master_key(config, variable("MUSTER_MASTER_KEY"), s.entropy, s.log.get());
  if (!master) return complain(master.error());
  const auto cluster = connectors::initialize_cluster(config, *master, std::nullopt, s.entropy, s.log.get());
  if (!cluster) return complain(cluster.error());
  if (const auto same = connectors::check_same_journal(config, cluster->journal.id); !same)
    return complain(same.error());
  const auto tls = connectors::tls_context::open(connectors::tls_options_of(config), s.clock, s.entropy);
  if (!tls) return complain(tls.error());
  if (const auto operators = connectors::load_operators(config, s.entropy); !operators)
    return complain(operators.error());
  std::cout << connectors::describe_cluster(*cluster, (*tls)->ca_file().string(), json) << '\n';
  return 0;
}

/// Copies what `config.data` holds on the embedded journal to Kafka. Says now and then how far it is. The old journal
/// is closed before the mark goes from the new one: never may both be served.
int migrate(const connectors::node_config& config, bool json) {
  const auto given_key = variable("MUSTER_MASTER_KEY");
  if (const auto there = connectors::check_journal_embedded(config); !there) return complain(there.error());
  connectors::node_storage old;
  connectors::node_storage target;
  for (auto* each : {&old, &target}) {
    if (const auto logging = connectors::open_log(*each, config); !logging) return complain(logging.error());
  }
  if (const auto opened = connectors::open_embedded(old, config, given_key, false); !opened)
    return complain(opened.error());
  const auto master = connectors::master_key_of(config, given_key, false, old.entropy);
  if (!master) return complain(master.error());
  const auto cluster =
      connectors::initialize_cluster(config, *master, old.journal->identity(), old.entropy, old.log.get());
  if (!cluster) return complain(cluster.error());
  if (const auto opened = connectors::open_on_kafka(target, config, given_key, true); !opened)
    return complain(opened.error());
  const auto connection = connectors::kafka_connection_of(config, target.log.get());
  if (!connection) return complain(connection.error());
  const auto& keys_topic = cluster->topics.keys;
  bool marked = cluster->unfinished;
  const auto set_mark = [&]() -> result<void> {
    marked = true;
    return connectors::set_migration_mark(*connection, keys_topic, cluster->journal.id);
  };

  const auto signals = node_signals();
  std::stop_source stop;
  auto last = std::chrono::steady_clock::now();
  const auto progress = [&](const engine::migrated_shard& shard) {
    constexpr timespec at_once{};
    if (::sigtimedwait(&signals, nullptr, &at_once) > 0) stop.request_stop();
    if (std::chrono::steady_clock::now() - last < std::chrono::seconds(2)) return;
    last = std::chrono::steady_clock::now();
    std::cerr << "muster: shard " << shard.shard.value() << ": " << shard.frames << " frames\n";
  };
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto report = engine::migrate({*old.journal, *old.keyring}, {*target.journal, *target.keyring},
                                      {cluster->unfinished, set_mark}, progress, stop.get_token());
  if (!report) return complain(report.error());
  if (const auto closed = connectors::close_moved_journal(config); !closed) return complain(closed.error());
  if (const auto whole = marked ? connectors::remove_migration_mark(*connection, keys_topic) : result<void>(); !whole)
    return complain(whole.error());
  return connectors::print_migration(
      *report, "muster serve --data " + config.data.string() + " --journal kafka --kafka " + config.kafka_bootstrap,
      json);
}

std::string user_name() {
  const auto* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : "uid " + std::to_string(::geteuid());
}

int repair_stopped(const connectors::node_config& config, const connectors::repair_request& request) {
  engine::repair_order order{events::shard_id(request.shard),
                             {},
                             request.by.empty() ? user_name() : request.by,
                             request.reason,
                             connectors::node_name_of(config)};
  if (!events::from_hex(request.hash, order.hash))
    return complain({errc::invalid, "--hash: expected 64 hexadecimal digits, not '" + request.hash + "'"});
  auto s = open_storage(config, false);
  if (!s) return complain(s.error());
  if (const auto shards = (*s)->journal->identity().shards; request.shard >= shards) {
    return complain({errc::invalid, "--shard: this journal has the shards 0 to " + std::to_string(shards - 1)});
  }
  const auto done = engine::repair(*(*s)->journal, order, (*s)->clock);
  if (!done) return complain(done.error());
  return connectors::print_repair(order, *done, request.json);
}

}  // namespace

int main(int argc, char** argv) {
  const connectors::environment env{variable("MUSTER_URL"), variable("MUSTER_TOKEN"), variable("MUSTER_CA"),
                                    variable("MUSTER_DATA"), variable("MUSTER_MASTER_KEY")};
  try {
    return connectors::run_command_line(
        {argv + 1, argv + argc}, env,
        {serve, verify_stopped, rebuild_stopped, recount_stopped, cluster_init, migrate, repair_stopped, version_text});
  } catch (const std::exception& e) {
    std::cerr << "muster: " << e.what() << '\n';
    return 1;
  }
}
