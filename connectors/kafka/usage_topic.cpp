#include "connectors/kafka/usage_topic.hpp"

#include "connectors/kafka/cloud_event_record.hpp"
#include "events/cloud_event.hpp"

namespace muster::connectors {

namespace {

/// A record on its way. It may be settled after the thread that waits for it has ended.
struct in_flight {
  std::mutex mutex;
  std::optional<kafka_delivery> delivery;
};

}  // namespace

kafka_record usage_record(const std::string& topic, events::shard_id shard, const engine::shard_usage& usage) {
  return cloud_event_record(topic, 0, usage.scope.text(), events::attributes_of(usage.report, usage.scope, shard),
                            events::to_json(usage.report));
}

engine::result<std::unique_ptr<usage_topic>> usage_topic::start(usage_topic_options options,
                                                                const engine::catalog& services, std::uint32_t shards) {
  auto producer = kafka_producer::make(options.connection, {options.topic});
  if (!producer) return std::unexpected(producer.error());
  return std::unique_ptr<usage_topic>(new usage_topic(std::move(options), services, shards, std::move(*producer)));
}

usage_topic::usage_topic(usage_topic_options options, const engine::catalog& services, std::uint32_t shards,
                         std::unique_ptr<kafka_producer> producer)
    : options_(std::move(options)), producer_(std::move(producer)),
      publisher_(services, shards, "topic " + options_.topic,
                 [this](events::shard_id shard, const engine::shard_usage& usage) { return publish(shard, usage); }),
      thread_([this] { run(); }) {}

usage_topic::~usage_topic() {
  stopping_ = true;
  wake_->raise();
  thread_.join();
}

void usage_topic::run() {
  while (!stopping_) {
    if (const auto stepped = publisher_.step(); !stepped) complain(stepped.error().text);
    if (!stopping_) wake_->wait(options_.interval);
  }
}

bool usage_topic::publish(events::shard_id shard, const engine::shard_usage& usage) {
  if (stopping_) return false;
  const auto flight = std::make_shared<in_flight>();
  producer_->send(usage_record(options_.topic, shard, usage), [flight, wake = wake_](const kafka_delivery& delivery) {
    {
      const std::lock_guard lock(flight->mutex);
      flight->delivery = delivery;
    }
    wake->raise();
  });
  // A node that stops does not wait for brokers that are away.
  for (; !stopping_; wake_->wait(options_.interval)) {
    const std::lock_guard lock(flight->mutex);
    if (!flight->delivery) continue;
    if (flight->delivery->outcome == engine::append_outcome::durable) {
      const std::lock_guard heard(mutex_);
      complaint_.clear();
      if (options_.telemetry != nullptr) options_.telemetry->usage_failing = 0;
      return true;
    }
    if (options_.telemetry != nullptr) {
      ++options_.telemetry->usage_publish_failures;
      options_.telemetry->usage_failing = 1;
    }
    complain(flight->delivery->error);
    return false;
  }
  return false;
}

std::optional<std::string> usage_topic::trouble() const {
  const std::lock_guard lock(mutex_);
  return complaint_.empty() ? std::nullopt : std::optional(complaint_);
}

void usage_topic::complain(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (complaint_ == why) return;
  complaint_ = why;
  if (options_.connection.log == nullptr) return;
  options_.connection.log->write(engine::log_level::error, "usage cannot be published; it is tried again",
                                 {{"topic", options_.topic}, {"error", why}});
}

}  // namespace muster::connectors
