#include "connectors/kafka/journal_topic.hpp"

#include "connectors/kafka/journal_header.hpp"
#include "connectors/kafka/kafka_consumer.hpp"
#include "connectors/kafka/kafka_producer.hpp"

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// The first record of each partition; an empty text where there is none.
result<std::vector<std::string>> first_records(const kafka_connection& connection, const std::string& name,
                                               std::uint32_t partitions, milliseconds wait) {
  auto consumer =
      kafka_consumer::make(connection, name, {{"max.partition.fetch.bytes", "4096"}, {"fetch.wait.max.ms", "10"}});
  if (!consumer) return std::unexpected(consumer.error());
  std::vector<std::optional<std::string>> first(partitions);
  std::uint32_t missing = partitions;
  std::string deleted;
  for (std::uint32_t i = 0; i < partitions; ++i) {
    if (auto began = (*consumer)->start(static_cast<std::int32_t>(i), 0); !began) return std::unexpected(began.error());
  }
  const auto take = [&](const kafka_event& event) {
    if (event.partition < 0 || static_cast<std::uint32_t>(event.partition) >= partitions) return;
    auto& place = first[static_cast<std::size_t>(event.partition)];
    if (place || event.what == kafka_event::kind::error) return;
    if (event.what == kafka_event::kind::out_of_range) deleted = std::to_string(event.partition);
    const bool is_first = event.what == kafka_event::kind::record && event.offset == 0;
    place = is_first ? std::string(event.value.value_or("")) : std::string();
    --missing;
  };
  const auto done = [&] { return missing == 0 || !deleted.empty(); };
  if (auto read = take_until(**consumer, connection, name, steady::now() + wait, done, take); !read)
    return std::unexpected(read.error());
  if (!deleted.empty()) {
    return fail(errc::corrupt, "the topic " + name + ", partition " + deleted +
                                   ": its first records were deleted, and a journal needs them all: see who set "
                                   "retention or deleted records, and restore the topic from a backup");
  }
  std::vector<std::string> records;
  for (auto& each : first) records.push_back(std::move(*each));
  return records;
}

std::string hex(const events::digest& digest) {
  return events::to_hex(events::as_bytes(digest));
}

result<void> check_expected(const std::string& name, const engine::journal_identity& is,
                            const expected_journal& expected) {
  if (expected.id && *expected.id != is.id) {
    return fail(errc::invalid,
                "the topic " + name + " holds the journal " + events::to_hex(is.id.view()) +
                    ", and this node belongs to " + events::to_hex(expected.id->view()) +
                    ": give the right kafka.topic_prefix and brokers, or the data directory that belongs "
                    "to this journal");
  }
  if (expected.shards && *expected.shards != is.shards) {
    return fail(errc::invalid,
                "the journal in topic " + name + " has " + std::to_string(is.shards) + " shards, and " +
                    std::to_string(*expected.shards) +
                    " were asked for: the number is fixed when a journal is made; leave journal.shards out");
  }
  if (expected.master_key_fingerprint && *expected.master_key_fingerprint != is.master_key_fingerprint) {
    return fail(errc::invalid, "the journal in topic " + name + " was made with the master key of fingerprint " +
                                   hex(is.master_key_fingerprint) + ", and the one given has " +
                                   hex(*expected.master_key_fingerprint) +
                                   ": give the master key that belongs to this journal");
  }
  return {};
}

}  // namespace

kafka_settings journal_topic_settings() {
  return {{"cleanup.policy", "delete"},
          {"retention.ms", "-1"},
          {"retention.bytes", "-1"},
          {"max.message.bytes", std::to_string(topic_record_bytes_min)},
          {"unclean.leader.election.enable", "false"}};
}

result<void> check_journal_topic(const std::string& name, const kafka_topic& topic, const kafka_settings& settings,
                                 std::vector<std::string>& warnings) {
  const topic_check check(name, topic, settings);
  if (auto whole = check.is("cleanup.policy", "delete", "a journal must never be compacted"); !whole) return whole;
  for (const auto* retention : {"retention.ms", "retention.bytes"}) {
    if (auto kept = check.is(retention, "-1", "a journal is kept for ever"); !kept) return kept;
  }
  if (auto fits = check.takes_records(); !fits) return fits;
  return check.is_replicated("what was answered", warnings);
}

result<engine::journal_identity> read_journal_identity(const kafka_connection& connection, const std::string& name,
                                                       const kafka_topic& topic, const expected_journal& expected,
                                                       milliseconds wait) {
  const auto records = first_records(connection, name, topic.partitions, wait);
  if (!records) return std::unexpected(records.error());
  std::optional<engine::journal_identity> identity;
  for (std::uint32_t i = 0; i < topic.partitions; ++i) {
    const auto where = partition_text(name, i);
    const auto& record = (*records)[i];
    if (record.empty()) {
      return fail(errc::invalid,
                  where + " does not begin with the header of a journal: 'muster cluster init' writes it; run that "
                          "(again, if it was interrupted)");
    }
    const auto header = read_journal_header(record);
    if (!header) return fail(errc::invalid, where + ": the first record is not right: " + header.error().text);
    if (header->shard != events::shard_id(i)) {
      return fail(errc::invalid, where + " says that it is shard " + std::to_string(header->shard.value()) +
                                     ": the topic was copied wrongly");
    }
    if (!identity) identity = header->journal;
    if (header->journal.id != identity->id || header->journal.shards != identity->shards ||
        header->journal.master_key_fingerprint != identity->master_key_fingerprint) {
      return fail(errc::invalid, where + " belongs to another journal (" + events::to_hex(header->journal.id.view()) +
                                     ") than partition 0 (" + events::to_hex(identity->id.view()) + ")");
    }
  }
  if (!identity) return fail(errc::invalid, "the topic " + name + " has no partition");
  if (auto as_expected = check_expected(name, *identity, expected); !as_expected)
    return std::unexpected(as_expected.error());
  if (identity->shards != topic.partitions) {
    return fail(errc::invalid, "the topic " + name + " has " + std::to_string(topic.partitions) +
                                   " partitions, and its journal was made with " + std::to_string(identity->shards) +
                                   " shards: partitions must never be added to it. Restore the topic, or copy the "
                                   "journal into a new one");
  }
  return *identity;
}

result<std::optional<engine::journal_identity>>
find_journal(const kafka_connection& connection, const std::string& name, const kafka_topic& topic, milliseconds wait) {
  const auto records = first_records(connection, name, topic.partitions, wait);
  if (!records) return std::unexpected(records.error());
  for (const auto& record : *records) {
    if (record.empty()) continue;
    const auto header = read_journal_header(record);
    if (!header) {
      return fail(errc::conflict, "the topic " + name + " does not begin with the header of a journal (" +
                                      header.error().text + "): choose another kafka.topic_prefix");
    }
    return header->journal;
  }
  return std::nullopt;
}

result<void> make_journal_topic(kafka_admin& admin, const kafka_connection& connection, const std::string& name,
                                const engine::journal_identity& identity, std::uint32_t replicas, milliseconds wait) {
  auto settings = journal_topic_settings();
  if (replicas >= 3) settings["min.insync.replicas"] = "2";
  if (auto made = admin.create_topic(name, identity.shards, replicas, settings, wait);
      !made && made.error().code != errc::conflict)
    return made;
  // A broker may not know a topic yet that it has just been told to make.
  auto topic = admin.topic(name, wait);
  for (const auto until = steady::now() + wait;
       !topic && topic.error().code == errc::not_found && steady::now() < until;)
    topic = admin.topic(name, wait);
  if (!topic) return std::unexpected(topic.error());
  if (topic->partitions != identity.shards) {
    return fail(errc::conflict, "the topic " + name + " is there already, with " + std::to_string(topic->partitions) +
                                    " partitions instead of " + std::to_string(identity.shards));
  }
  const auto records = first_records(connection, name, identity.shards, wait);
  if (!records) return std::unexpected(records.error());
  auto producer = kafka_producer::make(connection, {name});
  if (!producer) return std::unexpected(producer.error());
  for (std::uint32_t i = 0; i < identity.shards; ++i) {
    const auto header = encode_journal_header({identity, events::shard_id(i)});
    const auto& there = (*records)[i];
    if (there == header) continue;
    const auto where = partition_text(name, i);
    if (!there.empty())
      return fail(errc::conflict, where + " holds something already: choose another kafka.topic_prefix");
    const auto written = (*producer)->send_and_wait({name, static_cast<std::int32_t>(i), std::nullopt, header, {}});
    if (written.outcome != engine::append_outcome::durable)
      return fail(errc::unavailable, where + " could not be written: " + written.error + "; run this again");
    if (written.offset != 0)
      return fail(errc::conflict, where + " holds something already: choose another kafka.topic_prefix");
  }
  return {};
}

}  // namespace muster::connectors
