#include "connectors/kafka/keys_topic.hpp"

#include "connectors/json/json_body.hpp"
#include "connectors/json/json_writer.hpp"
#include "connectors/kafka/kafka_consumer.hpp"
#include "connectors/kafka/kafka_producer.hpp"

#include <algorithm>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t format = 1;

std::string encode(const keyring_header& header) {
  json_writer out;
  out.begin_object();
  out.string("muster", "keyring");
  out.number("format", format);
  out.string("keyring", header.keyring);
  out.string("masterKeyFingerprint", events::to_hex(events::as_bytes(header.master_key_fingerprint)));
  out.end_object();
  return out.take();
}

result<keyring_header> decode(const std::string& topic, std::string_view record) {
  const auto object = read_json_object(record);
  const auto text = [&](std::string_view name) {
    const auto* const member = object ? object->find(name) : nullptr;
    return member == nullptr ? std::string() : std::string(member->text);
  };
  keyring_header header{text("keyring"), {}};
  if (text("muster") != "keyring" || header.keyring.empty() ||
      !events::from_hex(text("masterKeyFingerprint"), header.master_key_fingerprint)) {
    return fail(errc::invalid, "the topic " + topic + " does not begin with the header of a Muster keyring");
  }
  if (text("format") != std::to_string(format)) {
    return fail(errc::invalid, "the keyring in topic " + topic + " has format " + text("format") +
                                   ", and this version of Muster knows " + std::to_string(format));
  }
  return header;
}

/// The first record there is; nothing if the topic is empty.
result<std::optional<std::string>> first_record(const kafka_connection& connection, const std::string& name,
                                                milliseconds wait) {
  auto consumer = kafka_consumer::make(connection, name, {{"max.partition.fetch.bytes", "4096"}});
  if (!consumer) return std::unexpected(consumer.error());
  if (auto began = (*consumer)->start(0, kafka_consumer::from_beginning); !began) return std::unexpected(began.error());
  std::optional<std::optional<std::string>> found;
  const auto take = [&](const kafka_event& event) {
    if (found || event.what == kafka_event::kind::error) return;
    found.emplace();
    if (event.what == kafka_event::kind::record && event.key == keyring_header_key)
      *found = std::string(event.value.value_or(""));
    else if (event.what == kafka_event::kind::record)
      *found = "";
  };
  const auto read =
      take_until(**consumer, connection, name, steady::now() + wait, [&] { return found.has_value(); }, take);
  if (!read) return std::unexpected(read.error());
  return *found;
}

}  // namespace

kafka_settings keys_topic_settings() {
  const auto lag = std::to_string(milliseconds(compaction_lag).count());
  return {{"cleanup.policy", "compact"},
          {"max.compaction.lag.ms", lag},
          {"segment.ms", lag},
          {"min.cleanable.dirty.ratio", "0.01"},
          {"max.message.bytes", std::to_string(topic_record_bytes_min)},
          {"delete.retention.ms", std::to_string(milliseconds(tombstones_kept).count())},
          {"unclean.leader.election.enable", "false"}};
}

result<void> check_keys_topic(const std::string& name, const kafka_topic& topic, const kafka_settings& settings,
                              std::vector<std::string>& warnings) {
  const topic_check check(name, topic, settings);
  if (auto compacts =
          check.is("cleanup.policy", "compact", "with anything but compact keys are lost or never forgotten");
      !compacts)
    return compacts;
  if (topic.partitions != 1) {
    return fail(errc::invalid, "the topic " + name + " has " + std::to_string(topic.partitions) +
                                   " partitions, and a keyring has one: partitions must not be added to it");
  }
  if (auto fits = check.takes_records(); !fits) return fits;
  // A segment that is still written to is not compacted.
  for (const auto* lag : {"max.compaction.lag.ms", "segment.ms"}) {
    const auto is = setting_number(check.setting(lag)).value_or(0);
    if (is <= milliseconds(compaction_lag).count()) continue;
    warnings.push_back("the topic " + name + " has " + lag + "=" + std::to_string(is) +
                       ": destroyed keys stay on the brokers that long; set it to " +
                       std::to_string(milliseconds(compaction_lag).count()) + " (an hour)");
  }
  const auto tombstones = setting_number(check.setting("delete.retention.ms")).value_or(0);
  if (tombstones < milliseconds(tombstones_kept).count()) {
    warnings.push_back("the topic " + name + " has delete.retention.ms=" + std::to_string(tombstones) +
                       ": a node that was away for longer may not hear that keys were destroyed; set it to " +
                       std::to_string(milliseconds(tombstones_kept).count()));
  }
  return check.is_replicated("data keys, and what they seal,", warnings);
}

result<keyring_header> read_keyring_header(const kafka_connection& connection, const std::string& name,
                                           milliseconds wait) {
  const auto record = first_record(connection, name, wait);
  if (!record) return std::unexpected(record.error());
  if (!*record) return fail(errc::invalid, "the topic " + name + " is empty: run 'muster cluster init' (again)");
  return decode(name, **record);
}

result<std::optional<keyring_header>> find_keyring(kafka_admin& admin, const kafka_connection& connection,
                                                   const std::string& name, milliseconds wait) {
  const auto topic = admin.topic(name, wait);
  if (!topic && topic.error().code == errc::not_found) return std::nullopt;
  if (!topic) return std::unexpected(topic.error());
  const auto there = first_record(connection, name, wait);
  if (!there) return std::unexpected(there.error());
  if (!*there) return std::nullopt;
  auto header = decode(name, **there);
  if (!header) return fail(errc::conflict, header.error().text + ": choose another kafka.topic_prefix");
  return *header;
}

result<keyring_header> make_keys_topic(kafka_admin& admin, const kafka_connection& connection, const std::string& name,
                                       const keyring_header& wanted, std::uint32_t replicas, milliseconds wait) {
  auto settings = keys_topic_settings();
  if (replicas >= 3) settings["min.insync.replicas"] = "2";
  if (auto made = admin.create_topic(name, 1, replicas, settings, wait); !made && made.error().code != errc::conflict)
    return std::unexpected(made.error());
  // A broker may not know a topic yet that it has just been told to make.
  auto topic = admin.topic(name, wait);
  for (const auto until = steady::now() + wait;
       !topic && topic.error().code == errc::not_found && steady::now() < until;)
    topic = admin.topic(name, wait);
  if (!topic) return std::unexpected(topic.error());
  const auto there = find_keyring(admin, connection, name, wait);
  if (!there) return std::unexpected(there.error());
  if (*there) return **there;
  auto producer = kafka_producer::make(connection, {name});
  if (!producer) return std::unexpected(producer.error());
  const auto written = (*producer)->send_and_wait({name, 0, std::string(keyring_header_key), encode(wanted), {}});
  if (written.outcome != engine::append_outcome::durable)
    return fail(errc::unavailable,
                "the topic " + name + " could not be written: " + written.error + "; run this again");
  return wanted;
}

}  // namespace muster::connectors
