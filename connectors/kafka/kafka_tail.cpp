#include "connectors/kafka/kafka_tail.hpp"

#include <algorithm>

namespace muster::connectors {

using engine::errc;
using engine::log_level;
using engine::result;
using events::log_offset;
using events::shard_id;

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto poll_wait = 50ms;     // how long the end of a tail may take longer
constexpr auto watermark_wait = 2s;  // for the question whether the log lost something
constexpr auto look_pause = 200ms;   // between two looks at a partition that stands still
constexpr auto doubt_max = 30s;      // brokers know each other's roles long before that
constexpr int stumbles_max = 3;      // at one damaged record, with the broker answering: then it is no accident
constexpr std::size_t poll_max = 1024;

// Frames are small and few are new at a time; a fetch waits at the broker until there is one.
const kafka_settings tail_settings = {{"fetch.wait.max.ms", "500"}, {"queued.max.messages.kbytes", "16384"}};

}  // namespace

// ---- one shard

kafka_lane::kafka_lane(log_offset start, std::size_t bytes_max) : first_(start), next_(start), bytes_max_(bytes_max) {}

bool kafka_lane::push(log_offset offset, std::string_view frame) {
  const std::lock_guard lock(mutex_);
  if (doubted_ && !records_.empty()) {
    const auto& newest = records_.back();
    if (offset != newest.offset || frame != newest.bytes) return false;
    doubted_ = false;
    fault_.reset();
  }
  if (offset < next_) return true;  // it came again after a restart
  records_.push_back({offset, std::string(frame)});
  next_ = offset.next();
  bytes_ += frame.size();
  while (bytes_ > bytes_max_ && records_.size() > 1) {
    bytes_ -= records_.front().bytes.size();
    first_ = records_.front().offset.next();
    records_.pop_front();
  }
  return true;
}

void kafka_lane::doubt(engine::error why) {
  const std::lock_guard lock(mutex_);
  doubted_ = true;
  fault_ = std::move(why);
}

log_offset kafka_lane::resume() {
  const std::lock_guard lock(mutex_);
  if (doubted_ && !records_.empty()) return records_.back().offset;
  if (std::exchange(doubted_, false)) fault_.reset();
  return next_;
}

bool kafka_lane::doubted() const {
  const std::lock_guard lock(mutex_);
  return doubted_;
}

void kafka_lane::set_fault(engine::error fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

std::optional<result<std::vector<engine::log_record>>> kafka_lane::read(log_offset from, std::size_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  if (from < first_) return std::nullopt;
  std::vector<engine::log_record> found;
  std::size_t bytes = 0;
  auto at = std::ranges::lower_bound(records_, from, {}, &engine::log_record::offset);
  for (; at != records_.end(); ++at) {
    if (!found.empty() && bytes + at->bytes.size() > bytes_max) break;
    bytes += at->bytes.size();
    found.push_back(*at);
  }
  if (found.empty() && fault_) return std::unexpected(*fault_);
  return found;
}

log_offset kafka_lane::first() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

log_offset kafka_lane::next() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

// ---- all of them

kafka_tail::kafka_tail(std::string topic, std::unique_ptr<kafka_consumer> consumer, kafka_admin& admin,
                       engine::log* log)
    : topic_(std::move(topic)), admin_(admin), log_(log), consumer_(std::move(consumer)) {}

result<std::unique_ptr<kafka_tail>> kafka_tail::make(const kafka_connection& connection, const std::string& topic,
                                                     const std::vector<log_offset>& starts, std::size_t bytes_max,
                                                     kafka_admin& admin) {
  auto consumer = kafka_consumer::make(connection, topic, tail_settings);
  if (!consumer) return std::unexpected(consumer.error());
  std::unique_ptr<kafka_tail> tail(new kafka_tail(topic, std::move(*consumer), admin, connection.log));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    tail->lanes_.push_back(std::make_unique<kafka_lane>(starts[i], bytes_max));
    if (auto began = tail->consumer_->start(static_cast<std::int32_t>(i), kafka_offset(starts[i])); !began)
      return std::unexpected(began.error());
  }
  tail->thread_ = std::thread([t = tail.get()] { t->run(); });
  return tail;
}

kafka_tail::~kafka_tail() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void kafka_tail::on_arrival(std::function<void(shard_id)> arrived) {
  const std::lock_guard lock(mutex_);
  arrived_ = std::move(arrived);
}

void kafka_tail::run() {
  while (!stopping_) {
    consumer_->poll(poll_wait, poll_max, [this](const kafka_event& event) { take(event); });
    for (auto& [partition, t] : troubles_)
      if (t.halted && steady::now() >= t.look_at) look_into(partition, t);
    if (arrived_now_.empty()) continue;
    const std::lock_guard lock(mutex_);
    for (const auto partition : std::exchange(arrived_now_, {}))
      if (arrived_) arrived_(shard_id(static_cast<std::uint64_t>(partition)));
  }
}

void kafka_tail::take(const kafka_event& event) {
  const auto partition = event.partition;
  if (partition < 0 || static_cast<std::size_t>(partition) >= lanes_.size()) return;
  const auto t = troubles_.find(partition);
  if (t != troubles_.end() && t->second.halted) return;
  auto& lane = *lanes_[static_cast<std::size_t>(partition)];
  switch (event.what) {
  case kafka_event::kind::record:
    if (!lane.push(log_offset_of(event.offset), event.value.value_or("")))
      return halt(partition, stop::not_what_was_read, "it holds other records than were read before");
    if (t != troubles_.end()) t->second.doubted.reset();
    arrived_now_.insert(partition);
    break;
  case kafka_event::kind::end:
    if (lane.doubted()) halt(partition, stop::not_what_was_read, "it ends before what was read");
    break;
  case kafka_event::kind::out_of_range:
  case kafka_event::kind::damaged:
    halt(partition, event.what == kafka_event::kind::damaged ? stop::damaged : stop::out_of_range, event.text);
    break;
  case kafka_event::kind::error:
    if (log_ != nullptr) {
      log_->write(log_level::warning, "the journal topic cannot be followed",
                  {{"topic", topic_}, {"shard", std::to_string(partition)}, {"error", event.text}});
    }
    break;
  }
}

/// Nothing more is taken of the partition until it has been looked into: at once, if it is the first time there.
void kafka_tail::halt(std::int32_t partition, stop why, std::string problem) {
  auto& t = troubles_[partition];
  const auto at = lanes_[static_cast<std::size_t>(partition)]->next();
  t.times = t.at == at ? t.times + 1 : 1;
  t.at = at;
  t.halted = true;
  t.why = why;
  t.problem = std::move(problem);
  t.look_at = t.times == 1 ? steady::now() : steady::now() + look_pause;
}

/// A partition stands still. If the log still holds what was read and what comes next, it goes on there; else the
/// shard's log is not what it was, and that is the reader's to hear.
void kafka_tail::look_into(std::int32_t partition, trouble& t) {
  auto& lane = *lanes_[static_cast<std::size_t>(partition)];
  const shard_id shard(static_cast<std::uint64_t>(partition));
  const auto where = partition_text(topic_, shard.value());
  consumer_->stop(partition);
  const auto marks = admin_.watermarks(topic_, partition, watermark_wait);
  const auto now = steady::now();
  const auto wanted = kafka_offset(lane.next());
  if (marks && wanted <= marks->high && t.why != stop::not_what_was_read)
    t.doubted.reset();
  else if (marks && !t.doubted)
    t.doubted = now;
  const auto doubted_for = t.doubted ? now - *t.doubted : steady::duration();
  const auto judged = marks ? judge_standstill(wanted, *marks, doubted_for) : standstill::read_on;
  std::optional<engine::error> fault;
  if (judged == standstill::lost)
    fault = range_fault(topic_, shard, lane.next(), *marks);
  else if (marks && (doubted_for > doubt_max || (t.why == stop::damaged && t.times > stumbles_max)))
    fault = engine::error{errc::corrupt,
                          where + ", Kafka's offset " + std::to_string(wanted) + " cannot be read: " + t.problem};
  if (fault) {
    lane.set_fault(*fault);
    arrived_now_.insert(partition);
    t.look_at = steady::time_point::max();
    return;
  }
  if (log_ != nullptr && t.times == 1) {
    log_->write(log_level::warning, "the journal topic is read again from where it was left",
                {{"topic", topic_}, {"shard", std::to_string(partition)}, {"error", t.problem}});
  }
  t.look_at = now + look_pause;
  if (judged == standstill::ask_again) {
    ++t.times;
    auto why = doubtful_end(topic_, shard, marks->high, lane.next());
    why.text += "; it is asked again";
    lane.doubt(std::move(why));
    return;
  }
  t.halted = !consumer_->start(partition, kafka_offset(lane.resume()));
}

standstill judge_standstill(std::int64_t wanted, const kafka_watermarks& marks, std::chrono::nanoseconds doubted_for) {
  if (wanted < marks.low) return standstill::lost;
  if (wanted <= marks.high) return standstill::read_on;
  return doubted_for > doubt_max ? standstill::lost : standstill::ask_again;
}

std::optional<engine::error> range_fault(const std::string& topic, shard_id shard, log_offset from,
                                         const kafka_watermarks& marks) {
  const auto wanted = kafka_offset(from);
  const auto where = partition_text(topic, shard.value());
  if (wanted < marks.low) {
    return engine::error{errc::corrupt,
                         where + ": records before Kafka's offset " + std::to_string(marks.low) +
                             " were deleted, and offset " + std::to_string(wanted) +
                             " is needed. A journal is never deleted from: see who set retention or deleted records, "
                             "and restore the topic from a backup"};
  }
  if (wanted > marks.high) {
    return engine::error{
        errc::corrupt, where + ": it ends at Kafka's offset " + std::to_string(marks.high) + ", and " +
                           std::to_string(wanted) +
                           " was reached before: records that had been written are lost, as after an unclean leader "
                           "election or a restore of an older copy. Bring the lost copy back; the shard stays stopped "
                           "until then"};
  }
  return std::nullopt;
}

engine::error doubtful_end(const std::string& topic, shard_id shard, std::int64_t end, log_offset reached) {
  return {errc::unavailable, partition_text(topic, shard.value()) + ": a broker says that it ends at Kafka's offset " +
                                 std::to_string(end) + ", and " + std::to_string(kafka_offset(reached)) +
                                 " was reached before"};
}

}  // namespace muster::connectors
