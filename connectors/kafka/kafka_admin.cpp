#include "connectors/kafka/kafka_admin.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <map>

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

constexpr std::size_t askers_idle_max = 2;

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
    const auto limit = kafka_version_warning(connection_.settings);
    return {errc::denied, what + ": the Kafka brokers at " + connection_.bootstrap + " do not let us in (" + *denied +
                              "): see to the credentials in " + connection_.section + ".*" +
                              (limit ? ". It may be this: " + *limit : "")};
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

result<std::uint32_t> kafka_admin::brokers(milliseconds wait) {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client_->handle(), 0, nullptr, &raw, static_cast<int>(wait.count()));
  const std::unique_ptr<const rd_kafka_metadata_t, metadata_deleter> metadata(raw);
  client_->serve(milliseconds(0));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(failure("the list of brokers", error, rd_kafka_err2str(error)));
  return static_cast<std::uint32_t>(metadata->broker_cnt);
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
  const auto low = ask(topic, {partition}, kafka_consumer::from_beginning, wait);
  if (!low) return std::unexpected(low.error());
  const auto high = ask(topic, {partition}, kafka_consumer::from_end, wait);
  if (!high) return std::unexpected(high.error());
  return kafka_watermarks{low->front(), high->front()};
}

result<std::vector<std::int64_t>> kafka_admin::ends(const std::string& topic,
                                                    const std::vector<std::int32_t>& partitions, milliseconds wait) {
  return ask(topic, partitions, kafka_consumer::from_end, wait);
}

/// Where a consumer that starts at `where` finds itself. `rd_kafka_query_watermark_offsets` would say the same, but
/// with the brokers away it was seen to take 25 s whatever its timeout.
result<std::vector<std::int64_t>> kafka_admin::ask(const std::string& topic,
                                                   const std::vector<std::int32_t>& partitions, std::int64_t where,
                                                   milliseconds wait) {
  auto asker = borrow(topic, wait);
  if (!asker) return std::unexpected(asker.error());
  std::map<std::int32_t, std::int64_t> found;
  std::string problem = "no answer in time";
  for (const auto partition : partitions) {
    if (auto began = (*asker)->start(partition, where); !began) return std::unexpected(began.error());
  }
  const auto until = steady::now() + wait;
  while (found.size() < partitions.size()) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady::now());
    if (left <= milliseconds(0)) break;
    std::vector<std::int32_t> again;  // its records were deleted between question and answer
    (*asker)->poll(std::min(left, milliseconds(100)), 256, [&](const kafka_event& event) {
      if (event.what == kafka_event::kind::record || event.what == kafka_event::kind::end)
        found.emplace(event.partition, event.offset);
      else
        problem = event.text;
      if (event.what == kafka_event::kind::out_of_range) again.push_back(event.partition);
    });
    for (const auto partition : again) {
      (*asker)->stop(partition);
      if (auto began = (*asker)->start(partition, where); !began) return std::unexpected(began.error());
    }
  }
  for (const auto partition : partitions) (*asker)->stop(partition);
  give_back(topic, std::move(*asker));
  if (found.size() < partitions.size()) {
    return std::unexpected(failure("the ends of topic " + topic, RD_KAFKA_RESP_ERR__TIMED_OUT, problem.c_str()));
  }
  std::vector<std::int64_t> offsets;
  for (const auto partition : partitions) offsets.push_back(found.at(partition));
  return offsets;
}

result<std::unique_ptr<kafka_consumer>> kafka_admin::borrow(const std::string& topic, milliseconds wait) {
  {
    const std::lock_guard lock(mutex_);
    const auto idle = std::ranges::find(askers_, topic, [](const auto& each) { return each.first; });
    if (idle != askers_.end()) {
      auto asker = std::move(idle->second);
      askers_.erase(idle);
      return asker;
    }
  }
  auto asker =
      kafka_consumer::make(connection_, topic, {{"fetch.wait.max.ms", "10"}, {"max.partition.fetch.bytes", "1"}});
  if (asker) (*asker)->look_up(wait);
  return asker;
}

void kafka_admin::give_back(const std::string& topic, std::unique_ptr<kafka_consumer> asker) {
  const std::lock_guard lock(mutex_);
  if (askers_.size() < askers_idle_max) askers_.emplace_back(topic, std::move(asker));
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
