#include "connectors/kafka/kafka_admin.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

template <class Handle, void (*Destroy)(Handle*)>
struct released {
  void operator()(Handle* handle) const { Destroy(handle); }
};
template <class Handle, void (*Destroy)(Handle*)>
using owned = std::unique_ptr<Handle, released<Handle, Destroy>>;

using queue_ptr = owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using event_ptr = owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using options_ptr = owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using topic_ptr = owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using new_topic_ptr = owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using resource_ptr = owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using list_ptr = owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using delete_records_ptr = owned<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy>;

struct metadata_deleter {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};

/// Waits for the answer to what `ask` sends.
template <class Ask>
event_ptr answer_to(rd_kafka_t* handle, rd_kafka_admin_op_t operation, milliseconds wait, Ask ask) {
  const options_ptr options(rd_kafka_AdminOptions_new(handle, operation));
  std::array<char, 256> reason{};
  const auto ms = static_cast<int>(wait.count());
  rd_kafka_AdminOptions_set_request_timeout(options.get(), ms, reason.data(), reason.size());
  const queue_ptr queue(rd_kafka_queue_new(handle));
  ask(options.get(), queue.get());
  return event_ptr(rd_kafka_queue_poll(queue.get(), ms + 1000));
}

}  // namespace

kafka_admin::kafka_admin(kafka_connection connection, std::unique_ptr<kafka_client> client)
    : connection_(std::move(connection)), client_(std::move(client)) {}

result<std::unique_ptr<kafka_admin>> kafka_admin::make(kafka_connection connection) {
  // A consumer, because asking as a producer may make the topic that is asked for.
  auto client = kafka_client::make(kafka_role::consumer, connection, {}, {});
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<kafka_admin>(new kafka_admin(std::move(connection), std::move(*client)));
}

engine::error kafka_admin::failure(const std::string& what, int code, const char* text) const {
  client_->serve(milliseconds(0));  // complaints that have not been heard yet
  if (const auto denied = client_->denied()) {
    return {errc::denied, what + ": the Kafka brokers at " + connection_.bootstrap + " do not let us in (" + *denied +
                              "): see to the credentials in kafka.*"};
  }
  switch (code) {
  case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
  case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
  case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    return {errc::not_found, what + ": there is no such topic or partition"};
  case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
    return {errc::conflict, what + ": there is one already"};
  case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    return {errc::denied, what + ": the brokers do not allow it (" + text + ")"};
  case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
  case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
  case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
  case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    return {errc::invalid, what + ": " + text};
  default:
    break;
  }
  const auto last = client_->last_error();
  return {errc::unavailable, what + ": the Kafka brokers at " + connection_.bootstrap +
                                 " did not answer as they should: " + text + (last.empty() ? "" : " (" + last + ")")};
}

result<kafka_topic> kafka_admin::topic(const std::string& name, milliseconds wait) {
  const std::string what = "the topic " + name;
  const topic_ptr handle(rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr));
  const auto until = steady::now() + wait;
  // In pieces, so that refused credentials are not waited for.
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  while (true) {
    const rd_kafka_metadata_t* raw = nullptr;
    error = rd_kafka_metadata(client_->handle(), 0, handle.get(), &raw, 500);
    const std::unique_ptr<const rd_kafka_metadata_t, metadata_deleter> metadata(raw);
    client_->serve(milliseconds(0));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
      const auto& t = metadata->topics[0];
      error = t.err;
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR && t.partition_cnt > 0) {
        kafka_topic found{static_cast<std::uint32_t>(t.partition_cnt), ~0U};
        for (int i = 0; i < t.partition_cnt; ++i)
          found.replicas = std::min(found.replicas, static_cast<std::uint32_t>(t.partitions[i].replica_cnt));
        return found;
      }
      if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        break;
    }
    if (client_->denied() || steady::now() >= until) break;
  }
  return std::unexpected(failure(what, error, rd_kafka_err2str(error)));
}

result<kafka_settings> kafka_admin::topic_settings(const std::string& name, milliseconds wait) {
  const std::string what = "the settings of topic " + name;
  const resource_ptr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  const auto event =
      answer_to(client_->handle(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, wait, [&](auto* options, auto* queue) {
        auto* one = resource.get();
        rd_kafka_DescribeConfigs(client_->handle(), &one, 1, options, queue);
      });
  if (!event) return std::unexpected(failure(what, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer in time"));
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(failure(what, error, rd_kafka_event_error_string(event.get())));
  std::size_t count = 0;
  const auto* const* resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  kafka_settings settings;
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto error = rd_kafka_ConfigResource_error(resources[i]); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(failure(what, error, rd_kafka_ConfigResource_error_string(resources[i])));
    std::size_t entries = 0;
    const auto* const* entry = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (std::size_t e = 0; e < entries; ++e) {
      const char* value = rd_kafka_ConfigEntry_value(entry[e]);
      settings[rd_kafka_ConfigEntry_name(entry[e])] = value != nullptr ? value : "";
    }
  }
  return settings;
}

result<kafka_watermarks> kafka_admin::watermarks(const std::string& topic, std::int32_t partition, milliseconds wait) {
  kafka_watermarks marks;
  const auto error = rd_kafka_query_watermark_offsets(client_->handle(), topic.c_str(), partition, &marks.low,
                                                      &marks.high, static_cast<int>(wait.count()));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return marks;
  return std::unexpected(failure("the end of topic " + topic + ", partition " + std::to_string(partition), error,
                                 rd_kafka_err2str(error)));
}

result<void> kafka_admin::create_topic(const std::string& name, std::uint32_t partitions, std::uint32_t replicas,
                                       const kafka_settings& settings, milliseconds wait) {
  const std::string what = "making the topic " + name;
  std::array<char, 256> reason{};
  const new_topic_ptr wanted(rd_kafka_NewTopic_new(name.c_str(), static_cast<int>(partitions),
                                                   replicas == 0 ? -1 : static_cast<int>(replicas), reason.data(),
                                                   reason.size()));
  if (!wanted) return fail(errc::invalid, what + ": " + reason.data());
  for (const auto& [key, value] : settings) rd_kafka_NewTopic_set_config(wanted.get(), key.c_str(), value.c_str());
  const auto event =
      answer_to(client_->handle(), RD_KAFKA_ADMIN_OP_CREATETOPICS, wait, [&](auto* options, auto* queue) {
        rd_kafka_AdminOptions_set_operation_timeout(options, static_cast<int>(wait.count()), reason.data(),
                                                    reason.size());
        auto* one = wanted.get();
        rd_kafka_CreateTopics(client_->handle(), &one, 1, options, queue);
      });
  if (!event) return std::unexpected(failure(what, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer in time"));
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(failure(what, error, rd_kafka_event_error_string(event.get())));
  std::size_t count = 0;
  const auto* const* made =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(made[i]);
    const char* text = rd_kafka_topic_result_error_string(made[i]);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(failure(what, error, text != nullptr ? text : rd_kafka_err2str(error)));
  }
  return {};
}

result<void> kafka_admin::replace_topic_settings(const std::string& name, const kafka_settings& settings,
                                                 milliseconds wait) {
  const std::string what = "changing the settings of topic " + name;
  const resource_ptr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  for (const auto& [key, value] : settings)
    rd_kafka_ConfigResource_set_config(resource.get(), key.c_str(), value.c_str());
  const auto event =
      answer_to(client_->handle(), RD_KAFKA_ADMIN_OP_ALTERCONFIGS, wait, [&](auto* options, auto* queue) {
        auto* one = resource.get();
        rd_kafka_AlterConfigs(client_->handle(), &one, 1, options, queue);
      });
  if (!event) return std::unexpected(failure(what, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer in time"));
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(failure(what, error, rd_kafka_event_error_string(event.get())));
  std::size_t count = 0;
  const auto* const* changed =
      rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto error = rd_kafka_ConfigResource_error(changed[i]); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(failure(what, error, rd_kafka_ConfigResource_error_string(changed[i])));
  }
  return {};
}

result<void> kafka_admin::delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset,
                                         milliseconds wait) {
  const std::string what = "deleting records of topic " + topic + ", partition " + std::to_string(partition);
  const list_ptr before(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(before.get(), topic.c_str(), partition)->offset = offset;
  const delete_records_ptr wanted(rd_kafka_DeleteRecords_new(before.get()));
  const auto event =
      answer_to(client_->handle(), RD_KAFKA_ADMIN_OP_DELETERECORDS, wait, [&](auto* options, auto* queue) {
        auto* one = wanted.get();
        rd_kafka_DeleteRecords(client_->handle(), &one, 1, options, queue);
      });
  if (!event) return std::unexpected(failure(what, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer in time"));
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(failure(what, error, rd_kafka_event_error_string(event.get())));
  const auto* done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < done->cnt; ++i) {
    if (done->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(failure(what, done->elems[i].err, rd_kafka_err2str(done->elems[i].err)));
  }
  return {};
}

}  // namespace muster::connectors
