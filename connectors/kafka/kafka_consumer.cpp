#include "connectors/kafka/kafka_consumer.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

struct message_deleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using message_ptr = std::unique_ptr<rd_kafka_message_t, message_deleter>;

kafka_event event_of(const rd_kafka_message_t& message) {
  kafka_event event;
  event.partition = message.partition;
  event.offset = message.offset;
  const auto view = [](const void* bytes, std::size_t size) -> std::optional<std::string_view> {
    if (bytes == nullptr) return std::nullopt;
    return std::string_view(static_cast<const char*>(bytes), size);
  };
  switch (message.err) {
  case RD_KAFKA_RESP_ERR_NO_ERROR:
    event.key = view(message.key, message.key_len);
    event.value = view(message.payload, message.len);
    return event;
  case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    event.what = kafka_event::kind::end;
    return event;
  case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
  case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    event.what = kafka_event::kind::out_of_range;
    break;
  case RD_KAFKA_RESP_ERR__BAD_MSG:
  case RD_KAFKA_RESP_ERR_INVALID_MSG:
    event.what = kafka_event::kind::damaged;
    break;
  default:
    event.what = kafka_event::kind::error;
    break;
  }
  event.text = rd_kafka_message_errstr(&message);
  return event;
}

}  // namespace

void kafka_consumer::release::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}
void kafka_consumer::release::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}

result<std::unique_ptr<kafka_consumer>> kafka_consumer::make(const kafka_connection& connection,
                                                             const std::string& topic, const kafka_settings& own) {
  auto client = kafka_client::make(kafka_role::consumer, connection, own, {});
  if (!client) return std::unexpected(client.error());
  std::unique_ptr<kafka_consumer> made(new kafka_consumer());
  made->client_ = std::move(*client);
  made->topic_.reset(rd_kafka_topic_new(made->client_->handle(), topic.c_str(), nullptr));
  if (!made->topic_) {
    return fail(errc::invalid, "the topic " + topic + " cannot be read: " + rd_kafka_err2str(rd_kafka_last_error()));
  }
  made->queue_.reset(rd_kafka_queue_new(made->client_->handle()));
  return made;
}

kafka_consumer::~kafka_consumer() {
  for (const auto partition : started_) rd_kafka_consume_stop(topic_.get(), partition);
}

void kafka_consumer::look_up(std::chrono::milliseconds wait) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client_->handle(), 0, topic_.get(), &metadata, static_cast<int>(wait.count())) ==
      RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(metadata);
}

result<void> kafka_consumer::start(std::int32_t partition, std::int64_t offset) {
  if (rd_kafka_consume_start_queue(topic_.get(), partition, offset, queue_.get()) != 0) {
    return fail(errc::unavailable, "partition " + std::to_string(partition) +
                                       " cannot be read: " + rd_kafka_err2str(rd_kafka_last_error()));
  }
  started_.insert(partition);
  return {};
}

void kafka_consumer::stop(std::int32_t partition) {
  if (started_.erase(partition) != 0) rd_kafka_consume_stop(topic_.get(), partition);
}

std::size_t kafka_consumer::poll(std::chrono::milliseconds wait, std::size_t max,
                                 const std::function<void(const kafka_event&)>& take) {
  client_->serve(std::chrono::milliseconds(0));
  // A batch call waits until it is full or the time is over, so the wait is for the first one alone.
  const message_ptr first(rd_kafka_consume_queue(queue_.get(), static_cast<int>(wait.count())));
  if (!first) return 0;
  take(event_of(*first));
  std::size_t count = 1;
  std::array<rd_kafka_message_t*, 256> batch{};
  while (count < max) {
    const auto got = rd_kafka_consume_batch_queue(queue_.get(), 0, batch.data(), std::min(batch.size(), max - count));
    if (got <= 0) break;
    for (ssize_t i = 0; i < got; ++i) {
      const message_ptr message(batch[static_cast<std::size_t>(i)]);
      take(event_of(*message));
    }
    count += static_cast<std::size_t>(got);
  }
  return count;
}

result<void> take_until(kafka_consumer& consumer, const kafka_connection& connection, const std::string& topic,
                        const std::chrono::steady_clock::time_point& deadline, const std::function<bool()>& done,
                        const std::function<void(const kafka_event&)>& take) {
  using std::chrono::milliseconds;
  while (!done()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) {
      const auto last = consumer.client().last_error();
      return fail(errc::unavailable, "the Kafka brokers at " + connection.bootstrap + " do not give the topic " +
                                         topic + (last.empty() ? "" : ": " + last));
    }
    consumer.poll(std::min(left, milliseconds(100)), 4096, take);
  }
  return {};
}

}  // namespace muster::connectors
