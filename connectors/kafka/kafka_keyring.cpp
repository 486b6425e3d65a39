#include "connectors/kafka/kafka_keyring.hpp"

#include "connectors/kafka/kafka_consumer.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/kafka_tail.hpp"
#include "connectors/kafka/key_cache.hpp"
#include "connectors/key_wrap.hpp"
#include "connectors/master_key.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <condition_variable>
#include <thread>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds poll_wait{100};
constexpr std::size_t poll_max = 4096;
constexpr milliseconds look_pause{200};  // between two looks at a topic that cannot be followed
constexpr milliseconds look_wait{2000};
constexpr auto erase_interval = std::chrono::minutes(1);  ///< between two erasures that nobody waits for
constexpr auto note_interval = std::chrono::minutes(1);   ///< between two notes that an idle topic was followed

events::data_key_id id_of(std::string_view bytes) {
  events::data_key_id id;
  std::copy_n(bytes.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

class kafka_keyring final : public engine::keyring {
public:
  kafka_keyring(kafka_keyring_options options, std::unique_ptr<key_cache> cache, std::unique_ptr<kafka_admin> admin,
                std::unique_ptr<kafka_producer> producer, std::unique_ptr<kafka_consumer> consumer,
                std::int64_t next_offset)
      : options_(std::move(options)), fingerprint_(fingerprint_of(options_.master_key)), cache_(std::move(cache)),
        admin_(std::move(admin)), producer_(std::move(producer)), consumer_(std::move(consumer)), next_(next_offset),
        thread_([this] { follow(); }) {}

  ~kafka_keyring() override {
    stopping_ = true;
    thread_.join();
  }

  /// Waits until the copy holds what the topic held when this was called, as long as it makes progress.
  result<void> catch_up(milliseconds without_progress) {
    const auto marks = admin_->watermarks(options_.topic, 0, options_.wait);
    if (!marks) return std::unexpected(marks.error());
    std::unique_lock lock(mutex_);
    auto deadline = steady::now() + without_progress;
    while (next_ < marks->high && !fault_) {
      const auto was = next_;
      if (moved_.wait_until(lock, deadline) == std::cv_status::timeout && next_ == was)
        return fail(errc::unavailable, "the keyring in topic " + options_.topic + " cannot be followed to its end");
      if (next_ != was) deadline = steady::now() + without_progress;
    }
    if (fault_) return std::unexpected(*fault_);
    return {};
  }

  const events::digest& master_key_fingerprint() const override { return fingerprint_; }

  result<void> store(std::span<const engine::named_key> keys) override {
    std::vector<key_cache::change> fresh;
    for (const auto& key : keys) {
      const auto there = in_copy(key.id);
      if (there) {
        if (CRYPTO_memcmp(there->bytes().data(), key.key.bytes().data(), key.key.bytes().size()) == 0) continue;
        return fail(errc::conflict, "data key " + events::to_hex(key.id.view()) + " is there already, and another");
      }
      if (there.error().code != errc::not_found) return std::unexpected(there.error());
      fresh.push_back({std::string(key.id.view()), wrap_key(options_.master_key, key, *options_.entropy)});
    }
    if (auto sent = send(fresh, "stored"); !sent) return std::unexpected(sent.error());
    return cache_->keep(fresh);
  }

  result<engine::data_key> find(const events::data_key_id& id) override {
    auto there = in_copy(id);
    if (there || there.error().code != errc::not_found) return there;
    if (auto caught_up = catch_up(options_.wait); !caught_up) return std::unexpected(caught_up.error());
    return in_copy(id);
  }

  result<void> each(const std::function<result<void>(const engine::named_key&)>& take) override {
    if (auto caught_up = catch_up(options_.wait); !caught_up) return caught_up;
    return cache_->each([&](std::string_view id, std::string_view wrapped) -> result<void> {
      engine::named_key key{id_of(id), {}};
      auto opened = unwrap_key(options_.master_key, key.id, wrapped);
      if (!opened) return std::unexpected(opened.error());
      key.key = *opened;
      return take(key);
    });
  }

  // Tombstones come back through the topic like everybody else's: a key can so never come after its own destruction.
  result<void> destroy(std::span<const events::data_key_id> ids) override {
    if (ids.empty()) return {};
    std::vector<key_cache::change> tombstones;
    for (const auto& id : ids) tombstones.push_back({std::string(id.view()), std::nullopt});
    const auto last = send(tombstones, "destroyed");
    if (!last) return std::unexpected(last.error());
    std::unique_lock lock(mutex_);
    erase_up_to_ = std::max(erase_up_to_, *last + 1);
    const auto done = [&] { return erased_up_to_ > *last || fault_; };
    if (!moved_.wait_for(lock, options_.start_wait, done))
      return fail(errc::unavailable, "the destroyed keys do not come back from topic " + options_.topic);
    if (fault_) return std::unexpected(*fault_);
    return {};
  }

private:
  result<engine::data_key> in_copy(const events::data_key_id& id) const {
    const auto wrapped = cache_->find(id.view());
    if (!wrapped) return std::unexpected(wrapped.error());
    return unwrap_key(options_.master_key, id, *wrapped);
  }

  /// Writes records to the topic and waits for all of them. Gives the greatest offset among them.
  result<std::int64_t> send(const std::vector<key_cache::change>& records, std::string_view done) {
    struct tally {
      std::mutex mutex;
      std::condition_variable settled;
      std::size_t open = 0;
      std::int64_t last = -1;
      std::string error;
    };
    const auto count = std::make_shared<tally>();
    count->open = records.size();
    for (const auto& each : records) {
      producer_->send({options_.topic, 0, each.id, each.wrapped, {}}, [count](const kafka_delivery& delivery) {
        const std::scoped_lock lock(count->mutex);
        if (delivery.outcome == engine::append_outcome::durable)
          count->last = std::max(count->last, delivery.offset);
        else
          count->error = delivery.error.empty() ? "no answer" : delivery.error;
        if (--count->open == 0) count->settled.notify_all();
      });
    }
    std::unique_lock lock(count->mutex);
    if (!count->settled.wait_for(lock, producer_->settles_within(), [&] { return count->open == 0; }))
      count->error = "no report of them for " + std::to_string(producer_->settles_within().count()) + " ms";
    if (count->error.empty()) return count->last;
    return fail(errc::unavailable,
                "data keys could not be " + std::string(done) + " in topic " + options_.topic + ": " + count->error);
  }

  // ---- the follower's thread

  void follow() {
    auto erased = steady::now();
    auto noted = steady::now();
    bool deleted = true;  // a crash may have come between a deletion and the erasure
    while (!stopping_) {
      std::vector<key_cache::change> changes;
      std::int64_t next = next_;
      std::optional<engine::error> fault;
      bool halted = false;
      consumer_->poll(poll_wait, poll_max,
                      [&](const kafka_event& event) { take(event, changes, next, fault, halted); });
      if (halted) {
        consumer_->stop(0);
        read_on_at_ = steady::now() + look_pause;
      } else if (read_on_at_ && steady::now() >= *read_on_at_) {
        read_on(next, fault);
      }
      const bool heard = std::ranges::any_of(changes, [](const auto& each) { return !each.wrapped; });
      deleted = deleted || heard;
      close_segment(heard);
      const bool note = next != next_ || steady::now() - noted > note_interval;
      if (!fault && note) {
        noted = steady::now();
        if (auto applied = cache_->apply(changes, {next, seconds_now()}); !applied) fault = applied.error();
      }
      if (!publish(next, fault)) return;
      if (deleted && (erasure_wanted() || steady::now() - erased > erase_interval)) {
        const auto gone = cache_->erase_deleted();
        if (!publish(next, gone ? fault : std::optional(gone.error()))) return;
        deleted = false;
        erased = steady::now();
        const std::scoped_lock lock(mutex_);
        erased_up_to_ = next;
        moved_.notify_all();
      }
    }
  }

  /// Writes what closes the topic's segment once that is due, so that it can be compacted (keys_topic.hpp). `heard`: of
  /// a destruction, just now.
  void close_segment(bool heard) {
    const auto now = steady::now();
    if (heard) {
      last_heard_ = now;
      if (!std::exchange(to_close_, true)) close_at_ = now + options_.roll_after;
    }
    if (!to_close_ || now < close_at_) return;
    const auto sent = send({{std::string(keyring_roll_key), "1"}}, "compacted");
    // What was destroyed since may lie in a segment that began later: it has its own turn.
    const auto last = last_heard_ + options_.roll_after;
    to_close_ = !sent || last > close_at_;
    close_at_ = sent ? last : now + erase_interval;
    if (!sent && options_.connection.log != nullptr)
      options_.connection.log->write(engine::log_level::warning, "destroyed keys stay on the brokers for longer",
                                     {{"error", sent.error().text}});
  }

  void take(const kafka_event& event, std::vector<key_cache::change>& changes, std::int64_t& next,
            std::optional<engine::error>& fault, bool& halted) const {
    switch (event.what) {
    case kafka_event::kind::record:
      next = event.offset + 1;
      if (!event.key || event.key->size() != sizeof(events::data_key_id::bytes)) return;  // the header, a roll
      changes.push_back(
          {std::string(*event.key), event.value ? std::optional(std::string(*event.value)) : std::nullopt});
      return;
    case kafka_event::kind::end:
      next = std::max(next, event.offset);  // compaction leaves gaps
      return;
    case kafka_event::kind::out_of_range:
      halted = true;
      return;
    case kafka_event::kind::damaged:
      fault = not_followed(next, event.text);
      return;
    case kafka_event::kind::error:
      return;  // tried again
    }
  }

  engine::error not_followed(std::int64_t next, const std::string& why) const {
    return {errc::corrupt, "the topic " + options_.topic + " cannot be followed at offset " + std::to_string(next) +
                               ": " + why + "; if it was made anew, remove " + options_.directory.string()};
  }

  /// A broker said that its log does not reach `next`. It may be one that leads no longer: another one soon knows
  /// better.
  void read_on(std::int64_t next, std::optional<engine::error>& fault) {
    const auto marks = admin_->watermarks(options_.topic, 0, look_wait);
    const auto now = steady::now();
    read_on_at_ = now + look_pause;
    if (!marks) return;
    if (!doubted_) doubted_ = now;
    const auto judged = judge_standstill(next, *marks, now - *doubted_);
    if (judged == standstill::lost) fault = not_followed(next, "it ends at " + std::to_string(marks->high));
    if (judged != standstill::read_on) return;
    doubted_.reset();
    if (consumer_->start(0, next)) read_on_at_.reset();
  }

  /// False if the follower must stop.
  bool publish(std::int64_t next, const std::optional<engine::error>& fault) {
    const std::scoped_lock lock(mutex_);
    next_ = next;
    fault_ = fault;
    moved_.notify_all();
    if (fault && options_.connection.log != nullptr)
      options_.connection.log->write(engine::log_level::error, "the keyring cannot be followed",
                                     {{"error", fault->text}});
    return !fault;
  }

  bool erasure_wanted() {
    const std::scoped_lock lock(mutex_);
    return erase_up_to_ > erased_up_to_ && next_ >= erase_up_to_;
  }

  std::int64_t seconds_now() const {
    return std::chrono::duration_cast<std::chrono::seconds>(options_.clock->now().time_since_epoch()).count();
  }

  const kafka_keyring_options options_;
  const events::digest fingerprint_;
  std::unique_ptr<key_cache> cache_;
  std::unique_ptr<kafka_admin> admin_;
  std::unique_ptr<kafka_producer> producer_;
  std::unique_ptr<kafka_consumer> consumer_;   ///< the follower's alone, as the next two
  std::optional<steady::time_point> doubted_;  ///< since when brokers say that the topic ends before what was followed
  std::optional<steady::time_point> read_on_at_;
  // The follower's too, of the records that close the topic's segment:
  steady::time_point last_heard_ = steady::now();  ///< of a destruction: before the start, at the latest
  steady::time_point close_at_ = last_heard_ + options_.roll_after;
  bool to_close_ = true;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable moved_;
  std::int64_t next_;  ///< written by the follower alone, which so may read it without the lock
  std::int64_t erase_up_to_ = 0;
  std::int64_t erased_up_to_ = 0;
  std::optional<engine::error> fault_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// The copy, as far as it can be gone on with: one that may have missed destructions is thrown away.
result<std::unique_ptr<key_cache>> open_copy(const kafka_keyring_options& options, const std::string& keyring,
                                             const kafka_watermarks& marks) {
  auto cache = key_cache::open(options.directory, keyring);
  if (!cache) return cache;
  const auto at = (*cache)->position();
  if (!at) return std::unexpected(at.error());
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(options.clock->now().time_since_epoch()).count();
  const auto tombstones_seen_within = std::chrono::seconds(tombstones_kept).count() / 2;
  const bool behind = at->next_offset > 0 && now - at->followed_at > tombstones_seen_within;
  const bool ahead = at->next_offset > marks.high;
  if (behind || ahead) {
    if (auto cleared = (*cache)->clear(); !cleared) return std::unexpected(cleared.error());
  }
  return cache;
}

}  // namespace

result<std::unique_ptr<engine::keyring>> open_kafka_keyring(kafka_keyring_options options) {
  MUSTER_ASSERT(options.entropy != nullptr && options.clock != nullptr);
  auto admin = kafka_admin::make(options.connection);
  if (!admin) return std::unexpected(admin.error());
  const auto topic = (*admin)->topic(options.topic, options.start_wait);
  if (!topic) {
    if (topic.error().code != errc::not_found) return std::unexpected(topic.error());
    return fail(errc::not_found, topic.error().text + ": run 'muster cluster init' first");
  }
  const auto settings = (*admin)->topic_settings(options.topic, options.wait);
  if (!settings && settings.error().code != errc::denied) return std::unexpected(settings.error());
  std::vector<std::string> warnings;
  if (!settings) {
    warnings.push_back(settings.error().text + ": compaction and sizes are not checked");
  } else if (auto fit = check_keys_topic(options.topic, *topic, *settings, warnings); !fit) {
    return std::unexpected(fit.error());
  }
  if (options.connection.log != nullptr)
    for (const auto& each : warnings) options.connection.log->write(engine::log_level::warning, each);
  const auto header = read_keyring_header(options.connection, options.topic, options.start_wait);
  if (!header) return std::unexpected(header.error());
  if (header->master_key_fingerprint != fingerprint_of(options.master_key)) {
    return fail(errc::denied,
                "the keyring in topic " + options.topic + " was made with the master key of fingerprint " +
                    events::to_hex(events::as_bytes(header->master_key_fingerprint)) + ", and the one given has " +
                    events::to_hex(events::as_bytes(fingerprint_of(options.master_key))) +
                    ": give the master key that belongs to this keyring");
  }
  const auto marks = (*admin)->watermarks(options.topic, 0, options.wait);
  if (!marks) return std::unexpected(marks.error());
  auto cache = open_copy(options, header->keyring, *marks);
  if (!cache) return std::unexpected(cache.error());
  const auto at = (*cache)->position();
  if (!at) return std::unexpected(at.error());
  auto producer = kafka_producer::make(options.connection, {options.topic});
  if (!producer) return std::unexpected(producer.error());
  auto consumer = kafka_consumer::make(options.connection, options.topic);
  if (!consumer) return std::unexpected(consumer.error());
  const auto from = at->next_offset == 0 ? kafka_consumer::from_beginning : at->next_offset;
  if (auto began = (*consumer)->start(0, from); !began) return std::unexpected(began.error());
  auto keyring = std::make_unique<kafka_keyring>(std::move(options), std::move(*cache), std::move(*admin),
                                                 std::move(*producer), std::move(*consumer), at->next_offset);
  if (auto caught_up = keyring->catch_up(std::chrono::seconds(30)); !caught_up)
    return std::unexpected(caught_up.error());
  return keyring;
}

}  // namespace muster::connectors
