#include "bench/streams.hpp"
#include "bench/workload.hpp"
#include "connectors/kafka/kafka_journal.hpp"
#include "connectors/kafka/kafka_tail.hpp"
#include "connectors/node/system_entropy.hpp"

#include <librdkafka/rdkafka.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

/// The Kafka journal beside librdkafka as it is, an idempotent producer and a consumer, with the same bytes, in turns:
///
///     kafka_bench BOOTSTRAP [SECONDS [TURNS]]
///
/// Frames of 1, 10 and 100 registrations. One shard: one frame at a time (a registration's way). Sixteen shards: one
/// frame in flight in each. "Delivered" counts a frame at its delivery report, "read back" once a consumer brought it
/// back, as an answer needs it. SECONDS is for each line, in TURNS (eight unless said); clients that a line does not
/// need are not there meanwhile.
namespace {

using namespace muster;
using namespace std::chrono_literals;

constexpr std::uint32_t shards_max = 16;
constexpr std::array lines = {"plain, delivered", "plain, read back", "journal, delivered", "journal, read back"};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "kafka_bench: %s\n", why.c_str());
  std::exit(1);
}

/// A frame with `registrations` registrations.
std::string frame_of(std::size_t registrations, engine::entropy& random) {
  const auto recorded = bench::record_fleet(bench::make_fleet(random, 3), registrations, registrations, random);
  const auto records = recorded.journal->read(events::shard_id(0), {}, 1U << 30U);
  if (!records || records->size() < 3) give_up("no frame was recorded");
  return (*records)[2].bytes;  // after the claim, and the service with its group
}

/// A client of librdkafka as it is.
using client_ptr = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
client_ptr make_client(rd_kafka_type_t type, rd_kafka_conf_t* conf,
                       const std::vector<std::pair<const char*, const char*>>& settings) {
  char reason[512];
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) give_up(reason);
  client_ptr client(rd_kafka_new(type, conf, reason, sizeof reason), rd_kafka_destroy);
  if (!client) give_up(reason);
  return client;
}

/// A producer with the settings of the journal's, and, where `reads`, a consumer of every shard from `from` on.
class plain_writer {
public:
  plain_writer(const connectors::kafka_journal_options& options, bool reads,
               const std::vector<events::log_offset>& from)
      : topic_(options.topic), reads_(reads), producer_(nullptr, rd_kafka_destroy),
        consumer_(nullptr, rd_kafka_destroy) {
    auto* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* self) {
      if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(rd_kafka_err2str(m->err));
      auto& writer = *static_cast<plain_writer*>(self);
      if (!writer.reads_) writer.running_.load()->ended(static_cast<std::size_t>(m->partition));
    });
    const auto* const bootstrap = options.connection.bootstrap.c_str();
    producer_ = make_client(RD_KAFKA_PRODUCER, conf,
                            {{"bootstrap.servers", bootstrap},
                             {"enable.idempotence", "true"},
                             {"acks", "all"},
                             {"linger.ms", "0"},
                             {"socket.nagle.disable", "true"}});
    threads_.emplace_back([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) rd_kafka_poll(producer_.get(), 50);
    });
    if (!reads) return;
    consumer_ =
        make_client(RD_KAFKA_CONSUMER, rd_kafka_conf_new(),
                    {{"bootstrap.servers", bootstrap}, {"check.crcs", "true"}, {"socket.nagle.disable", "true"}});
    consumed_ = rd_kafka_topic_new(consumer_.get(), topic_.c_str(), nullptr);
    queue_ = rd_kafka_queue_new(consumer_.get());
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (rd_kafka_consume_start_queue(consumed_, static_cast<std::int32_t>(i), connectors::kafka_offset(from[i]),
                                       queue_) != 0)
        give_up(rd_kafka_err2str(rd_kafka_last_error()));
    }
    threads_.emplace_back([this](const std::stop_token& stop) { consume(stop); });
  }
  ~plain_writer() {
    threads_.clear();
    if (!reads_) return;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(shards_max); ++i) rd_kafka_consume_stop(consumed_, i);
    rd_kafka_queue_destroy(queue_);
    rd_kafka_topic_destroy(consumed_);
  }
  plain_writer(const plain_writer&) = delete;
  plain_writer& operator=(const plain_writer&) = delete;

  void begin(bench::streams& s) { running_ = &s; }
  void send(std::size_t shard, const std::string& bytes) {
    const auto error = rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC(topic_.c_str()),
                                         RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(shard)),
                                         RD_KAFKA_V_VALUE(const_cast<char*>(bytes.data()), bytes.size()),
                                         RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(rd_kafka_err2str(error));
  }

private:
  void consume(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      auto* message = rd_kafka_consume_queue(queue_, 50);
      if (message == nullptr) continue;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(rd_kafka_message_errstr(message));
      const auto partition = static_cast<std::size_t>(message->partition);
      rd_kafka_message_destroy(message);
      running_.load()->ended(partition);
    }
  }

  const std::string topic_;
  const bool reads_;
  std::atomic<bench::streams*> running_ = nullptr;
  client_ptr producer_;
  client_ptr consumer_;
  rd_kafka_topic_t* consumed_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::vector<std::jthread> threads_;
};

/// The journal; where `reads`, an operation ends when its frame was read back.
class journal_writer {
public:
  journal_writer(const connectors::kafka_journal_options& options, bool reads, std::vector<events::log_offset> from)
      : reads_(reads), next_(std::move(from)), sent_(shards_max) {
    auto opened = connectors::open_kafka_journal(options);
    if (!opened) give_up(opened.error().text);
    journal_ = std::move(*opened);
    journal_->on_arrival([this](events::shard_id shard) {
      if (reads_) running_.load()->ended(static_cast<std::size_t>(shard.value()));
    });
  }

  void begin(bench::streams& s) { running_ = &s; }
  void send(std::size_t shard, const std::string& bytes) {
    if (reads_ && sent_[shard]) take(shard);
    sent_[shard] = true;
    journal_->append({{events::shard_id(shard), bytes}}, [this, shard](std::size_t, engine::append_outcome outcome) {
      if (outcome != engine::append_outcome::durable) give_up("an append was not durable");
      if (!reads_) running_.load()->ended(shard);
    });
  }

private:
  void take(std::size_t shard) {
    const auto records = journal_->read(events::shard_id(shard), next_[shard], 1U << 20U);
    if (!records || records->size() != 1) give_up("a frame was not read back");
    next_[shard] = next_[shard].next();
  }

  const bool reads_;
  std::vector<events::log_offset> next_;
  std::vector<bool> sent_;
  std::atomic<bench::streams*> running_ = nullptr;
  std::unique_ptr<engine::journal> journal_;  // last: it calls what stands above
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("usage: kafka_bench BOOTSTRAP [SECONDS [TURNS]]");
  const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 0.5;
  const int turns = argc > 3 ? std::atoi(argv[3]) : 8;
  if (turns < 1) give_up("TURNS must be at least 1");
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
  std::vector<std::int32_t> partitions(shards_max);
  std::iota(partitions.begin(), partitions.end(), 0);
  const auto ends = [&] {
    const auto known = (*admin)->ends(options.topic, partitions, 20s);
    if (!known) give_up(known.error().text);
    std::vector<events::log_offset> offsets;
    for (const auto end : *known) offsets.push_back(connectors::log_offset_of(end));
    return offsets;
  };
  const auto turn = [&](auto& writer, std::size_t shards, const std::string& bytes, bench::tally& sum) {
    bench::tally warming_up;
    for (auto* each : {&warming_up, &sum}) {
      bench::streams s;
      writer.begin(s);
      s.run(shards, each == &sum ? seconds / turns : 0.1, [&](std::size_t shard) { writer.send(shard, bytes); }, *each);
    }
  };
  for (const std::size_t registrations : {1U, 10U, 100U}) {
    const auto bytes = frame_of(registrations, random);
    for (const std::size_t shards : {1U, 16U}) {
      std::array<bench::tally, 4> sums;
      for (int i = 0; i < turns * 4; ++i) {
        const bool reads = i % 2 == 1;
        auto& sum = sums[static_cast<std::size_t>(i % 4)];
        if (i % 4 < 2) {
          plain_writer writer(options, reads, ends());
          turn(writer, shards, bytes, sum);
        } else {
          journal_writer writer(options, reads, ends());
          turn(writer, shards, bytes, sum);
        }
      }
      for (std::size_t i = 0; i < 4; ++i) sums[i].print(lines[i], registrations, shards);
    }
  }
}
