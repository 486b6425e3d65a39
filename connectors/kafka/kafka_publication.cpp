#include "connectors/kafka/kafka_publication.hpp"

#include "connectors/kafka/kafka_config.hpp"
#include "connectors/kafka/public_topic.hpp"

namespace muster::connectors {

using engine::errc;
using engine::result;

namespace {

constexpr std::chrono::seconds start_wait{3};
constexpr std::chrono::seconds look_wait{5};  // at the topic, while it runs

/// A topic that would lose events or take none is refused at the start; brokers that are away are not.
result<void> refuse_unfit(kafka_admin& admin, const std::string& topic, engine::log& log) {
  const auto found = find_public_topic(admin, topic, start_wait, &log);
  if (!found && found.error().code == errc::invalid) return std::unexpected(found.error());
  return {};
}

}  // namespace

result<std::unique_ptr<kafka_publication>> kafka_publication::start(const node_config& config,
                                                                    const kafka_publication_parts& parts) {
  const auto configured = kafka_feed_target_of(config, &parts.log);
  if (!configured) return std::unexpected(configured.error());
  if (!*configured) return nullptr;
  const auto& [connection, events_topic, usage_topic_name] = **configured;
  if (const auto warning = kafka_version_warning(connection.settings))
    parts.log.write(engine::log_level::warning, *warning, {{"section", connection.section}});

  auto producer = kafka_producer::make(connection, {events_topic}, feed_producer_settings());
  if (!producer) return std::unexpected(producer.error());
  auto admin = kafka_admin::make(connection);
  if (!admin) return std::unexpected(admin.error());
  if (auto fit = refuse_unfit(**admin, events_topic, parts.log); !fit) return std::unexpected(fit.error());

  std::unique_ptr<kafka_publication> made(new kafka_publication(std::move(*producer), std::move(*admin)));
  made->feed_ = std::make_unique<kafka_feed>(
      kafka_feed_options{.topic = events_topic},
      [&producer = *made->producer_](auto records, const auto& delivered) {
        producer.send(std::move(records), delivered);
      },
      [&admin = *made->admin_, topic = events_topic]() -> result<std::uint32_t> {
        const auto known = find_public_topic(admin, topic, look_wait, nullptr);
        if (!known) return std::unexpected(known.error());
        return known->partitions;
      },
      parts.feed, parts.services, parts.shards, parts.log, parts.telemetry);

  if (auto fit = refuse_unfit(*made->admin_, usage_topic_name, parts.log); !fit) return std::unexpected(fit.error());
  auto usage = usage_topic::start({.connection = connection, .topic = usage_topic_name, .telemetry = &parts.telemetry},
                                  parts.services, parts.shards);
  if (!usage) return std::unexpected(usage.error());
  made->usage_ = std::move(*usage);
  return made;
}

std::optional<std::string> kafka_publication::trouble(bool with_causes) const {
  if (auto trouble = feed_->trouble(with_causes)) return trouble;
  const auto usage = usage_->trouble();
  if (!usage) return std::nullopt;
  return "usage is not published on Kafka" + (with_causes ? ": " + *usage : "; see the log");
}

}  // namespace muster::connectors
