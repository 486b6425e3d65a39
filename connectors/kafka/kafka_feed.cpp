#include "connectors/kafka/kafka_feed.hpp"

#include "connectors/kafka/cloud_event_record.hpp"
#include "engine/wake_flag.hpp"
#include "events/cloud_event.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

namespace muster::connectors {

namespace {

using namespace std::chrono_literals;
using engine::log_level;
using steady = std::chrono::steady_clock;

constexpr std::size_t round_bytes = 1U << 20U;
constexpr auto look_interval = 1s;  // for shards that open
constexpr std::string_view reaction_name = "kafka";

/// The records of one shard that are on their way together. Its callbacks may outlive the feed.
struct round {
  round(std::size_t size, events::log_sequence up_to, std::shared_ptr<engine::wake_flag> w)
      : records(size), left(size), last(up_to), wake(std::move(w)) {}

  void settle(const kafka_delivery& delivery) {
    if (delivery.outcome != engine::append_outcome::durable) {
      const std::lock_guard lock(mutex);
      if (error.empty()) error = delivery.error.empty() ? "unknown" : delivery.error;
    }
    if (left.fetch_sub(1) == 1) wake->raise();
  }
  bool settled() const { return left.load() == 0; }

  const std::size_t records;
  std::atomic<std::size_t> left;
  const events::log_sequence last;
  const std::shared_ptr<engine::wake_flag> wake;
  std::mutex mutex;
  std::string error;  ///< under `mutex`; of the first that failed
};

/// How far one shard came.
struct lane {
  events::shard_id shard;
  bool loaded = false;
  engine::reaction_state state;
  std::shared_ptr<round> flying;
  steady::time_point not_before;
};

}  // namespace

kafka_record feed_record(const events::event_record& event, events::shard_id shard, const std::string& topic,
                         std::uint32_t partitions) {
  const auto scope = event.meta.stream.scope();
  MUSTER_ASSERT(!scope.empty());
  return cloud_event_record(topic, static_cast<std::int32_t>(shard.value() % partitions), scope,
                            events::attributes_of(event.meta, shard), event.data);
}

kafka_settings feed_producer_settings() {
  return {{"enable.gapless.guarantee", "true"}};
}

class kafka_feed::impl {
public:
  impl(kafka_feed_options options, kafka_send send, kafka_partitions partitions, engine::feed& feed,
       const engine::catalog& services, std::uint32_t shards, engine::log& log, engine::telemetry& telemetry)
      : options_(std::move(options)), send_(std::move(send)), ask_partitions_(std::move(partitions)), feed_(feed),
        services_(services), log_(log), telemetry_(telemetry), lanes_(shards) {
    for (std::uint32_t i = 0; i < shards; ++i) lanes_[i].shard = events::shard_id(i);
    thread_ = std::thread([this] { run(); });
  }

  ~impl() {
    stopping_ = true;
    wake_->raise();
    thread_.join();
  }

  std::optional<std::string> trouble(bool with_causes) const {
    const std::lock_guard lock(mutex_);
    if (!unfit_.empty()) return "no events are published on Kafka" + (with_causes ? ": " + unfit_ : "; see the log");
    if (!stuck_ || failing_.empty()) return std::nullopt;
    std::string shards;
    for (const auto& [shard, each] : failing_) shards += (shards.empty() ? "" : ", ") + std::to_string(shard);
    return (failing_.size() == 1 ? "events of shard " : "events of shards ") + shards + " are not published on Kafka" +
           (with_causes ? ": " + failing_.begin()->second.error : "; see the log");
  }

private:
  struct failure {
    steady::time_point since;
    std::string error;
  };

  void run() {
    const auto following = feed_.follow([wake = wake_](events::shard_id) { wake->raise(); });
    while (!stopping_) {
      bool more = false;
      if (topic_fits()) {
        for (auto& each : lanes_) more = step(each) || more;
      }
      look_whether_stuck();
      look_how_far_behind();
      if (!more) wake_->wait(look_interval);
    }
  }

  // The topic may come later than the node, and so may the brokers; and its settings may change under us. While it does
  // not fit, nothing is sent: librdkafka would give itself up over each record that the brokers refuse.
  bool topic_fits() {
    if (fits_) return true;
    if (steady::now() < ask_again_) return false;
    const auto known = ask_partitions_();
    fits_ = known && *known > 0;
    if (fits_ && partitions_ == 0) partitions_ = *known;
    if (!fits_) ask_again_ = steady::now() + options_.retry_pause;
    const std::string why = fits_ ? "" : known ? "it has no partitions" : known.error().text;
    const std::lock_guard lock(mutex_);
    if (!why.empty() && why != told_) {
      told_ = why;
      log_.write(log_level::error, "the feed cannot publish to its topic yet",
                 {{"topic", options_.topic}, {"error", why}});
    }
    unfit_ = why;
    telemetry_.feed_shards_failing = fits_ ? failing_.size() : lanes_.size();
    return fits_;
  }

  // A pause in which brokers fail over is nothing to report.
  void look_whether_stuck() {
    const std::lock_guard lock(mutex_);
    const auto long_ago = steady::now() - options_.stuck_after;
    const auto stuck = std::ranges::find_if(failing_, [&](const auto& each) { return each.second.since <= long_ago; });
    if (std::exchange(stuck_, stuck != failing_.end()) || !stuck_) return;
    log_.write(log_level::error, "the feed is stuck: events cannot be published; devices are served all the same",
               {{"topic", options_.topic}, {"shard", std::to_string(stuck->first)}, {"error", stuck->second.error}});
  }

  void look_how_far_behind() {
    const auto now = steady::now();
    if (now < behind_at_) return;
    behind_at_ = now + look_interval;
    std::uint64_t behind = 0;
    for (const auto& each : lanes_) {
      const auto view = each.loaded ? services_.view(each.shard) : nullptr;
      if (view) behind += view->position().sequence.value() - each.state.done.value();
    }
    telemetry_.feed_events_behind = behind;
  }

  // True if there may be more to do at once.
  bool step(lane& l) {
    if (l.flying) {
      if (!l.flying->settled()) return false;
      land(l);
    }
    if (steady::now() < l.not_before || !load(l)) return false;
    const auto frames = feed_.read(l.shard, l.state.done, round_bytes);
    if (!frames) {
      l.not_before = steady::now() + options_.retry_pause;
      if (frames.error().code == engine::errc::unavailable)
        l.loaded = false;
      else
        log_.write(log_level::error, "the feed cannot read events", {{"error", frames.error().text}});
      return false;
    }
    return !frames->empty() && !launch(l, *frames);
  }

  bool load(lane& l) {
    if (l.loaded) return true;
    const auto view = services_.view(l.shard);
    if (!view) return false;
    const auto row = view->reaction(reaction_name);
    if (!row) return false;
    l.state = *row ? **row : engine::reaction_state{};
    l.loaded = true;
    return true;
  }

  // False if nothing of it is for the feed: events of the directory only say where services lie.
  bool launch(lane& l, const engine::feed_frames& frames) {
    std::vector<kafka_record> records;
    for (const auto& frame : frames) {
      for (const auto& event : frame->records) {
        if (event.meta.sequence > l.state.done && !event.meta.stream.scope().empty())
          records.push_back(feed_record(event, l.shard, options_.topic, partitions_));
      }
    }
    if (records.empty()) {
      advance(l, frames.back()->last());
      return false;
    }
    l.flying = std::make_shared<round>(records.size(), frames.back()->last(), wake_);
    send_(std::move(records), [flight = l.flying](const kafka_delivery& delivery) { flight->settle(delivery); });
    return true;
  }

  void land(lane& l) {
    const auto flight = std::exchange(l.flying, nullptr);
    const std::lock_guard lock(flight->mutex);
    if (!flight->error.empty()) return land_failed(l, flight->error);
    {
      const std::lock_guard failures(mutex_);
      if (failing_.erase(l.shard.value()) != 0)
        log_.write(log_level::info, "events are published again", {{"shard", std::to_string(l.shard.value())}});
      telemetry_.feed_shards_failing = failing_.size();
    }
    telemetry_.feed_events_published += flight->records;
    advance(l, flight->last);
  }

  void land_failed(lane& l, const std::string& error) {
    ++telemetry_.feed_publish_failures;
    l.not_before = steady::now() + options_.retry_pause;
    fits_ = false;  // perhaps the topic is to blame: that says more than the error
    const std::lock_guard lock(mutex_);
    const auto [at, first] = failing_.try_emplace(l.shard.value(), steady::now());
    at->second.error = error;
    telemetry_.feed_shards_failing = failing_.size();
    if (!first) return;
    log_.write(log_level::warning, "events cannot be published, and are sent again",
               {{"shard", std::to_string(l.shard.value())}, {"error", error}});
  }

  void advance(lane& l, events::log_sequence to) {
    l.state.done = to;
    const auto view = services_.view(l.shard);
    const auto kept = view ? view->keep_reaction(reaction_name, l.state) : engine::result<void>();
    if (!kept) log_.write(log_level::error, "the feed cannot keep how far it came", {{"error", kept.error().text}});
  }

  const kafka_feed_options options_;
  const kafka_send send_;
  const kafka_partitions ask_partitions_;
  engine::feed& feed_;
  const engine::catalog& services_;
  engine::log& log_;
  engine::telemetry& telemetry_;
  std::vector<lane> lanes_;
  std::uint32_t partitions_ = 0;
  bool fits_ = false;
  steady::time_point ask_again_;
  steady::time_point behind_at_;  ///< when to look again how far behind it is
  std::string told_;              ///< the last reason that was logged
  mutable std::mutex mutex_;      ///< guards what follows
  std::string unfit_;             ///< why nothing is sent
  std::map<std::uint64_t, failure> failing_;
  bool stuck_ = false;
  std::shared_ptr<engine::wake_flag> wake_ = std::make_shared<engine::wake_flag>();
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

kafka_feed::kafka_feed(kafka_feed_options options, kafka_send send, kafka_partitions partitions, engine::feed& feed,
                       const engine::catalog& services, std::uint32_t shards, engine::log& log,
                       engine::telemetry& telemetry)
    : impl_(std::make_unique<impl>(std::move(options), std::move(send), std::move(partitions), feed, services, shards,
                                   log, telemetry)) {}
kafka_feed::~kafka_feed() = default;

std::optional<std::string> kafka_feed::trouble(bool with_causes) const {
  return impl_->trouble(with_causes);
}

}  // namespace muster::connectors
