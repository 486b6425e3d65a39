#include "connectors/kafka/kafka_producer.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <future>

namespace muster::connectors {

using engine::append_outcome;
using engine::result;

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto serve_wait = 50ms;  // how long the end of a producer may take longer
constexpr auto settle_grace = 5s;  // beyond a record's timeout, which librdkafka looks at once a second
constexpr auto retire_wait = 5s;   // for the delivery reports of what was purged; they come at once
constexpr auto look_up_wait = 200ms;
constexpr auto useless_after = 10s;  // failures without one success: the client may have lost itself

/// A record in librdkafka's hands: it borrows the value and gives this back with the delivery report.
struct pending {
  kafka_record record;
  kafka_delivered delivered;
  delivery_record* fares;  ///< of the producer's client
};

append_outcome outcome_of(rd_kafka_msg_status_t status) {
  switch (status) {
  case RD_KAFKA_MSG_STATUS_PERSISTED:
    return append_outcome::durable;
  case RD_KAFKA_MSG_STATUS_NOT_PERSISTED:
    return append_outcome::refused;
  default:
    return append_outcome::unknown;
  }
}

void on_delivery(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message, void* opaque) {
  const std::unique_ptr<pending> sent(static_cast<pending*>(message->_private));
  kafka_delivery delivery;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery = {append_outcome::durable, message->offset, {}};
    *sent->fares = {};
  } else {
    delivery = {outcome_of(rd_kafka_message_status(message)), -1, rd_kafka_err2str(message->err)};
    const auto last = static_cast<kafka_client*>(opaque)->last_error();
    if (!last.empty()) delivery.error += " (" + last + ")";
    sent->fares->failed = true;
  }
  sent->delivered(delivery);
}

/// Hands `sent` over; gives it back with the reason if librdkafka does not take it.
rd_kafka_resp_err_t hand_over(rd_kafka_t* handle, pending& sent) {
  const auto& r = sent.record;
  rd_kafka_headers_t* headers = nullptr;
  if (!r.headers.empty()) {
    headers = rd_kafka_headers_new(r.headers.size());
    for (const auto& [name, value] : r.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
  }
  std::array<rd_kafka_vu_t, 7> with{};
  std::size_t count = 0;
  const auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    with[count].vtype = type;
    return with[count++];
  };
  add(RD_KAFKA_VTYPE_TOPIC).u.cstr = r.topic.c_str();
  add(RD_KAFKA_VTYPE_PARTITION).u.i32 = r.partition;
  add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = &sent;
  if (r.key) add(RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(r.key->data()), r.key->size()};
  if (r.value) add(RD_KAFKA_VTYPE_VALUE).u.mem = {const_cast<char*>(r.value->data()), r.value->size()};
  if (headers != nullptr) add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
  auto* error = rd_kafka_produceva(handle, with.data(), count);
  if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  const auto code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}

/// When the client gives up a record.
std::chrono::milliseconds record_timeout(rd_kafka_t* handle) {
  std::array<char, 32> text{};
  auto size = text.size();
  std::int64_t ms = 0;
  if (rd_kafka_conf_get(rd_kafka_conf(handle), "message.timeout.ms", text.data(), &size) == RD_KAFKA_CONF_OK)
    std::from_chars(text.data(), text.data() + text.size(), ms);
  return std::chrono::milliseconds(ms);
}

/// Makes the client know a topic's leaders; false if nobody answered.
bool look_up(rd_kafka_t* handle, const std::string& topic) {
  auto* local = rd_kafka_topic_new(handle, topic.c_str(), nullptr);
  if (local == nullptr) return false;
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error =
      rd_kafka_metadata(handle, 0, local, &metadata, static_cast<int>(std::chrono::milliseconds(look_up_wait).count()));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(local);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// Settles all that a client still holds and ends it.
void retire(std::unique_ptr<kafka_client> client) {
  rd_kafka_purge(client->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client->handle(), static_cast<int>(std::chrono::milliseconds(retire_wait).count()));
}

}  // namespace

kafka_producer::kafka_producer(kafka_connection connection, std::vector<std::string> topics, kafka_settings own)
    : connection_(std::move(connection)), topics_(std::move(topics)), own_(std::move(own)) {}

result<std::unique_ptr<kafka_producer>> kafka_producer::make(kafka_connection connection,
                                                             std::vector<std::string> topics, kafka_settings own) {
  std::unique_ptr<kafka_producer> made(new kafka_producer(std::move(connection), std::move(topics), std::move(own)));
  auto client = made->new_client();
  if (!client) return std::unexpected(client.error());
  made->client_ = std::move(*client);
  made->settles_within_ = record_timeout(made->client_->handle()) + settle_grace;
  made->look_up_topics();
  made->thread_ = std::thread([p = made.get()] { p->run(); });
  return made;
}

kafka_producer::~kafka_producer() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (client_) retire(std::move(client_));
}

result<std::unique_ptr<kafka_client>> kafka_producer::new_client() {
  topics_known_ = false;
  record_ = {};
  return kafka_client::make(kafka_role::producer, connection_, own_,
                            [](rd_kafka_conf_s* conf) { rd_kafka_conf_set_dr_msg_cb(conf, on_delivery); });
}

// librdkafka lets the first record of a topic that it does not know wait for a second.
void kafka_producer::look_up_topics() {
  topics_known_ =
      std::ranges::all_of(topics_, [&](const std::string& topic) { return look_up(client_->handle(), topic); });
}

void kafka_producer::send(kafka_record record, kafka_delivered delivered) {
  auto sent = std::make_unique<pending>(std::move(record), std::move(delivered), &record_);
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  {
    const std::lock_guard lock(mutex_);
    error = hand_over(client_->handle(), *sent);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      sent.release();  // NOLINT(bugprone-unused-return-value): comes back with the delivery report
      return;
    }
  }
  sent->delivered({append_outcome::refused, -1, rd_kafka_err2str(error)});
}

void kafka_producer::send(std::vector<kafka_record> records, const kafka_delivered& delivered) {
  std::size_t taken = 0;
  std::string refusal;
  {
    const std::lock_guard lock(mutex_);
    for (auto& record : records) {
      auto sent = std::make_unique<pending>(std::move(record), delivered, &record_);
      if (const auto error = hand_over(client_->handle(), *sent); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refusal = rd_kafka_err2str(error);
        break;
      }
      sent.release();  // NOLINT(bugprone-unused-return-value): comes back with the delivery report
      ++taken;
    }
  }
  for (; taken < records.size(); ++taken) delivered({append_outcome::refused, -1, refusal});
}

kafka_delivery kafka_producer::send_and_wait(kafka_record record) {
  const auto came = std::make_shared<std::promise<kafka_delivery>>();
  auto delivery = came->get_future();
  send(std::move(record), [came](const kafka_delivery& d) { came->set_value(d); });
  if (delivery.wait_for(settles_within_) == std::future_status::ready) return delivery.get();
  return {append_outcome::unknown, -1,
          "no report of it for " + std::to_string(settles_within_.count()) + " ms: it may have been written"};
}

std::optional<std::string> kafka_producer::denied() const {
  const std::lock_guard lock(mutex_);
  return client_->denied();
}

std::string kafka_producer::last_error() const {
  const std::lock_guard lock(mutex_);
  return client_->last_error();
}

void kafka_producer::run() {
  while (!stopping_) {
    if (!topics_known_) look_up_topics();
    client_->serve(serve_wait);  // this thread alone replaces it
    if (client_->fatal() || (record_.failed && useless())) replace();
  }
}

// While the brokers are away a client is not to blame, and a new one would only have more to ask them when they are
// back.
bool kafka_producer::useless() {
  record_.failed = false;
  look_up_topics();
  if (!topics_known_)
    record_.failing_since.reset();
  else if (!record_.failing_since)
    record_.failing_since = steady::now();
  return record_.failing_since && steady::now() - *record_.failing_since > useless_after;
}

void kafka_producer::replace() {
  auto fresh = new_client();
  if (!fresh) return;  // out of memory or threads: again at the next round
  {
    const std::lock_guard lock(mutex_);
    client_.swap(*fresh);
  }
  retire(std::move(*fresh));
  record_ = {};
  if (connection_.log != nullptr)
    connection_.log->write(engine::log_level::warning, "a Kafka producer was replaced by a new one");
}

}  // namespace muster::connectors
