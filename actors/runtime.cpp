#include "actors/runtime.hpp"

#include "actors/directory.hpp"
#include "actors/interfaces.hpp"
#include "actors/scope.hpp"
#include "engine/limits.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace muster::actors {

namespace {

constexpr std::chrono::milliseconds summary_time{1000};  // for the last summaries of suppressed attempts

struct system_config : caf::actor_system_config {
  explicit system_config(std::size_t workers) {
    // Sharing wakes an idle worker three times as fast as stealing, and costs nothing while idle.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", workers);
    set("scheduler.max-throughput", std::size_t{200});
  }
};

/// Counts what has not come to its end yet: commands without an answer.
class in_flight {
public:
  /// Counts as one as long as it lives.
  static std::shared_ptr<void> ticket(const std::shared_ptr<in_flight>& counter) {
    counter->add();
    return {nullptr, [counter](std::nullptr_t) { counter->remove(); }};
  }

  void add() { ++count_; }
  void remove() {
    if (--count_ != 0) return;
    {
      const std::lock_guard lock(mutex_);
    }
    none_.notify_all();
  }
  void wait_for_none(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, limit, [&] { return count_ == 0; });
  }

private:
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::condition_variable none_;
};

/// Passes the answer on, and counts it.
class counted_reply final : public engine::reply {
public:
  counted_reply(std::shared_ptr<engine::reply> to, std::shared_ptr<in_flight> counter)
      : to_(std::move(to)), counter_(std::move(counter)) {
    counter_->add();
  }
  ~counted_reply() override {
    to_.reset();
    counter_->remove();
  }
  void deliver(engine::answer a) override { to_->deliver(std::move(a)); }

private:
  std::shared_ptr<engine::reply> to_;
  std::shared_ptr<in_flight> counter_;
};

}  // namespace

class actor_runtime::impl {
public:
  impl(runtime_options options, actor_dependencies dependencies)
      : options_(options), dependencies_(dependencies), config_(options.workers),
        system_(std::make_unique<caf::actor_system>(config_)),
        directory_(system_->spawn(run_directory, &dependencies_)) {}

  void submit(engine::command c, engine::caller who, std::shared_ptr<engine::reply> to) {
    if (stopping_.load(std::memory_order_acquire)) {
      return to->deliver(
          engine::rejection{engine::rejection_code::unavailable, "The node is stopping.", std::chrono::seconds(5)});
    }
    auto pending = std::make_shared<pending_command>();
    pending->to = std::make_shared<counted_reply>(std::move(to), in_flight_);
    pending->who = std::move(who);
    pending->deadline = dependencies_.clock.now() + engine::limits::command_deadline;
    pending->what = std::move(c);
    pending->stage.enter(dependencies_.telemetry, engine::command_stage::mailbox);
    const auto* scope = engine::scope_of(pending->what);
    if (scope == nullptr) return caf::anon_send(directory_, std::move(pending));
    if (!dependencies_.catalog.find(*scope).value) return reject_unknown(*pending, *scope);
    const auto actor = actor_of(*scope);
    if (!actor)
      return pending->reject(engine::rejection_code::unavailable, "The node is stopping.", std::chrono::seconds(5));
    caf::anon_send(actor, std::move(pending));
  }

  void stop(std::chrono::milliseconds drain) {
    if (stopping_.exchange(true)) return;
    in_flight_->wait_for_none(drain);
    std::map<events::id_scope, scope_actor> scopes;
    {
      const std::unique_lock lock(mutex_);
      scopes.swap(scopes_);
    }
    for (const auto& [scope, actor] : scopes) caf::anon_send(actor, sum_up{in_flight::ticket(in_flight_)});
    in_flight_->wait_for_none(std::min(drain, summary_time));
    for (const auto& [scope, actor] : scopes) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(directory_, caf::exit_reason::user_shutdown);
    end_system();
  }

private:
  // A scope may be missing only because the shard that has it is not open.
  void reject_unknown(const pending_command& c, const events::id_scope& scope) const {
    for (std::uint32_t i = 0; i < dependencies_.shard_count; ++i) {
      if (dependencies_.shards.open(events::shard_id(i))) continue;
      return c.reject(engine::rejection_code::unavailable, "The node is not open yet.", std::chrono::seconds(1));
    }
    c.reject(engine::rejection_code::scope_not_found, "There is no ID scope '" + scope.text() + "' here.");
  }

  void end_system() {
    // An actor that will not end must not keep the node from ending: the system is then left to the end of the process.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (system_->registry().running() != 0 && std::chrono::steady_clock::now() < until) {
      std::unique_lock lock(end_mutex_);
      end_.wait_for(lock, std::chrono::milliseconds(5));
    }
    if (system_->registry().running() != 0) {
      dependencies_.log.write(engine::log_level::error, "actors did not end",
                              {{"running", std::to_string(system_->registry().running())}});
      static_cast<void>(system_.release());
    }
  }

  // Nothing once the node stops: nobody would end the actor.
  scope_actor actor_of(const events::id_scope& scope) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto at = scopes_.find(scope); at != scopes_.end()) return at->second;
    }
    const std::unique_lock lock(mutex_);
    if (stopping_.load(std::memory_order_acquire)) return {};
    auto& actor = scopes_[scope];
    if (!actor) {
      scope_options options;
      options.devices = {options_.device_actors_max, options_.idle_after};
      options.spending = options_.spending;
      actor = system_->spawn(run_scope, &dependencies_, options, scope);
    }
    return actor;
  }

  runtime_options options_;
  actor_dependencies dependencies_;
  std::shared_ptr<in_flight> in_flight_ = std::make_shared<in_flight>();
  std::atomic<bool> stopping_{false};
  system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  directory_actor directory_;
  std::shared_mutex mutex_;
  std::map<events::id_scope, scope_actor> scopes_;
  std::mutex end_mutex_;
  std::condition_variable end_;
};

actor_runtime::actor_runtime(runtime_options options, actor_dependencies dependencies)
    : impl_(std::make_unique<impl>(options, dependencies)) {}
actor_runtime::~actor_runtime() {
  impl_->stop(std::chrono::milliseconds(0));
}
void actor_runtime::submit(engine::command c, engine::caller who, std::shared_ptr<engine::reply> to) {
  impl_->submit(std::move(c), std::move(who), std::move(to));
}
void actor_runtime::stop(std::chrono::milliseconds drain) {
  impl_->stop(drain);
}

}  // namespace muster::actors
