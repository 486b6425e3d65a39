#include "connectors/kafka/kafka_cursors.hpp"

#include "connectors/kafka/kafka_tail.hpp"

#include <algorithm>
#include <deque>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::log_record;
using engine::result;
using events::log_offset;
using events::shard_id;

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::size_t idle_max = 3;
constexpr std::size_t near_bytes = 64 * 1024;  // a read of less is for one frame, not for a stream
constexpr auto short_patience = 50ms;
constexpr auto away_for = 2s;     // after a read in vain, until one is patient again
constexpr auto more_wait = 20ms;  // for what a fetch under way brings

// One frame at a time, from anywhere: fetch little.
const kafka_settings near_settings = {
    {"fetch.wait.max.ms", "10"}, {"max.partition.fetch.bytes", "65536"}, {"queued.max.messages.kbytes", "1024"}};
// A backlog: large fetches are worth nearly twice the rate. The queue bounds the memory of one that is left midway.
const kafka_settings far_settings = {{"fetch.wait.max.ms", "10"},
                                     {"max.partition.fetch.bytes", "16777216"},
                                     {"fetch.max.bytes", "16777216"},
                                     {"queued.max.messages.kbytes", "32768"}};

}  // namespace

/// A consumer that reads one shard, and what it holds that nobody has taken yet.
class kafka_cursors::cursor {
public:
  cursor(std::unique_ptr<kafka_consumer> consumer, bool far) : consumer_(std::move(consumer)), far_(far) {}

  bool far() const { return far_; }
  bool stands_at(shard_id shard, log_offset from) const { return running_ && shard == shard_ && from == next_; }
  std::string last_error() const { return consumer_->client().last_error(); }

  result<void> go_to(shard_id shard, log_offset from) {
    if (stands_at(shard, from)) return {};
    rest();
    shard_ = shard;
    next_ = from;
    running_ = true;
    return consumer_->start(partition(), kafka_offset(from));
  }

  /// Fetches nothing until it is sent somewhere again.
  void rest() {
    if (std::exchange(running_, false)) consumer_->stop(partition());
    ahead_.clear();
    at_end_ = false;
    trouble_.reset();
  }

  /// Waits up to `wait` for more; false if nothing came.
  bool fetch(std::chrono::milliseconds wait) {
    return consumer_->poll(wait, 256, [this](const kafka_event& e) { take(e); }) != 0;
  }

  bool holds_some() const { return !ahead_.empty(); }
  bool holds_before(log_offset until) const { return holds_some() && ahead_.front().offset < until; }
  bool at_end() const { return at_end_; }
  /// Kafka's offset at which it stands `at_end`.
  std::int64_t end() const { return end_; }
  const std::optional<kafka_event::kind>& trouble() const { return trouble_; }
  const std::string& trouble_text() const { return trouble_text_; }
  std::size_t next_size() const { return ahead_.front().bytes.size(); }
  log_record pop() {
    auto record = std::move(ahead_.front());
    ahead_.pop_front();
    next_ = record.offset.next();
    return record;
  }

private:
  std::int32_t partition() const { return static_cast<std::int32_t>(shard_.value()); }

  void take(const kafka_event& event) {
    if (event.partition != partition() || trouble_) return;
    at_end_ = event.what == kafka_event::kind::end;
    if (at_end_) end_ = event.offset;
    if (event.what == kafka_event::kind::record)
      ahead_.push_back({log_offset_of(event.offset), std::string(event.value.value_or(""))});
    else if (event.what == kafka_event::kind::out_of_range || event.what == kafka_event::kind::damaged)
      trouble_ = event.what;
    if (!event.text.empty()) trouble_text_ = event.text;
  }

  std::unique_ptr<kafka_consumer> consumer_;
  const bool far_;
  shard_id shard_;
  log_offset next_;
  bool running_ = false;
  bool at_end_ = false;
  std::int64_t end_ = 0;
  std::deque<log_record> ahead_;
  std::optional<kafka_event::kind> trouble_;
  std::string trouble_text_;
};

kafka_cursors::kafka_cursors(kafka_connection connection, std::string topic, kafka_admin& admin,
                             std::chrono::milliseconds patience)
    : connection_(std::move(connection)), topic_(std::move(topic)), admin_(admin), patience_(patience) {}

kafka_cursors::~kafka_cursors() = default;

result<std::vector<log_record>> kafka_cursors::read(shard_id shard, log_offset from, log_offset until,
                                                    std::size_t bytes_max) {
  auto c = borrow(shard, from, bytes_max > near_bytes);
  if (!c) return std::unexpected(c.error());
  auto& at = **c;
  if (auto gone = at.go_to(shard, from); !gone) return std::unexpected(gone.error());
  const auto deadline = steady::now() + patience_now();
  std::vector<log_record> records;
  std::size_t bytes = 0;
  while (true) {
    while (at.holds_before(until) && (records.empty() || bytes + at.next_size() <= bytes_max)) {
      records.push_back(at.pop());
      bytes += records.back().bytes.size();
    }
    if (at.holds_some() || at.at_end() || at.trouble()) break;
    if (!records.empty() && records.back().offset.next() >= until) break;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now());
    const auto came = at.fetch(records.empty() ? std::clamp<std::chrono::milliseconds>(left, 0ms, 100ms) : more_wait);
    if (came) continue;
    if (!records.empty()) break;
    if (left <= 0ms) {
      note_away(true);
      const auto last = at.last_error();
      return fail(errc::unavailable, "the Kafka brokers at " + connection_.bootstrap + " do not give " +
                                         partition_text(topic_, shard.value()) + (last.empty() ? "" : ": " + last));
    }
  }
  if (records.empty() && !at.trouble() && at.at_end() && at.end() < kafka_offset(until)) {
    return fail(errc::unavailable, partition_text(topic_, shard.value()) +
                                       ": a broker says that it ends at Kafka's offset " + std::to_string(at.end()) +
                                       ", and there was more: it may be one that leads no longer");
  }
  if (!records.empty() || !at.trouble()) {
    if (!at.far() || !at.holds_before(until)) at.rest();
    note_away(false);
    give_back(std::move(*c));
    return records;
  }
  if (const auto marks = admin_.watermarks(topic_, static_cast<std::int32_t>(shard.value()), patience_); marks) {
    if (kafka_offset(from) < marks->low) return std::unexpected(*range_fault(topic_, shard, from, *marks));
  }
  if (at.trouble() == kafka_event::kind::damaged) {
    return fail(errc::corrupt, partition_text(topic_, shard.value()) + ", Kafka's offset " +
                                   std::to_string(kafka_offset(from)) +
                                   ": the record's checksum is wrong: " + at.trouble_text());
  }
  return fail(errc::unavailable, partition_text(topic_, shard.value()) + " cannot be read now: " + at.trouble_text());
}

result<std::unique_ptr<kafka_cursors::cursor>> kafka_cursors::borrow(shard_id shard, log_offset from, bool far) {
  {
    const std::lock_guard lock(mutex_);
    auto best = std::ranges::find_if(idle_, [&](const auto& c) { return c->stands_at(shard, from); });
    if (best == idle_.end()) best = std::ranges::find_if(idle_, [&](const auto& c) { return c->far() == far; });
    if (best != idle_.end()) {
      auto found = std::move(*best);
      idle_.erase(best);
      return found;
    }
  }
  auto consumer = kafka_consumer::make(connection_, topic_, far ? far_settings : near_settings);
  if (!consumer) return std::unexpected(consumer.error());
  return std::make_unique<cursor>(std::move(*consumer), far);
}

std::chrono::milliseconds kafka_cursors::patience_now() {
  const std::lock_guard lock(mutex_);
  return steady::now() < away_until_ ? std::min<std::chrono::milliseconds>(short_patience, patience_) : patience_;
}

void kafka_cursors::note_away(bool away) {
  const std::lock_guard lock(mutex_);
  if (!away)
    away_until_ = {};
  else if (steady::now() >= away_until_)
    away_until_ = steady::now() + away_for;
}

void kafka_cursors::give_back(std::unique_ptr<cursor> c) {
  std::unique_ptr<cursor> oldest;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(c));
  if (idle_.size() <= idle_max) return;
  oldest = std::move(idle_.front());
  idle_.erase(idle_.begin());
}

}  // namespace muster::connectors
