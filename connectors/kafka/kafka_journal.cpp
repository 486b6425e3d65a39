#include "connectors/kafka/kafka_journal.hpp"

#include "connectors/kafka/kafka_cursors.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/kafka_tail.hpp"
#include "connectors/kafka/topic_check.hpp"

#include <algorithm>
#include <mutex>
#include <numeric>

namespace muster::connectors {

using engine::append_outcome;
using engine::errc;
using engine::fail;
using engine::result;
using events::log_offset;
using events::shard_id;

namespace {

class kafka_journal final : public engine::journal {
public:
  kafka_journal(kafka_journal_options options, engine::journal_identity identity, std::unique_ptr<kafka_admin> admin,
                std::unique_ptr<kafka_tail> tail, std::unique_ptr<kafka_producer> producer)
      : options_(std::move(options)), identity_(identity), admin_(std::move(admin)), tail_(std::move(tail)),
        cursors_(options_.connection, options_.topic, *admin_, options_.read_wait), producer_(std::move(producer)) {}

  const engine::journal_identity& identity() const override { return identity_; }

  void append(std::vector<engine::outgoing_frame> frames, engine::append_settled settled) override {
    const auto tell = std::make_shared<const engine::append_settled>(std::move(settled));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      auto& frame = frames[i];
      producer_->send({options_.topic, partition_of(frame.shard), std::nullopt, std::move(frame.bytes), {}},
                      [this, tell, i](const kafka_delivery& delivery) {
                        if (delivery.outcome != append_outcome::durable) remember(delivery.error);
                        (*tell)(i, delivery.outcome);
                      });
    }
  }

  result<std::vector<engine::log_record>> read(shard_id shard, log_offset from, std::size_t bytes_max) override {
    const auto& lane = tail_->lane(shard);
    while (true) {
      if (auto recent = lane.read(from, bytes_max)) return std::move(*recent);
      const auto first = lane.first();
      auto stored = cursors_.read(shard, from, first, bytes_max);
      if (!stored || !stored->empty()) return stored;
      from = std::max(from, first);  // between them lay only what Kafka itself keeps there
    }
  }

  result<log_offset> end(shard_id shard) override {
    const auto ends = admin_->ends(options_.topic, {partition_of(shard)}, options_.read_wait);
    // Brokers that let us in at the start and do not now may do so again: that is for whoever asks to wait for.
    if (!ends && ends.error().code == errc::denied) return fail(errc::unavailable, ends.error().text);
    if (!ends) return std::unexpected(ends.error());
    // A broker that leads no longer may say so for a while. If something is lost indeed, the tail finds it out.
    const auto reached = tail_->lane(shard).next();
    if (log_offset_of(ends->front()) < reached)
      return std::unexpected(doubtful_end(options_.topic, shard, ends->front(), reached));
    return log_offset_of(ends->front());
  }

  void on_arrival(std::function<void(shard_id)> arrived) override { tail_->on_arrival(std::move(arrived)); }
  bool exclusive() const override { return false; }
  std::string trouble() const override {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

private:
  static std::int32_t partition_of(shard_id shard) { return static_cast<std::int32_t>(shard.value()); }

  void remember(const std::string& trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = trouble;
  }

  const kafka_journal_options options_;
  const engine::journal_identity identity_;
  mutable std::mutex mutex_;  ///< guards `trouble_`
  std::string trouble_;
  std::unique_ptr<kafka_admin> admin_;  // first: the others ask it
  std::unique_ptr<kafka_tail> tail_;
  kafka_cursors cursors_;
  std::unique_ptr<kafka_producer> producer_;  // last: its end settles what is on its way
};

result<std::vector<log_offset>> ends_of(kafka_admin& admin, const kafka_journal_options& options,
                                        std::uint32_t shards) {
  std::vector<std::int32_t> partitions(shards);
  std::iota(partitions.begin(), partitions.end(), 0);
  const auto ends = admin.ends(options.topic, partitions, options.start_wait);
  if (!ends) return std::unexpected(ends.error());
  std::vector<log_offset> offsets;
  for (const auto end : *ends) offsets.push_back(log_offset_of(end));
  return offsets;
}

}  // namespace

result<std::unique_ptr<engine::journal>> open_kafka_journal(kafka_journal_options options) {
  auto* const log = options.connection.log;
  if (const auto warning = kafka_version_warning(options.connection.settings); warning && log != nullptr)
    log->write(engine::log_level::warning, *warning);
  auto admin = kafka_admin::make(options.connection);
  if (!admin) return std::unexpected(admin.error());
  const auto topic = (*admin)->topic(options.topic, options.start_wait);
  if (!topic) {
    if (topic.error().code != errc::not_found) return std::unexpected(topic.error());
    return fail(errc::not_found, topic.error().text + ": run 'muster cluster init' first, or see to "
                                                      "kafka.topic_prefix and the brokers' address");
  }
  const auto settings = checked_settings(**admin, options.topic, *topic, journal_topic_rules, options.start_wait, log);
  if (!settings) return std::unexpected(settings.error());
  const auto bytes_max = *settings ? (*settings)->at("max.message.bytes") : std::to_string(topic_record_bytes_min);
  const auto identity =
      read_journal_identity(options.connection, options.topic, *topic, options.expected, options.start_wait);
  if (!identity) return std::unexpected(identity.error());
  const auto ends = ends_of(**admin, options, identity->shards);
  if (!ends) return std::unexpected(ends.error());
  auto tail = kafka_tail::make(options.connection, options.topic, *ends,
                               std::max<std::size_t>(options.recent_bytes_max / identity->shards, 1), **admin);
  if (!tail) return std::unexpected(tail.error());
  auto producer = kafka_producer::make(options.connection, {options.topic}, {{"message.max.bytes", bytes_max}});
  if (!producer) return std::unexpected(producer.error());
  return std::make_unique<kafka_journal>(std::move(options), *identity, std::move(*admin), std::move(*tail),
                                         std::move(*producer));
}

}  // namespace muster::connectors
