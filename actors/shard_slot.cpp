#include "actors/shard_slot.hpp"

#include "engine/limits.hpp"
#include "engine/repair.hpp"
#include "engine/replay.hpp"
#include "engine/usage_feed.hpp"

#include <algorithm>
#include <utility>

namespace muster::actors {

using engine::errc;
using engine::fail;
using engine::log_level;
using engine::result;
using namespace std::chrono_literals;

namespace {

constexpr auto log_interval = 10s;   // between two lines about the same trouble of the same shard
constexpr auto open_interval = 1s;   // between two tries to open a shard whose journal cannot be reached
constexpr auto again_longest = 60s;  // between two tries to open a stopped shard's projections anew

bool may_pass(const engine::error& e) {
  return e.code == errc::unavailable || e.code == errc::timeout || e.code == errc::overloaded;
}

}  // namespace

shard_slot::shard_slot(events::shard_id id, slot_surroundings around, std::shared_ptr<wake_flag> thread)
    : id_(id), around_(std::move(around)), d_(around_.d), thread_(std::move(thread)),
      reports_(std::make_shared<report_box>(thread_)), gate_(around_.options.read_recent_max), scopes_(id, d_.keyring),
      unreadable_(log_interval), not_written_(log_interval), not_erased_(log_interval), not_compared_(log_interval),
      void_seen_(log_interval) {}

// ---- any thread

void shard_slot::propose(engine::proposal p) {
  // The queue is bounded here as well as in the shard: the inbox is memory too.
  if (inbox_size_.load(std::memory_order_relaxed) >= engine::limits::proposals_queued_max)
    return p.settled({engine::settlement_kind::overloaded, {}, {}, {}});
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(p));
    inbox_size_.store(inbox_.size(), std::memory_order_relaxed);
  }
  thread_->raise();
}

void shard_slot::pass(engine::read_kind kind, std::function<void(const engine::read_permit&)> go) {
  if (!open()) return go({});
  if (d_.journal.exclusive() || (kind == engine::read_kind::recent && is_confirmed_now()))
    return go({true, std::nullopt});
  {
    const std::lock_guard lock(mutex_);
    if (reads_.size() < engine::limits::proposals_queued_max) {
      reads_.push_back({kind, std::move(go)});
      go = nullptr;
    }
  }
  if (go) return go({});
  thread_->raise();
}

// As the gate sees it, without asking the shard's thread.
bool shard_slot::is_confirmed_now() const {
  const auto us = confirmed_us_.load(std::memory_order_acquire);
  const auto confirmed = us == 0 ? std::nullopt : std::optional(events::timestamp(std::chrono::microseconds(us)));
  return engine::is_recent(confirmed, d_.clock.now(), around_.options.read_recent_max);
}

std::optional<std::string> shard_slot::stopped() const {
  if (!is_stopped_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return stopped_;
}

std::shared_ptr<engine::shard_projection> shard_slot::serving() const {
  const std::lock_guard lock(mutex_);
  return serving_;
}

result<void> shard_slot::switch_to(std::shared_ptr<engine::shard_projection> generation, const std::stop_token& stop) {
  return offer_.make(std::move(generation), [this] { thread_->raise(); }, engine::limits::command_deadline, stop);
}

void shard_slot::try_again() {
  again_asked_ = true;
  thread_->raise();
}

// ---- opening

bool shard_slot::open_up() {
  const auto now = std::chrono::steady_clock::now();
  if (is_stopped_ ? !due_again(now) : writer_.has_value() || now < open_not_before_) return false;
  let_go();
  const auto opened = open_projections();
  if (!opened && !is_stopped_ && (may_pass(opened.error()) || is_doubted(now))) {
    complain(unreadable_, "shard cannot be opened yet", opened.error().text);
    open_not_before_ = now + open_interval;
    return false;
  }
  opened_at_ = now;
  log_doubted_since_.reset();
  if (opened) {
    go_on();
    return true;
  }
  if (may_pass(opened.error())) projections_at_fault_ = true;  // its log is away just now: that passes too
  if (projections_at_fault_)
    halt_by_projections(opened.error());
  else
    halt(opened.error().text);
  return false;
}

// A broker that led once and comes back tells of an earlier end, until it hears that it leads no longer.
bool shard_slot::is_doubted(std::chrono::steady_clock::time_point now) {
  if (projections_at_fault_ || d_.journal.exclusive()) return false;
  if (!log_doubted_since_) log_doubted_since_ = now;
  return now - *log_doubted_since_ < around_.options.log_doubted_max;
}

bool shard_slot::due_again(std::chrono::steady_clock::time_point now) const {
  return projections_at_fault_ && (again_asked_ || (again_at_ && now >= *again_at_));
}

// Nothing of what was opened before is used any more: what is reported to a writer that stopped is heard by nobody.
void shard_slot::let_go() {
  again_asked_ = false;
  again_at_.reset();
  gate_.close();
  writer_.reset();
  projection_.reset();
  reports_ = std::make_shared<report_box>(thread_);
  erasing_keys_ = false;
  keys_may_be_due_ = true;
  void_frames_told_ = 0;
  used_hour_.reset();
  const std::lock_guard lock(mutex_);
  serving_.reset();
}

void shard_slot::go_on() {
  projections_at_fault_ = false;
  if (!is_stopped_) return;
  {
    const std::lock_guard lock(mutex_);
    stopped_.clear();
  }
  is_stopped_.store(false, std::memory_order_release);
  --d_.telemetry.shards_stopped;
  d_.log.write(log_level::info, "a shard that had stopped goes on", {{"shard", std::to_string(id_.value())}});
}

result<void> shard_slot::open_projections() {
  projections_at_fault_ = true;
  auto opened = d_.projections.open(id_);
  if (!opened) return std::unexpected(opened.error());
  const auto position = (*opened)->position();
  if (auto good = engine::check_continues(d_.journal, id_, position); !good) {
    projections_at_fault_ = false;
    return good;
  }
  if (auto loaded = scopes_.load(**opened); !loaded) return loaded;
  const auto used = engine::has_operations_now(**opened);
  if (!used) return std::unexpected(used.error());
  if (*used) used_hour_ = events::hour_of(position.time);
  projection_ = std::move(*opened);
  writer_.emplace(engine::shard_options{d_.journal.identity().id, id_, around_.options.node, d_.journal.exclusive(), 0,
                                        0, engine::repairs_in(d_.journal, id_)},
                  position, d_.entropy);
  const std::lock_guard lock(mutex_);
  serving_ = projection_;
  return {};
}

// A storage that fails may work again: then the shard goes on where its projections stand. Rows that are not what they
// should be wait for an operator's rebuild.
void shard_slot::halt_by_projections(const engine::error& why, const std::string& doing) {
  if (is_stopped_ && !projections_at_fault_) return;  // its log is what must be looked at
  const auto now = std::chrono::steady_clock::now();
  projections_at_fault_ = true;
  if (now - opened_at_ > again_longest) pause_ = {};
  pause_ = pause_ == 0ms ? open_interval : std::min<std::chrono::milliseconds>(2 * pause_, again_longest);
  if (why.code == errc::internal || may_pass(why)) again_at_ = now + pause_;
  halt(doing + why.text);
}

void shard_slot::halt(const std::string& reason) {
  if (writer_) writer_->stop(reason);
  {
    const std::lock_guard lock(mutex_);
    stopped_ = reason;
  }
  if (is_stopped_) return;
  is_stopped_.store(true, std::memory_order_release);
  ++d_.telemetry.shards_stopped;
  d_.log.write(log_level::error, "shard stopped", {{"shard", std::to_string(id_.value())}, {"reason", reason}});
  around_.changed();
}

void shard_slot::complain(rare& gate, const char* what, const std::string& reason) {
  const auto held_back = gate.let_through();
  if (!held_back) return;
  d_.log.write(log_level::error, what,
               {{"shard", std::to_string(id_.value())},
                {"reason", reason.empty() ? "unknown" : reason},
                {"timesSinceLastLine", std::to_string(*held_back)}});
}

// ---- beside the rounds

void shard_slot::erase_due_keys() {
  if (!keys_may_be_due_ || erasing_keys_ || !writer_->open()) return;
  const auto now = d_.clock.now();
  if (now - keys_erased_ < around_.options.key_erasure_interval && now >= keys_erased_) return;
  keys_erased_ = std::chrono::floor<std::chrono::seconds>(now);
  keys_may_be_due_ = false;
  auto due = projection_->keys_to_destroy();
  if (!due) return halt_by_projections(due.error());
  if (due->empty()) return;
  erasing_keys_ = true;
  around_.eraser.post(reports_, std::move(*due));
}

void shard_slot::note_hour(const engine::folded_frame& frame) {
  const auto hour = events::hour_of(frame.after.time);
  if (used_hour_ != hour) used_hour_.reset();
  if (std::ranges::any_of(frame.events, [](const auto& e) { return e.meta.operation; })) used_hour_ = hour;
}

// An hour ends with the first later frame. Where none comes by itself, an empty one is appended, so that the hour can
// be billed.
void shard_slot::end_hour() {
  if (!used_hour_ || !writer_->open() || !writer_->idle()) return;
  const auto now = d_.clock.now();
  if (now < *used_hour_ + std::chrono::hours(1)) return;
  engine::proposal p;
  p.framed = true;
  p.deadline = now + engine::limits::command_deadline;
  p.settled = [](const engine::settlement&) {};
  writer_->propose(std::move(p));
}

void shard_slot::take_offered_generation() {
  const auto generation = offer_.take();
  if (!generation) return;
  if (!writer_ || writer_->stopped()) return offer_.settle(fail(errc::unavailable, "the shard has stopped"));
  offer_.settle(switch_now(generation));
}

// What the new generation has not folded yet is little.
result<void> shard_slot::switch_now(const std::shared_ptr<engine::shard_projection>& generation) {
  const auto take = [&](std::span<const engine::folded_frame> frames) { return generation->apply(frames); };
  auto rest = engine::replay(d_.journal, id_, generation->position(), writer_->position().next_offset, take);
  if (!rest) return std::unexpected(rest.error());
  if (rest->end != writer_->position())
    return fail(errc::corrupt, "the rebuilt projections end elsewhere than the serving ones");
  if (auto switched = d_.projections.switch_generation(id_); !switched) return switched;
  projection_ = generation;
  keys_may_be_due_ = true;
  if (announced_open_) d_.catalog.set_view(id_, projection_);
  const std::lock_guard lock(mutex_);
  serving_ = projection_;
  return {};
}

void shard_slot::refuse_rest() {
  if (writer_) {
    writer_->stop("the node is stopping");
    for (auto& due : writer_->take_settlements()) due.settled(due.what);
  }
  gate_.close();
  const std::lock_guard lock(mutex_);
  for (auto& p : inbox_) p.settled({});
  inbox_.clear();
  for (auto& each : reads_) each.go({});
  reads_.clear();
}

}  // namespace muster::actors
