#include "connectors/kafka/keys_follower.hpp"

#include "connectors/kafka/kafka_tail.hpp"
#include "connectors/kafka/migration_mark.hpp"

#include <algorithm>

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

engine::error not_followed(const kafka_keyring_options& options, std::int64_t next, const std::string& why) {
  return {errc::corrupt, "the topic " + options.topic + " cannot be followed at offset " + std::to_string(next) + ": " +
                             why + "; if it was made anew, remove " + options.directory.string()};
}

}  // namespace

result<std::int64_t> write_keys(kafka_producer& producer, const std::string& topic,
                                const std::vector<key_cache::change>& records, std::string_view done) {
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
    producer.send({topic, 0, each.id, each.wrapped, {}}, [count](const kafka_delivery& delivery) {
      const std::scoped_lock lock(count->mutex);
      if (delivery.outcome == engine::append_outcome::durable)
        count->last = std::max(count->last, delivery.offset);
      else
        count->error = delivery.error.empty() ? "no answer" : delivery.error;
      if (--count->open == 0) count->settled.notify_all();
    });
  }
  std::unique_lock lock(count->mutex);
  if (!count->settled.wait_for(lock, producer.settles_within(), [&] { return count->open == 0; }))
    count->error = "no report of them for " + std::to_string(producer.settles_within().count()) + " ms";
  if (count->error.empty()) return count->last;
  return fail(errc::unavailable,
              "data keys could not be " + std::string(done) + " in topic " + topic + ": " + count->error);
}

keys_follower::keys_follower(const keys_follower_parts& parts, std::unique_ptr<kafka_consumer> consumer,
                             std::int64_t next_offset)
    : options_(parts.options), cache_(parts.cache), admin_(parts.admin), producer_(parts.producer),
      consumer_(std::move(consumer)), close_at_(last_heard_ + options_.roll_after), next_(next_offset),
      thread_([this] { run(); }) {}

keys_follower::~keys_follower() {
  stopping_ = true;
  thread_.join();
}

result<void> keys_follower::catch_up(milliseconds without_progress) {
  const auto marks = admin_.watermarks(options_.topic, 0, options_.wait);
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

result<void> keys_follower::erase_up_to(std::int64_t offset) {
  std::unique_lock lock(mutex_);
  erase_up_to_ = std::max(erase_up_to_, offset + 1);
  const auto done = [&] { return erased_up_to_ > offset || fault_; };
  if (!moved_.wait_for(lock, options_.start_wait, done))
    return fail(errc::unavailable, "the destroyed keys do not come back from topic " + options_.topic);
  if (fault_) return std::unexpected(*fault_);
  return {};
}

void keys_follower::run() {
  while (!stopping_) {
    auto seen = listen();
    const bool destroyed = std::ranges::any_of(seen.changes, [](const auto& each) { return !each.wrapped; });
    to_erase_ = to_erase_ || destroyed;
    close_segment(destroyed);
    keep(seen);
    if (!publish(seen) || !erase_if_due(seen)) return;
  }
}

keys_follower::look keys_follower::listen() {
  look seen;
  seen.next = next_;
  consumer_->poll(poll_wait, poll_max, [&](const kafka_event& event) { take(event, seen, options_); });
  if (seen.out_of_range) {
    consumer_->stop(0);
    read_on_at_ = steady::now() + look_pause;
  } else if (read_on_at_ && steady::now() >= *read_on_at_) {
    read_on(seen);
  }
  return seen;
}

void keys_follower::take(const kafka_event& event, look& seen, const kafka_keyring_options& options) {
  switch (event.what) {
  case kafka_event::kind::record:
    seen.next = event.offset + 1;
    if (!event.key) return;
    if (event.key->size() != sizeof(events::data_key_id::bytes) && event.key != migration_mark_key)
      return;  // the header, a roll
    seen.changes.push_back(
        {std::string(*event.key), event.value ? std::optional(std::string(*event.value)) : std::nullopt});
    return;
  case kafka_event::kind::end:
    seen.next = std::max(seen.next, event.offset);  // compaction leaves gaps
    return;
  case kafka_event::kind::out_of_range:
    seen.out_of_range = true;
    return;
  case kafka_event::kind::damaged:
    seen.fault = not_followed(options, seen.next, event.text);
    return;
  case kafka_event::kind::error:
    return;  // tried again
  }
}

/// A broker said that its log does not reach so far. It may be one that leads no longer: another one soon knows better.
void keys_follower::read_on(look& seen) {
  const auto marks = admin_.watermarks(options_.topic, 0, look_wait);
  const auto now = steady::now();
  read_on_at_ = now + look_pause;
  if (!marks) return;
  if (!doubted_) doubted_ = now;
  const auto judged = judge_standstill(seen.next, *marks, now - *doubted_);
  if (judged == standstill::lost)
    seen.fault = not_followed(options_, seen.next, "it ends at " + std::to_string(marks->high));
  if (judged != standstill::read_on) return;
  doubted_.reset();
  if (consumer_->start(0, seen.next)) read_on_at_.reset();
}

void keys_follower::keep(look& seen) {
  if (seen.fault || (seen.next == next_ && steady::now() - noted_ <= note_interval)) return;
  noted_ = steady::now();
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(options_.clock->now().time_since_epoch()).count();
  if (auto applied = cache_.apply(seen.changes, {seen.next, seconds}); !applied) seen.fault = applied.error();
}

/// `destroyed`: a destruction was heard of just now.
void keys_follower::close_segment(bool destroyed) {
  const auto now = steady::now();
  if (destroyed) {
    last_heard_ = now;
    if (!std::exchange(to_close_, true)) close_at_ = now + options_.roll_after;
  }
  if (!to_close_ || now < close_at_) return;
  const auto sent = write_keys(producer_, options_.topic, {{std::string(keyring_roll_key), "1"}}, "compacted");
  // What was destroyed since may lie in a segment that began later: it has its own turn.
  const auto last = last_heard_ + options_.roll_after;
  to_close_ = !sent || last > close_at_;
  close_at_ = sent ? last : now + erase_interval;
  if (!sent && options_.connection.log != nullptr)
    options_.connection.log->write(engine::log_level::warning, "destroyed keys stay on the brokers for longer",
                                   {{"error", sent.error().text}});
}

/// False if the follower must stop.
bool keys_follower::publish(const look& seen) {
  const std::scoped_lock lock(mutex_);
  next_ = seen.next;
  fault_ = seen.fault;
  moved_.notify_all();
  if (fault_ && options_.connection.log != nullptr)
    options_.connection.log->write(engine::log_level::error, "the keyring cannot be followed",
                                   {{"error", fault_->text}});
  return !fault_;
}

/// False if the follower must stop.
bool keys_follower::erase_if_due(look& seen) {
  if (!to_erase_ || (!erasure_wanted() && steady::now() - erased_ <= erase_interval)) return true;
  if (const auto gone = cache_.erase_deleted(); !gone) seen.fault = gone.error();
  if (!publish(seen)) return false;
  to_erase_ = false;
  erased_ = steady::now();
  const std::scoped_lock lock(mutex_);
  erased_up_to_ = seen.next;
  moved_.notify_all();
  return true;
}

bool keys_follower::erasure_wanted() {
  const std::scoped_lock lock(mutex_);
  return erase_up_to_ > erased_up_to_ && next_ >= erase_up_to_;
}

}  // namespace muster::connectors
