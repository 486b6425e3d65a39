#include "actors/shard_host.hpp"

#include "engine/fold.hpp"
#include "engine/limits.hpp"
#include "engine/replay.hpp"
#include "engine/scope_memory.hpp"
#include "engine/shard.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace muster::actors {

namespace {

using engine::errc;
using engine::fail;
using engine::log_level;
using engine::result;
using namespace std::chrono_literals;

constexpr auto idle_wait = 100ms;  // how often a shard thread looks at its timers when nothing happens

std::string text_of(events::shard_id shard) {
  return std::to_string(shard.value());
}

/// A flag that one thread waits for and others raise.
class wake_flag {
public:
  void raise() {
    {
      const std::lock_guard lock(mutex_);
      if (raised_) return;
      raised_ = true;
    }
    condition_.notify_one();
  }
  void wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, limit, [&] { return raised_; });
    raised_ = false;
  }

private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool raised_ = false;
};

/// What the journal thread reports back to a shard.
struct journal_report {
  std::optional<engine::append_outcome> appended;  ///< of the shard's frame; absent: its keys could not be stored
  std::vector<events::data_key_id> destroyed;      ///< keys that are gone now
  bool about_keys = false;
  std::chrono::nanoseconds took{};  ///< from giving the frame to the journal to `appended`
};

/// Where a shard finds what the journal reports. On its own, because a journal may settle a frame after its shard's
/// end.
class report_box {
public:
  explicit report_box(std::shared_ptr<wake_flag> reader) : reader_(std::move(reader)) {}

  void put(journal_report report) {
    {
      const std::lock_guard lock(mutex_);
      reports_.push_back(std::move(report));
    }
    reader_->raise();
  }
  std::vector<journal_report> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(reports_, {});
  }

private:
  std::shared_ptr<wake_flag> reader_;
  std::mutex mutex_;
  std::vector<journal_report> reports_;
};

/// One shard with all that belongs to it. Everything without a lock belongs to its shard thread.
struct slot {
  slot(events::shard_id number, std::shared_ptr<engine::shard_projection> rows, engine::shard_options options,
       std::shared_ptr<wake_flag> shard_thread, shard_host_dependencies& d)
      : id(number), projection(std::move(rows)), writer(std::move(options), projection->position(), d.entropy),
        scopes(number, d.keyring), thread(std::move(shard_thread)), reports(std::make_shared<report_box>(thread)),
        serving(projection) {}

  events::shard_id id;
  std::shared_ptr<engine::shard_projection> projection;
  engine::shard writer;
  engine::scope_memory scopes;
  bool announced_open = false;
  bool destroying_keys = false;
  bool keys_may_be_due = true;
  events::timestamp keys_erased;  ///< when keys were last sent to be erased
  std::uint64_t void_frames_told = 0;
  std::uint64_t queued_told = 0;
  std::shared_ptr<wake_flag> thread;
  std::shared_ptr<report_box> reports;

  std::atomic<bool> is_open{false};
  std::atomic<bool> is_idle{true};
  std::atomic<std::size_t> inbox_size{0};

  std::mutex mutex;  ///< guards what follows
  std::vector<engine::proposal> inbox;
  std::shared_ptr<engine::shard_projection> offered_generation;
  std::shared_ptr<engine::shard_projection> serving;  ///< `projection`, for other threads
  std::optional<result<void>> switched;
  std::condition_variable switch_done;
  std::string stopped;
};

/// What the journal thread is asked to do.
struct journal_job {
  slot* shard = nullptr;
  std::optional<engine::shard::frame_to_send> frame;
  std::vector<events::data_key_id> destroy;
};

}  // namespace

class shard_host::impl {
public:
  impl(shard_host_options options, shard_host_dependencies dependencies)
      : options_(std::move(options)), d_(dependencies) {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.threads); ++i)
      wakes_.push_back(std::make_shared<wake_flag>());
  }

  result<void> open_all() {
    for (std::uint32_t i = 0; i < d_.journal.identity().shards; ++i) {
      const events::shard_id id(i);
      auto projection = d_.projections.open(id);
      if (!projection) return std::unexpected(projection.error());
      if (auto good = engine::check_continues(d_.journal, id, (*projection)->position()); !good) return good;
      auto s = std::make_unique<slot>(
          id, std::move(*projection),
          engine::shard_options{d_.journal.identity().id, id, options_.node, d_.journal.exclusive(), 0, 0},
          wakes_[i % wakes_.size()], d_);
      if (auto loaded = s->scopes.load(*s->projection); !loaded) return loaded;
      slots_.push_back(std::move(s));
    }
    return {};
  }

  void start() {
    d_.journal.on_arrival([wakes = wakes_](events::shard_id shard) { wakes[shard.value() % wakes.size()]->raise(); });
    journal_thread_ = std::thread([this] { run_journal(); });
    for (std::size_t i = 0; i < wakes_.size(); ++i) shard_threads_.emplace_back([this, i] { run_shards(i); });
  }

  void propose(events::shard_id shard, engine::proposal p) {
    auto& s = *slots_[shard.value()];
    // The queue is bounded here as well as in the shard: the inbox is memory too.
    const bool full = s.inbox_size.load(std::memory_order_relaxed) >= engine::limits::proposals_queued_max;
    if (full || !running_.load(std::memory_order_acquire)) {
      p.settled({full ? engine::settlement_kind::overloaded : engine::settlement_kind::unavailable, {}, {}, {}});
      return;
    }
    {
      const std::lock_guard lock(s.mutex);
      s.inbox.push_back(std::move(p));
      s.inbox_size.store(s.inbox.size(), std::memory_order_relaxed);
    }
    s.thread->raise();
  }

  bool open(events::shard_id shard) const { return slots_[shard.value()]->is_open.load(std::memory_order_acquire); }

  std::optional<std::string> not_ready() const {
    for (const auto& s : slots_) {
      if (s->is_open.load(std::memory_order_acquire)) continue;
      const std::lock_guard lock(s->mutex);
      return s->stopped.empty() ? "shard " + text_of(s->id) + " is not open yet"
                                : "shard " + text_of(s->id) + " has stopped: " + s->stopped;
    }
    return std::nullopt;
  }

  bool wait_until_open(std::chrono::milliseconds limit) {
    std::unique_lock lock(opened_mutex_);
    const auto settled = [&] {
      return std::ranges::all_of(slots_, [](const auto& s) {
        const std::lock_guard inner(s->mutex);
        return s->is_open.load() || !s->stopped.empty();
      });
    };
    opened_.wait_for(lock, limit, settled);
    return !not_ready();
  }

  result<std::uint64_t> rebuild(events::shard_id shard) {
    auto& s = *slots_[shard.value()];
    auto generation = d_.projections.begin_generation(shard);
    if (!generation) return std::unexpected(generation.error());
    const auto take = [&](std::span<const engine::folded_frame> frames) { return (*generation)->apply(frames); };
    auto report = engine::replay(d_.journal, shard, {}, std::nullopt, take);
    if (!report) return std::unexpected(report.error());
    std::unique_lock lock(s.mutex);
    s.switched.reset();
    s.offered_generation = *generation;
    s.thread->raise();
    if (!s.switch_done.wait_for(lock, engine::limits::command_deadline, [&] { return s.switched.has_value(); })) {
      s.offered_generation.reset();
      return fail(errc::timeout, "shard " + text_of(shard) + " did not switch to the rebuilt projections in time");
    }
    if (!*s.switched) return std::unexpected(s.switched->error());
    return report->events;
  }

  result<engine::shard_verification> verify(events::shard_id shard) {
    return engine::verify_shard(d_.journal, d_.projections, shard, *serving(shard));
  }

  result<engine::usage_recount> recount(events::shard_id shard, const events::id_scope& scope) {
    return engine::recount_usage(d_.journal, *serving(shard), shard, scope);
  }

  void stop(std::chrono::milliseconds drain) {
    if (!running_.exchange(false)) return;
    draining_ = true;
    const auto until = std::chrono::steady_clock::now() + drain;
    for (auto& wake : wakes_) wake->raise();
    std::unique_lock lock(opened_mutex_);
    opened_.wait_until(lock, until, [&] {
      return std::ranges::all_of(slots_, [](const auto& s) { return s->is_idle.load() && s->inbox_size.load() == 0; });
    });
    lock.unlock();
    stopping_ = true;
    for (auto& wake : wakes_) wake->raise();
    for (auto& thread : shard_threads_) thread.join();
    journal_wake_.raise();
    if (journal_thread_.joinable()) journal_thread_.join();
    for (auto& s : slots_) refuse_rest(*s);
  }

private:
  std::shared_ptr<engine::shard_projection> serving(events::shard_id shard) {
    auto& s = *slots_[shard.value()];
    const std::lock_guard lock(s.mutex);
    return s.serving;
  }

  // ---- shard threads

  void run_shards(std::size_t thread) {
    while (!stopping_) {
      bool busy = false;
      for (std::size_t i = thread; i < slots_.size(); i += wakes_.size()) busy = step(*slots_[i]) || busy;
      if (!busy) wakes_[thread]->wait(idle_wait);
    }
  }

  /// One round of a shard: takes proposals and reports in, folds what is new, sends the next frame. True if there may
  /// be more to do at once.
  bool step(slot& s) {
    if (draining_) s.writer.drain();
    const bool took = take_in(s);
    const bool more = fold_new(s);
    if (s.writer.stopped()) halt(s, *s.writer.stopped());
    deliver(s);
    if (!s.writer.stopped()) {
      s.writer.should_own(true);
      if (auto frame = s.writer.next_frame(d_.clock.now(), !more)) {
        post({&s, std::move(*frame), {}});
      }
      deliver(s);
      destroy_due_keys(s);
      switch_generation(s);
    }
    announce(s);
    return took || more;
  }

  bool take_in(slot& s) {
    std::vector<engine::proposal> proposals;
    auto reports = s.reports->take();
    {
      const std::lock_guard lock(s.mutex);
      proposals.swap(s.inbox);
      s.inbox_size.store(0, std::memory_order_relaxed);
    }
    for (auto& report : reports) take_report(s, report);
    for (auto& p : proposals) s.writer.propose(std::move(p));
    return !proposals.empty() || !reports.empty();
  }

  void take_report(slot& s, const journal_report& report) {
    if (report.about_keys) {
      s.destroying_keys = false;
      if (report.destroyed.empty()) s.keys_may_be_due = true;  // it failed: again after the interval
      if (const auto noted = s.projection->keys_destroyed(report.destroyed); !noted) halt(s, noted.error().text);
    } else if (report.appended) {
      d_.telemetry.append_latency.observe(report.took);
      s.writer.appended(*report.appended, d_.clock.now());
    } else {
      s.writer.not_sent();
    }
  }

  /// Folds what the log has that the shard has not seen. True if there may be more.
  bool fold_new(slot& s) {
    if (s.writer.stopped()) return false;
    auto records = d_.journal.read(s.id, s.writer.position().next_offset, engine::limits::tail_read_bytes);
    if (!records) {
      if (records.error().code == errc::corrupt)
        halt(s, records.error().text);
      else
        d_.log.write(log_level::error, "the journal cannot be read",
                     {{"shard", text_of(s.id)}, {"error", records.error().text}});
      return false;
    }
    if (records->empty()) return false;
    std::vector<engine::folded_frame> frames;
    for (const auto& record : *records) {
      auto accepted = s.writer.fold(record);
      if (s.writer.stopped()) break;
      if (!accepted) continue;
      auto read = engine::read_events(std::move(*accepted));
      if (!read) {
        halt(s, read.error().text);
        break;
      }
      count(*read);
      frames.push_back(std::move(*read));
    }
    if (!frames.empty()) frames.back().after = s.writer.position();
    take_frames(s, frames);
    return !s.writer.stopped();
  }

  void take_frames(slot& s, const std::vector<engine::folded_frame>& frames) {
    if (frames.empty() || s.writer.stopped()) return;
    if (const auto applied = s.projection->apply(frames); !applied) {
      halt(s, "the projections cannot take a frame: " + applied.error().text);
      return;
    }
    for (const auto& frame : frames) s.scopes.fold(frame);
    s.keys_may_be_due = s.keys_may_be_due || std::ranges::any_of(frames, destroys_keys);
    if (s.announced_open || s.writer.open()) publish(s);
  }

  static bool destroys_keys(const engine::folded_frame& frame) {
    return std::ranges::any_of(frame.events, [](const events::recorded_event& e) {
      return std::holds_alternative<events::enrollment_deleted>(e.data) ||
             std::holds_alternative<events::enrollment_group_deleted>(e.data) ||
             std::holds_alternative<events::registration_deleted>(e.data) ||
             std::holds_alternative<events::hub_device_deleted>(e.data) ||
             std::holds_alternative<events::hub_device_updated>(e.data);
    });
  }

  void publish(slot& s) {
    auto changed = s.scopes.take_changed();
    if (!changed) return halt(s, changed.error().text);
    for (auto& snapshot : *changed) d_.catalog.publish(std::move(snapshot));
    d_.catalog.folded_to(s.id, s.writer.position().sequence);
  }

  void count(const engine::folded_frame& frame) {
    auto& t = d_.telemetry;
    ++t.frames_accepted;
    if (frame.kind == events::frame_kind::claim) ++t.claims_accepted;
    t.events_folded += frame.events.size();
  }

  void deliver(slot& s) {
    for (auto& due : s.writer.take_settlements()) {
      auto& t = d_.telemetry;
      switch (due.what.kind) {
      case engine::settlement_kind::committed:
        ++t.proposals_committed;
        break;
      case engine::settlement_kind::conflict:
        ++t.proposals_in_conflict;
        break;
      case engine::settlement_kind::overloaded:
        ++t.proposals_overloaded;
        break;
      default:
        break;
      }
      due.settled(due.what);
    }
    const auto voids = s.writer.void_frames();
    d_.telemetry.frames_void += voids - std::exchange(s.void_frames_told, voids);
    const std::uint64_t queued = s.writer.queued();
    d_.telemetry.proposals_queued += queued - std::exchange(s.queued_told, queued);
    s.is_idle.store(s.writer.idle());
    if (draining_) opened_.notify_all();
  }

  void announce(slot& s) {
    const bool open = s.writer.open();
    if (open == s.announced_open) return;
    if (open) {
      publish(s);
      if (s.writer.stopped()) return;
      d_.catalog.set_view(s.id, s.projection);
      ++d_.telemetry.shards_open;
    } else {
      d_.catalog.set_view(s.id, nullptr);
      --d_.telemetry.shards_open;
    }
    s.announced_open = open;
    s.is_open.store(open, std::memory_order_release);
    d_.log.write(log_level::info, open ? "shard opened" : "shard closed",
                 {{"shard", text_of(s.id)},
                  {"sequence", std::to_string(s.writer.position().sequence.value())},
                  {"epoch", std::to_string(s.writer.position().epoch.value())}});
    tell_waiters();
  }

  void halt(slot& s, const std::string& reason) {
    s.writer.stop(reason);
    {
      const std::lock_guard lock(s.mutex);
      if (!s.stopped.empty()) return;
      s.stopped = reason;
    }
    ++d_.telemetry.shards_stopped;
    d_.log.write(log_level::error, "shard stopped", {{"shard", text_of(s.id)}, {"reason", reason}});
    tell_waiters();
  }

  void tell_waiters() {
    {
      const std::lock_guard lock(opened_mutex_);
    }  // so that a waiter between its check and its wait is not missed
    opened_.notify_all();
  }

  void destroy_due_keys(slot& s) {
    if (!s.keys_may_be_due || s.destroying_keys || !s.writer.open()) return;
    const auto now = d_.clock.now();
    if (now - s.keys_erased < options_.key_erasure_interval && now >= s.keys_erased) return;
    s.keys_erased = std::chrono::floor<std::chrono::seconds>(now);
    s.keys_may_be_due = false;
    auto due = s.projection->keys_to_destroy();
    if (!due) return halt(s, due.error().text);
    if (due->empty()) return;
    s.destroying_keys = true;
    post({&s, std::nullopt, std::move(*due)});
  }

  // Between two frames: what the new generation has not folded yet is little.
  void switch_generation(slot& s) {
    std::shared_ptr<engine::shard_projection> generation;
    {
      const std::lock_guard lock(s.mutex);
      generation = std::exchange(s.offered_generation, nullptr);
    }
    if (!generation) return;
    auto outcome = [&]() -> result<void> {
      const auto take = [&](std::span<const engine::folded_frame> frames) { return generation->apply(frames); };
      auto rest = engine::replay(d_.journal, s.id, generation->position(), s.writer.position().next_offset, take);
      if (!rest) return std::unexpected(rest.error());
      if (rest->end != s.writer.position())
        return fail(errc::corrupt, "the rebuilt projections end elsewhere than the serving ones");
      if (auto switched = d_.projections.switch_generation(s.id); !switched) return switched;
      s.projection = generation;
      s.keys_may_be_due = true;
      if (s.announced_open) d_.catalog.set_view(s.id, s.projection);
      return {};
    }();
    {
      const std::lock_guard lock(s.mutex);
      s.serving = s.projection;
      s.switched = std::move(outcome);
    }
    s.switch_done.notify_all();
  }

  static void refuse_rest(slot& s) {
    s.writer.stop("the node is stopping");
    for (auto& due : s.writer.take_settlements()) due.settled(due.what);
    const std::lock_guard lock(s.mutex);
    for (auto& p : s.inbox) p.settled({});
    s.inbox.clear();
  }

  // ---- journal thread

  void post(journal_job job) {
    {
      const std::lock_guard lock(jobs_mutex_);
      jobs_.push_back(std::move(job));
    }
    journal_wake_.raise();
  }

  void run_journal() {
    while (true) {
      std::vector<journal_job> jobs;
      {
        const std::lock_guard lock(jobs_mutex_);
        jobs.swap(jobs_);
      }
      if (jobs.empty()) {
        if (stopping_) return;
        journal_wake_.wait(idle_wait);
        continue;
      }
      append_frames(jobs);
      destroy_keys(jobs);
    }
  }

  void append_frames(std::vector<journal_job>& jobs) {
    std::vector<engine::named_key> keys;
    std::vector<engine::outgoing_frame> frames;
    std::vector<std::shared_ptr<report_box>> senders;
    for (auto& job : jobs) {
      if (!job.frame) continue;
      keys.insert(keys.end(), job.frame->keys.begin(), job.frame->keys.end());
      frames.push_back(std::move(job.frame->frame));
      senders.push_back(job.shard->reports);
    }
    if (frames.empty()) return;
    if (!keys.empty()) {
      if (const auto stored = d_.keyring.store(keys); !stored) {
        d_.log.write(log_level::error, "data keys cannot be stored", {{"error", stored.error().text}});
        for (const auto& sender : senders) sender->put({});
        return;
      }
    }
    const auto began = std::chrono::steady_clock::now();
    d_.journal.append(std::move(frames),
                      [senders = std::move(senders), began](std::size_t i, engine::append_outcome is) {
                        senders[i]->put({is, {}, false, std::chrono::steady_clock::now() - began});
                      });
  }

  void destroy_keys(std::vector<journal_job>& jobs) {
    std::vector<events::data_key_id> all;
    for (const auto& job : jobs) all.insert(all.end(), job.destroy.begin(), job.destroy.end());
    if (all.empty()) return;
    const auto gone = d_.keyring.destroy(all);
    if (!gone) d_.log.write(log_level::error, "data keys cannot be destroyed", {{"error", gone.error().text}});
    for (auto& job : jobs) {
      if (job.destroy.empty()) continue;
      job.shard->reports->put(
          {std::nullopt, gone ? std::move(job.destroy) : std::vector<events::data_key_id>(), true, {}});
    }
  }

  shard_host_options options_;
  shard_host_dependencies d_;
  std::vector<std::unique_ptr<slot>> slots_;
  std::vector<std::shared_ptr<wake_flag>> wakes_;  ///< one a shard thread
  wake_flag journal_wake_;
  std::mutex jobs_mutex_;
  std::vector<journal_job> jobs_;
  std::mutex opened_mutex_;
  std::condition_variable opened_;
  std::atomic<bool> running_{true};
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  std::thread journal_thread_;
  std::vector<std::thread> shard_threads_;
};

shard_host::shard_host(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
shard_host::~shard_host() {
  impl_->stop(std::chrono::milliseconds(0));
}

result<std::unique_ptr<shard_host>> shard_host::make(shard_host_options options, shard_host_dependencies dependencies) {
  auto i = std::make_unique<impl>(std::move(options), dependencies);
  if (auto opened = i->open_all(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<shard_host>(new shard_host(std::move(i)));
}

void shard_host::start() {
  impl_->start();
}
bool shard_host::wait_until_open(std::chrono::milliseconds limit) {
  return impl_->wait_until_open(limit);
}
void shard_host::propose(events::shard_id shard, engine::proposal p) {
  impl_->propose(shard, std::move(p));
}
bool shard_host::open(events::shard_id shard) const {
  return impl_->open(shard);
}
std::optional<std::string> shard_host::not_ready() const {
  return impl_->not_ready();
}
result<std::uint64_t> shard_host::rebuild(events::shard_id shard) {
  return impl_->rebuild(shard);
}
result<engine::shard_verification> shard_host::verify(events::shard_id shard) {
  return impl_->verify(shard);
}
result<engine::usage_recount> shard_host::recount(events::shard_id shard, const events::id_scope& scope) {
  return impl_->recount(shard, scope);
}
void shard_host::stop(std::chrono::milliseconds drain) {
  impl_->stop(drain);
}

}  // namespace muster::actors
