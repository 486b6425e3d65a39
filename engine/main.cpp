#include "actors/runtime.hpp"
#include "actors/shard_host.hpp"
#include "actors/upkeep.hpp"
#include "connectors/cli/command_line.hpp"
#include "connectors/config.hpp"
#include "connectors/embedded_journal.hpp"
#include "connectors/embedded_keyring.hpp"
#include "connectors/http_api.hpp"
#include "connectors/https_server.hpp"
#include "connectors/json_log.hpp"
#include "connectors/master_key.hpp"
#include "connectors/metrics.hpp"
#include "connectors/node_file.hpp"
#include "connectors/operator_token.hpp"
#include "connectors/system_clock.hpp"
#include "connectors/system_entropy.hpp"
#include "connectors/tls_context.hpp"
#include "connectors/worker.hpp"
#include "engine/history.hpp"
#include "engine/verification.hpp"
#include "projections/projection_store.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

#include <unistd.h>

/// The composition root: what a node is made of, in the order in which it is made. Each part is declared before those that
/// use it, so that it outlives them.
namespace {

using namespace muster;
using engine::result;

/// Journal, keyring and projections of a data directory: what a node has, and what `verify` and `rebuild` look at without one.
struct storage {
  connectors::system_clock clock;
  connectors::system_entropy entropy;
  std::unique_ptr<engine::keyring> keyring;
  std::unique_ptr<engine::journal> journal;
  std::unique_ptr<engine::projection_store> projections;
};

result<std::unique_ptr<storage>> open_storage(const connectors::node_config& config, bool create) {
  auto s = std::make_unique<storage>();
  const std::filesystem::path data = config.data;
  const auto master = connectors::master_key_of(config, create, s->entropy);
  if (!master) return std::unexpected(master.error());
  auto keyring = connectors::open_embedded_keyring(
      {.directory = data / "keyring", .master_key = *master, .entropy = &s->entropy, .create_if_missing = create});
  if (!keyring) return std::unexpected(keyring.error());
  s->keyring = std::move(*keyring);
  connectors::embedded_journal_options journal_options;
  journal_options.directory = data / "journal";
  journal_options.shards = config.journal_shards;
  journal_options.master_key_fingerprint = s->keyring->master_key_fingerprint();
  journal_options.create_if_missing = create;
  journal_options.entropy = &s->entropy;
  journal_options.free_bytes_min = config.journal_free_bytes_min;
  auto journal = connectors::open_embedded_journal(std::move(journal_options));
  if (!journal) return std::unexpected(journal.error());
  s->journal = std::move(*journal);
  auto projections = projections::make_projection_store({.directory = data / "projections",
                                                         .cache_bytes = config.projections_cache_bytes,
                                                         .write_buffer_bytes = config.projections_write_buffer_bytes});
  if (!projections) return std::unexpected(projections.error());
  s->projections = std::move(*projections);
  return s;
}

int report(const engine::error& error) {
  std::cerr << "muster: " << error.text << '\n';
  return 1;
}

// ---- serve

/// The signals a node listens to, blocked in every thread and taken by one.
sigset_t node_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  return signals;
}

int serve(const connectors::node_config& config) {
  const auto signals = node_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  std::error_code made;
  std::filesystem::create_directories(config.data, made);
  std::filesystem::permissions(config.data, std::filesystem::perms::owner_all, made);
  if (made) return report({engine::errc::unavailable, "the data directory " + config.data + " cannot be used: " + made.message()});
  auto stored = open_storage(config, true);
  if (!stored) return report(stored.error());
  auto& s = **stored;

  const auto log = connectors::make_json_log(STDERR_FILENO, config.log_level, s.clock);
  engine::telemetry telemetry;
  auto tls = connectors::tls_context::open(connectors::tls_options_of(config), s.clock, s.entropy);
  if (!tls) return report(tls.error());
  auto operators = connectors::load_operators(config, s.entropy);
  if (!operators) return report(operators.error());

  const auto shards = s.journal->identity().shards;
  actors::scope_catalog catalog(shards);
  auto host = actors::shard_host::make(
      {.node = config.node_name, .threads = config.shard_threads, .key_erasure_interval = config.key_erasure_interval},
      {*s.journal, *s.keyring, *s.projections, s.clock, s.entropy, telemetry, *log, catalog});
  if (!host) return report(host.error());
  engine::history history(*s.journal, *s.keyring, catalog);
  const auto runtime = actors::make_actor_runtime(
      connectors::actor_options_of(config),
      {catalog, **host, *s.keyring, history, s.clock, s.entropy, telemetry, *log, shards});
  actors::upkeep upkeep(**host, shards);
  return 0;
}

}  // namespace

int main() { return serve({}); }
