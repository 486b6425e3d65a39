#include "bench/cpu_time.hpp"
#include "bench/workload.hpp"
#include "connectors/kafka/kafka_journal.hpp"
#include "connectors/node/system_entropy.hpp"
#include "engine/replay.hpp"

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// How fast a log on Kafka is folded, beside a plain consumer of librdkafka that reads the same records:
///
///     kafka_fold_bench BOOTSTRAP [REGISTRATIONS] [PER_FRAME] [ROUNDS]
///
/// Everything in turns, ROUNDS times: the plain consumer with librdkafka's defaults and with the settings of the
/// journal's, the journal read and nothing done with it, the rule and the events read, and the same from memory. CPU is
/// that of this process, librdkafka's threads included.
namespace {

using namespace muster;
using namespace std::chrono_literals;

constexpr std::size_t read_bytes = 1U << 20U;
constexpr events::shard_id the_shard;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "kafka_fold_bench: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T value_of(engine::result<T> result) {
  if (!result) give_up(result.error().text);
  return std::move(*result);
}

using settings = std::vector<std::pair<const char*, const char*>>;
const settings as_the_journal = {{"fetch.wait.max.ms", "10"},
                                 {"max.partition.fetch.bytes", "16777216"},
                                 {"fetch.max.bytes", "16777216"},
                                 {"queued.max.messages.kbytes", "32768"},
                                 {"check.crcs", "true"}};

/// Reads `records` records from the beginning; gives their bytes.
std::uint64_t consume(const std::string& bootstrap, const std::string& topic, const settings& own,
                      std::uint64_t records) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[512];
  const auto set = [&](const char* name, const char* value) {
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) give_up(reason);
  };
  set("bootstrap.servers", bootstrap.c_str());
  for (const auto& [name, value] : own) set(name, value);
  const std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> client(
      rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason), rd_kafka_destroy);
  if (!client) give_up(reason);
  const std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> handle(
      rd_kafka_topic_new(client.get(), topic.c_str(), nullptr), rd_kafka_topic_destroy);
  if (rd_kafka_consume_start(handle.get(), 0, 1) != 0) give_up(rd_kafka_err2str(rd_kafka_last_error()));
  std::uint64_t bytes = 0;
  while (records > 0) {
    auto* message = rd_kafka_consume(handle.get(), 0, 10'000);
    if (message == nullptr) give_up("nothing came for 10 s");
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(rd_kafka_message_errstr(message));
    bytes += message->len;
    --records;
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consume_stop(handle.get(), 0);
  return bytes;
}

std::uint64_t read_all(engine::journal& journal) {
  std::uint64_t bytes = 0;
  events::log_offset next;
  while (true) {
    const auto records = value_of(journal.read(the_shard, next, read_bytes));
    if (records.empty()) return bytes;
    for (const auto& record : records) bytes += record.bytes.size();
    next = records.back().offset.next();
  }
}

std::uint64_t replay(engine::journal& journal) {
  return value_of(engine::replay(journal, the_shard, {}, std::nullopt, [](auto) { return engine::result<void>(); }))
      .events;
}

/// Makes the topic and appends all frames of `recorded`.
void fill(const connectors::kafka_journal_options& options, connectors::memory_journal& recorded) {
  const auto admin = value_of(connectors::kafka_admin::make(options.connection));
  if (const auto made =
          connectors::make_journal_topic(*admin, options.connection, options.topic, recorded.identity(), 1, 20s);
      !made)
    give_up(made.error().text);
  const auto journal = value_of(connectors::open_kafka_journal(options));
  events::log_offset next;
  while (true) {
    auto records = value_of(recorded.read(the_shard, next, read_bytes));
    if (records.empty()) return;
    next = records.back().offset.next();
    std::vector<engine::outgoing_frame> frames;
    for (auto& record : records) frames.push_back({the_shard, std::move(record.bytes)});
    for (const auto outcome : engine::append_and_wait(*journal, std::move(frames)))
      if (outcome != engine::append_outcome::durable) give_up("an append was not durable");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("usage: kafka_fold_bench BOOTSTRAP [REGISTRATIONS] [PER_FRAME] [ROUNDS]");
  const std::string bootstrap = argv[1];
  const std::uint64_t registrations = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 2'000;
  const std::size_t per_frame = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 100;
  const std::uint64_t rounds = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;

  connectors::system_entropy random;
  const auto recorded = bench::record_fleet(bench::make_fleet(random, 3), registrations, per_frame, random);
  connectors::kafka_journal_options options;
  options.connection.bootstrap = bootstrap;
  options.topic = "bench-" + events::to_hex(recorded.journal->identity().id.view());
  fill(options, *recorded.journal);
  const auto frames = value_of(recorded.journal->end(the_shard)).value();
  std::printf("%llu events in %llu frames, %.0f bytes/event, %zu registrations a frame\n",
              static_cast<unsigned long long>(recorded.events), static_cast<unsigned long long>(frames),
              static_cast<double>(recorded.bytes) / static_cast<double>(recorded.events), per_frame);

  const auto check = [&](std::uint64_t bytes) {
    if (bytes != recorded.bytes) give_up("not every byte was read");
  };
  const std::vector<std::pair<const char*, std::function<void()>>> works = {
      {"plain consumer, defaults", [&] { check(consume(bootstrap, options.topic, {}, frames)); }},
      {"plain consumer, the journal's settings",
       [&] { check(consume(bootstrap, options.topic, as_the_journal, frames)); }},
      {"journal, read", [&] { check(read_all(*value_of(connectors::open_kafka_journal(options)))); }},
      {"journal: rule, chain, events read", [&] { replay(*value_of(connectors::open_kafka_journal(options))); }},
      {"from memory: rule, chain, events read", [&] { replay(*recorded.journal); }},
  };
  for (std::uint64_t round = 0; round < rounds; ++round)
    for (const auto& [what, work] : works) bench::measure(what, recorded.events, work);
}
