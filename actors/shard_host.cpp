#include "actors/shard_host.hpp"

#include "actors/shard_slot.hpp"
#include "engine/replay.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace muster::actors {

using engine::errc;
using engine::fail;
using engine::result;
using namespace std::chrono_literals;

namespace {

constexpr auto idle_wait = 100ms;      // how often a shard thread looks at its timers when nothing happens
constexpr int catch_ups_max = 4;       // of a rebuild, before the shard itself folds the rest
constexpr std::uint64_t little = 256;  // frames that a shard may fold between two rounds

std::string join(const std::vector<std::string>& numbers) {
  std::string text = numbers.size() == 1 ? "shard " : "shards ";
  for (const auto& each : numbers) text.append(&each == &numbers.front() ? "" : ", ").append(each);
  return text;
}

}  // namespace

class shard_host::impl {
public:
  impl(shard_host_options options, shard_host_dependencies dependencies)
      : options_(std::move(options)), d_(dependencies), journal_(d_.journal, d_.keyring), eraser_(d_.keyring),
        watch_(d_.journal) {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.threads); ++i)
      wakes_.push_back(std::make_shared<wake_flag>());
    const slot_surroundings around{options_, d_, journal_, eraser_, watch_, [this] { tell_waiters(); }};
    for (std::uint32_t i = 0; i < d_.journal.identity().shards; ++i)
      slots_.push_back(std::make_unique<shard_slot>(events::shard_id(i), around, wakes_[i % wakes_.size()]));
  }

  void start() {
    d_.journal.on_arrival([wakes = wakes_](events::shard_id shard) { wakes[shard.value() % wakes.size()]->raise(); });
    journal_.start();
    eraser_.start();
    watch_.start();
    for (std::size_t i = 0; i < wakes_.size(); ++i) shard_threads_.emplace_back([this, i] { run_shards(i); });
  }

  void propose(events::shard_id shard, engine::proposal p) {
    if (!running_.load(std::memory_order_acquire)) return p.settled({});
    slot(shard).propose(std::move(p));
  }

  void pass(events::shard_id shard, engine::read_kind kind, std::function<void(const engine::read_permit&)> go) {
    if (!running_.load(std::memory_order_acquire)) return go({});
    slot(shard).pass(kind, std::move(go));
  }

  shard_slot& slot(events::shard_id shard) const { return *slots_[shard.value()]; }

  std::size_t frames_queued() const { return journal_.queued(); }

  std::optional<std::string> not_ready(bool with_causes) const {
    std::vector<std::string> stopped;
    std::vector<std::string> closed;
    for (const auto& s : slots_) {
      if (s->open()) continue;
      (s->settled() ? stopped : closed).push_back(std::to_string(s->id().value()));
    }
    std::string text;
    if (with_causes) {
      for (const auto& s : slots_) {
        if (const auto cause = s->stopped())
          text.append(text.empty() ? "shard " : "; shard ").append(std::to_string(s->id().value())).append(": ") +=
              *cause;
      }
    } else if (!stopped.empty()) {
      text = join(stopped) + " stopped; see the log";
    }
    if (!closed.empty()) text.append(text.empty() ? "" : "; ").append(join(closed)).append(" not open yet");
    return text.empty() ? std::nullopt : std::optional(std::move(text));
  }

  bool wait_until_settled(std::chrono::milliseconds limit) {
    std::unique_lock lock(changed_mutex_);
    return changed_.wait_for(lock, limit,
                             [&] { return std::ranges::all_of(slots_, [](const auto& s) { return s->settled(); }); });
  }

  result<std::uint64_t> rebuild(events::shard_id shard, const std::stop_token& stop) {
    auto& s = slot(shard);
    if (!s.open() && !s.projections_at_fault())
      return fail(errc::unavailable, "shard " + std::to_string(shard.value()) + " is not open");
    auto generation = d_.projections.begin_generation(shard);
    if (!generation) return std::unexpected(generation.error());
    const auto take = [&](std::span<const engine::folded_frame> frames) { return (*generation)->apply(frames); };
    engine::log_position at;
    std::uint64_t events = 0;
    for (int i = 0; i < catch_ups_max; ++i) {
      const auto report = engine::replay(d_.journal, shard, at, std::nullopt, take, stop);
      if (!report) return std::unexpected(report.error());
      at = report->end;
      events += report->events;
      if (report->frames < little) break;
    }
    const bool serves = s.open();
    const auto switched = serves ? s.switch_to(*generation, stop) : d_.projections.switch_generation(shard);
    if (switched && !serves) s.try_again();
    if (!switched) {
      return fail(switched.error().code, "shard " + std::to_string(shard.value()) + ": " + switched.error().text);
    }
    return events;
  }

  result<engine::shard_verification> verify(events::shard_id shard, const std::stop_token& stop) {
    const auto serving = slot(shard).serving();
    auto report = engine::verify_shard(d_.journal, d_.projections, shard, serving.get(), stop);
    const auto stopped = slot(shard).stopped();
    if (report && report->wrong.empty() && stopped) report->wrong = "it has stopped: " + *stopped;
    return report;
  }

  result<engine::usage_recount> recount(events::shard_id shard, const events::id_scope& scope,
                                        const std::stop_token& stop) {
    const auto serving = slot(shard).serving();
    if (!serving) return fail(errc::unavailable, "shard " + std::to_string(shard.value()) + " is not open");
    return engine::recount_usage(d_.journal, *serving, shard, scope, stop);
  }

  void stop(std::chrono::milliseconds drain) {
    if (!running_.exchange(false)) return;
    draining_ = true;
    for (auto& wake : wakes_) wake->raise();
    if (!shard_threads_.empty()) {
      std::unique_lock lock(changed_mutex_);
      changed_.wait_for(lock, drain,
                        [&] { return std::ranges::all_of(slots_, [](const auto& s) { return s->at_rest(); }); });
    }
    stopping_ = true;
    for (auto& wake : wakes_) wake->raise();
    for (auto& thread : shard_threads_) thread.join();
    journal_.stop();
    eraser_.stop();
    watch_.stop();
    for (auto& s : slots_) s->refuse_rest();
  }

private:
  void run_shards(std::size_t thread) {
    while (!stopping_) {
      bool busy = false;
      for (std::size_t i = thread; i < slots_.size() && !stopping_; i += wakes_.size())
        busy = slots_[i]->round(draining_) || busy;
      if (!busy && !stopping_) wakes_[thread]->wait(idle_wait);
    }
  }

  void tell_waiters() {
    {
      const std::lock_guard lock(changed_mutex_);
    }  // so that a waiter between its check and its wait is not missed
    changed_.notify_all();
  }

  const shard_host_options options_;
  const shard_host_dependencies d_;
  std::mutex changed_mutex_;
  std::condition_variable changed_;
  journal_thread journal_;
  key_eraser eraser_;
  log_watch watch_;
  std::vector<std::shared_ptr<wake_flag>> wakes_;  ///< one a shard thread
  std::vector<std::unique_ptr<shard_slot>> slots_;
  std::atomic<bool> running_{true};
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> shard_threads_;
};

shard_host::shard_host(shard_host_options options, shard_host_dependencies dependencies)
    : impl_(std::make_unique<impl>(std::move(options), dependencies)) {}
shard_host::~shard_host() {
  impl_->stop(std::chrono::milliseconds(0));
}

void shard_host::start() {
  impl_->start();
}
bool shard_host::wait_until_settled(std::chrono::milliseconds limit) {
  return impl_->wait_until_settled(limit);
}
void shard_host::propose(events::shard_id shard, engine::proposal p) {
  impl_->propose(shard, std::move(p));
}
void shard_host::pass(events::shard_id shard, engine::read_kind kind,
                      std::function<void(const engine::read_permit&)> go) {
  impl_->pass(shard, kind, std::move(go));
}
bool shard_host::open(events::shard_id shard) const {
  return impl_->slot(shard).open();
}
std::optional<std::string> shard_host::stopped(events::shard_id shard) const {
  return impl_->slot(shard).stopped();
}
bool shard_host::projections_at_fault(events::shard_id shard) const {
  return impl_->slot(shard).projections_at_fault();
}
std::size_t shard_host::frames_queued() const {
  return impl_->frames_queued();
}
std::optional<std::string> shard_host::not_ready(bool with_causes) const {
  return impl_->not_ready(with_causes);
}
result<std::uint64_t> shard_host::rebuild(events::shard_id shard, const std::stop_token& stop) {
  return impl_->rebuild(shard, stop);
}
result<engine::shard_verification> shard_host::verify(events::shard_id shard, const std::stop_token& stop) {
  return impl_->verify(shard, stop);
}
result<engine::usage_recount> shard_host::recount(events::shard_id shard, const events::id_scope& scope,
                                                  const std::stop_token& stop) {
  return impl_->recount(shard, scope, stop);
}
void shard_host::stop(std::chrono::milliseconds drain) {
  impl_->stop(drain);
}

}  // namespace muster::actors
