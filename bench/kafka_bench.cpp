#include "bench/cpu_time.hpp"
#include "bench/workload.hpp"
#include "connectors/kafka/kafka_journal.hpp"
#include "connectors/system_entropy.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

/// The Kafka journal beside a plain idempotent producer of librdkafka with the same bytes, in turns:
///
///     kafka_bench BOOTSTRAP [SECONDS]
///
/// Frames of 1, 10 and 100 registrations. One shard: one frame at a time, its delivery report and its own read-back
/// (a registration's way). Sixteen shards: one frame in flight in each. The journal counts a frame when it was read
/// back, the producer when it was delivered. SECONDS is for each line.
namespace {

using namespace muster;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr std::uint32_t shards_max = 16;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "kafka_bench: %s\n", why.c_str());
  std::exit(1);
}

double ms(clock_type::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

std::string quantiles(std::vector<double>& sample) {
  if (sample.empty()) return "-";
  std::ranges::sort(sample);
  char text[64];
  std::snprintf(text, sizeof text, "%.2f / %.2f", sample[sample.size() / 2], sample[sample.size() * 99 / 100]);
  return text;
}

/// Runs `shards` streams with one operation in flight each, for `seconds`: `begin(shard)` starts one, and what ends it
/// calls `ended(shard)`. Prints nothing if `what` is null.
class streams {
public:
  void ended(std::size_t shard) {
    {
      const std::lock_guard lock(mutex_);
      ready_.push_back(shard);
    }
    changed_.notify_one();
  }

  template <class Begin>
  void run(const char* what, std::size_t registrations, std::size_t shards, double seconds, Begin begin) {
    std::vector<clock_type::time_point> began(shards);
    std::vector<double> took;
    const auto cpu = bench::cpu_seconds();
    const auto start = clock_type::now();
    const auto until = start + std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds));
    std::size_t in_flight = shards;
    for (std::size_t s = 0; s < shards; ++s) {
      began[s] = clock_type::now();
      begin(s);
    }
    while (in_flight > 0) {
      std::vector<std::size_t> ready;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, 30s, [&] { return !ready_.empty(); })) give_up("nothing came for 30 s");
        ready.swap(ready_);
      }
      const auto now = clock_type::now();
      for (const auto s : ready) {
        took.push_back(ms(now - began[s]));
        --in_flight;
        if (now >= until) continue;
        ++in_flight;
        began[s] = now;
        begin(s);
      }
    }
    if (what == nullptr) return;
    const auto all = std::chrono::duration<double>(clock_type::now() - start).count();
    const auto frames = static_cast<double>(took.size());
    const auto used = (bench::cpu_seconds() - cpu) * 1e6 / frames;
    std::printf("%-28s %4zu registrations/frame %3zu shards  %8.0f frames/s  p50 / p99 %s ms  %6.0f us CPU/frame\n",
                what, registrations, shards, frames / all, quantiles(took).c_str(), used);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> ready_;
};

/// A frame with `registrations` registrations.
std::string frame_of(std::size_t registrations, engine::entropy& random) {
  const auto recorded = bench::record_fleet(bench::make_fleet(random, 3), registrations, registrations, random);
  const auto records = recorded.journal->read(events::shard_id(0), {}, 1U << 30U);
  if (!records || records->size() < 3) give_up("no frame was recorded");
  return (*records)[2].bytes;  // after the claim, and the service with its group
}

/// librdkafka as it is, with the settings of the journal's producer.
class plain_producer {
public:
  explicit plain_producer(const std::string& bootstrap) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char reason[512];
    for (const auto& [name, value] : {std::pair("bootstrap.servers", bootstrap.c_str()),
                                      {"enable.idempotence", "true"},
                                      {"acks", "all"},
                                      {"linger.ms", "0"},
                                      {"socket.nagle.disable", "true"}}) {
      if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) give_up(reason);
    }
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* self) {
      if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(rd_kafka_err2str(m->err));
      static_cast<plain_producer*>(self)->running->ended(static_cast<std::size_t>(m->partition));
    });
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (handle_ == nullptr) give_up(reason);
    poller_ = std::thread([this] {
      while (!stopping_) rd_kafka_poll(handle_, 50);
    });
  }
  ~plain_producer() {
    stopping_ = true;
    poller_.join();
    rd_kafka_destroy(handle_);
  }

  void send(const std::string& topic, std::size_t partition, const std::string& bytes) {
    const auto error = rd_kafka_producev(handle_, RD_KAFKA_V_TOPIC(topic.c_str()),
                                         RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(partition)),
                                         RD_KAFKA_V_VALUE(const_cast<char*>(bytes.data()), bytes.size()),
                                         RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(rd_kafka_err2str(error));
  }

  streams* running = nullptr;

private:
  rd_kafka_t* handle_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::thread poller_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("usage: kafka_bench BOOTSTRAP [SECONDS]");
  const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 0.5;
  connectors::system_entropy random;
  connectors::kafka_journal_options options;
  options.connection.bootstrap = argv[1];
  const engine::journal_identity identity{random.draw_id<events::journal_id>(), shards_max, {}};
  options.topic = "bench-" + events::to_hex(identity.id.view());
  const auto admin = connectors::kafka_admin::make(options.connection);
  if (!admin) give_up(admin.error().text);
  if (const auto made = connectors::make_journal_topic(**admin, options.connection, options.topic, identity, 1, 20s);
      !made)
    give_up(made.error().text);
  const auto journal = connectors::open_kafka_journal(options);
  if (!journal) give_up(journal.error().text);
  streams* running = nullptr;
  std::atomic<bool> read_back{false};
  (*journal)->on_arrival([&](events::shard_id shard) {
    if (read_back) running->ended(static_cast<std::size_t>(shard.value()));
  });
  plain_producer plain(argv[1]);
  std::vector<events::log_offset> next(shards_max);

  // What was delivered may not have arrived yet, and would be taken for what is sent now.
  const auto catch_up = [&] {
    for (std::uint32_t i = 0; i < shards_max; ++i) {
      next[i] = (*journal)->end(events::shard_id(i)).value();
      const events::log_offset last(next[i].value() - 1);
      while (next[i].value() > 0 && (*journal)->read(events::shard_id(i), last, 1).value().empty()) {
      }
    }
  };
  const auto append = [&](std::size_t shard, const std::string& bytes) {
    (*journal)->append({{events::shard_id(shard), bytes}}, [&, shard](std::size_t, engine::append_outcome outcome) {
      if (outcome != engine::append_outcome::durable) give_up("an append was not durable");
      if (!read_back) running->ended(shard);
    });
  };
  const auto take = [&](std::size_t shard) {
    const auto records = (*journal)->read(events::shard_id(shard), next[shard], 1U << 20U);
    if (!records || records->size() != 1) give_up("a frame was not read back");
    next[shard] = next[shard].next();
  };
  for (const std::size_t registrations : {1U, 10U, 100U}) {
    const auto bytes = frame_of(registrations, random);
    for (const std::size_t shards : {1U, 16U}) {
      for (const auto* what : {"plain producer, delivered", "journal, delivered", "journal, read back"}) {
        const bool is_plain = std::string_view(what).starts_with("plain");
        const bool reads = std::string_view(what).ends_with("back");
        for (const bool warming_up : {true, false}) {
          streams s;
          read_back = false;
          running = plain.running = &s;
          catch_up();
          read_back = reads;
          std::vector<bool> sent(shards);
          s.run(warming_up ? nullptr : what, registrations, shards, warming_up ? seconds / 5 : seconds,
                [&](std::size_t shard) {
                  if (reads && sent[shard]) take(shard);
                  sent[shard] = true;
                  if (is_plain)
                    plain.send(options.topic, shard, bytes);
                  else
                    append(shard, bytes);
                });
        }
      }
    }
  }
}
