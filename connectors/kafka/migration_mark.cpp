#include "connectors/kafka/migration_mark.hpp"

#include "connectors/json/json_body.hpp"
#include "connectors/json/json_writer.hpp"
#include "connectors/kafka/kafka_consumer.hpp"
#include "connectors/kafka/kafka_producer.hpp"

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t format = 1;

result<void> write(const kafka_connection& connection, const std::string& topic, std::optional<std::string> value,
                   std::string_view done) {
  auto producer = kafka_producer::make(connection, {topic});
  if (!producer) return std::unexpected(producer.error());
  const auto written = (*producer)->send_and_wait({topic, 0, std::string(migration_mark_key), std::move(value), {}});
  if (written.outcome == engine::append_outcome::durable) return {};
  return fail(errc::unavailable, "the mark of the migration could not be " + std::string(done) + " topic " + topic +
                                     ": " + written.error + "; run this again");
}

}  // namespace

std::string encode_migration_mark(const events::journal_id& journal) {
  json_writer out;
  out.begin_object();
  out.string("muster", "moving");
  out.number("format", format);
  out.string("journal", events::to_hex(journal.view()));
  out.end_object();
  return out.take();
}

engine::error unfinished_migration(const std::string& keys_topic, std::string_view mark) {
  // Whatever a later version may have written there: nobody must use the journal.
  const auto object = read_json_object(mark);
  const auto* const journal = object ? object->find("journal") : nullptr;
  return {
      errc::conflict,
      "the journal whose keys are in topic " + keys_topic + " is the unfinished target of a migration from journal " +
          (journal != nullptr ? std::string(journal->text) : "(unknown)") +
          ": a part of its history is missing. Run 'muster migrate --from embedded --to kafka' again, with the data "
          "directory of that journal, to finish it"};
}

result<void> set_migration_mark(const kafka_connection& connection, const std::string& keys_topic,
                                const events::journal_id& journal) {
  return write(connection, keys_topic, encode_migration_mark(journal), "written to");
}

result<void> remove_migration_mark(const kafka_connection& connection, const std::string& keys_topic) {
  return write(connection, keys_topic, std::nullopt, "removed from");
}

result<std::optional<std::string>> find_migration_mark(const kafka_connection& connection,
                                                       const std::string& keys_topic, milliseconds wait) {
  auto consumer = kafka_consumer::make(connection, keys_topic);
  if (!consumer) return std::unexpected(consumer.error());
  if (auto began = (*consumer)->start(0, kafka_consumer::from_beginning); !began) return std::unexpected(began.error());
  std::optional<std::string> mark;
  std::string damage;
  bool ended = false;
  auto deadline = steady::now() + wait;
  const auto take = [&](const kafka_event& event) {
    if (event.what == kafka_event::kind::error) return;
    deadline = steady::now() + wait;
    if (event.what == kafka_event::kind::damaged) damage = event.text;
    ended = ended || event.what == kafka_event::kind::end;
    if (event.what != kafka_event::kind::record || event.key != migration_mark_key) return;
    mark = event.value ? std::optional<std::string>(*event.value) : std::nullopt;
  };
  const auto read =
      take_until(**consumer, connection, keys_topic, deadline, [&] { return ended || !damage.empty(); }, take);
  if (!read) return std::unexpected(read.error());
  if (!damage.empty()) return fail(errc::corrupt, "the topic " + keys_topic + " is damaged: " + damage);
  return mark;
}

}  // namespace muster::connectors
