#pragma once

#include "actors/directory.hpp"
#include "actors/scope.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "engine/limits.hpp"
#include "tests/support/domain.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/fake_shard.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <stdexcept>

namespace muster::tests {

using namespace std::chrono_literals;

/// Randomness that a test can break: whoever draws then meets an exception.
class breakable_entropy final : public engine::entropy {
public:
  bool broken = false;
  std::string draw(std::size_t size) override {
    if (broken) throw std::runtime_error("no randomness");
    return whole_.draw(size);
  }

private:
  fake_entropy whole_;
};

/// A keyring one of whose keys cannot be read, if a test wants that.
class breakable_keyring final : public engine::keyring {
public:
  std::optional<events::data_key_id> unreadable;

  const events::digest& master_key_fingerprint() const override { return whole_.master_key_fingerprint(); }
  engine::result<void> store(std::span<const engine::named_key> keys) override { return whole_.store(keys); }
  engine::result<engine::data_key> find(const events::data_key_id& id) override {
    if (id == unreadable) return engine::fail(engine::errc::corrupt, "the key cannot be unwrapped");
    return whole_.find(id);
  }
  engine::result<void> destroy(std::span<const events::data_key_id> ids) override { return whole_.destroy(ids); }
  engine::result<void> each(const std::function<engine::result<void>(const engine::named_key&)>& visit) override {
    return whole_.each(visit);
  }

private:
  connectors::memory_keyring whole_{engine::data_key(std::string(32, 'm'))};
};

/// A log that keeps what it was told.
class kept_log final : public engine::log {
public:
  std::vector<std::string> errors;
  void write(engine::log_level level, std::string_view what, std::initializer_list<field>) override {
    if (level == engine::log_level::error) errors.emplace_back(what);
  }
};

/// A command and what came of it.
struct asked {
  std::optional<engine::answer> answer;
  bool dropped = false;  ///< its reply went away unanswered: a connector would answer 503

  template <class Answer>
  const Answer& get() const {
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST_REQUIRE(std::holds_alternative<Answer>(*answer));
    return std::get<Answer>(*answer);
  }
  bool rejected_as(engine::rejection_code code) const {
    const auto* r = answer ? std::get_if<engine::rejection>(&*answer) : nullptr;
    return r != nullptr && r->code == code;
  }
  bool waiting() const { return !answer && !dropped; }
};

/// The actors of a node over two shards in memory, in virtual time: nothing runs but in `run`, and no time passes but
/// in `advance`. The only fixture for actors: a system that is not drained before it goes would hang.
class actor_fixture {
public:
  using asked_ptr = std::shared_ptr<asked>;

  fake_clock clock;
  breakable_entropy entropy;
  engine::telemetry telemetry;
  kept_log log;
  breakable_keyring keyring;
  connectors::memory_journal journal{{{{7}}, 2, keyring.master_key_fingerprint()}};
  actors::scope_catalog catalog{2};
  fake_shards shards{journal, keyring, clock, entropy, catalog};
  engine::history history{journal, keyring, catalog};
  actors::actor_dependencies dependencies{catalog, shards, keyring, history, clock, entropy, telemetry, log, 2};
  actors::scope_options options;
  events::id_scope scope;  ///< of the service made last

  actor_fixture() {
    start_directory();
    run();
  }
  actor_fixture(const actor_fixture&) = delete;
  ~actor_fixture() {
    entropy.broken = false;
    for (const auto& [id, actor] : scopes_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    for (const auto& actor : successors_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    stop_directory();
    shards.release();
    run();
  }

  // Time and the actors -------------------------------------------------------------------------------------------

  /// Until nobody has anything to do at this moment.
  void run() {
    do scheduler_.run();
    while (shards.step());
  }
  /// One message of one actor: of the one that has waited longest, or of the one that came last. False if there is
  /// none.
  bool run_one_actor(bool last) { return last ? scheduler_.try_run_once_lifo() : scheduler_.try_run_once(); }
  /// Time passes. What is due is not done before `run`.
  void let_pass(std::chrono::seconds time) {
    clock.advance(time);
    scheduler_.advance_time(time);
  }
  void advance(std::chrono::seconds time) {
    let_pass(time);
    run();
  }
  void start_directory() { directory_ = system_.spawn(actors::run_directory, &dependencies); }
  /// As a crash would.
  void stop_directory() {
    caf::anon_send_exit(directory_, caf::exit_reason::kill);
    directory_ = nullptr;
    scheduler_.run();
  }

  // Commands ------------------------------------------------------------------------------------------------------

  /// Sends a command, with the idempotency key `command_id` of a request that reads `request`.
  asked_ptr ask(engine::command c, const std::string& command_id = {}, std::string_view request = {}) {
    auto made = std::make_shared<asked>();
    auto pending = pend(std::move(c), made, command_id, request);
    if (const auto* id = engine::scope_of(pending->what))
      caf::anon_send(actor_of(*id), std::move(pending));
    else
      caf::anon_send(directory_, std::move(pending));
    return made;
  }
  /// Sends a command to a device actor of the test's own and waits.
  asked done_by(const actors::device_actor& actor, engine::command c) {
    const auto made = std::make_shared<asked>();
    caf::anon_send(actor, pend(std::move(c), made, {}, {}));
    run();
    return *made;
  }
  /// The actor that follows on one that died; it ends with the fixture.
  actors::device_actor successor() {
    auto ties = std::make_shared<actors::device_ties>(&dependencies, scope, actor_of(scope), options.spending);
    successors_.push_back(system_.spawn(actors::run_device, actors::device_identity{std::move(ties), false}));
    return successors_.back();
  }
  /// Sends a command and waits.
  asked done(engine::command c, const std::string& command_id = {}, std::string_view request = {}) {
    const auto made = ask(std::move(c), command_id, request);
    run();
    return *made;
  }

  static engine::create_service service(std::string_view name) {
    return {named<events::service_name>(name), {}, {}, {}};
  }
  /// Makes the service that commands are for from now on; it has one hub.
  void make_service(std::string_view name = "demo", events::service_settings settings = {}) {
    auto c = service(name);
    c.settings = settings;
    scope = done(std::move(c)).get<engine::service_answer>().snapshot->service.scope;
  }

  engine::put_enrollment enrollment(std::string_view id, engine::precondition::kind condition = {}) const {
    engine::put_enrollment c;
    c.scope = scope;
    c.enrollment.id = named<events::registration_id>(id);
    c.if_match.what = condition;
    return c;
  }
  engine::put_group group(std::string_view id, bool enabled = true, engine::precondition::kind condition = {}) const {
    engine::put_group c;
    c.scope = scope;
    c.group.id = named<events::group_id>(id);
    if (!enabled) c.group.terms.status = events::provisioning_status::disabled;
    c.if_match.what = condition;
    return c;
  }
  /// Enrolls a device; gives its primary key.
  std::string enroll(std::string_view id) {
    return done(enrollment(id)).get<engine::enrollment_answer>().keys->primary;
  }
  /// Makes a group; gives its keys.
  engine::opened_keys make_group(std::string_view id) { return *done(group(id)).get<engine::group_answer>().keys; }

  engine::evidence shown(std::string_view id, std::string_view key, std::string address = "192.0.2.1") const {
    const auto resource = scope.text() + "%2Fregistrations%2F" + std::string(id);
    return {named<events::registration_id>(id), sign(key, resource, clock.now() + 1h), "https", "2021-06-01",
            std::move(address)};
  }
  engine::register_device registration(std::string_view id, std::string_view key,
                                       std::string address = "192.0.2.1") const {
    return {scope, shown(id, key, std::move(address)), {}};
  }
  engine::poll_operation poll(std::string_view id, std::string_view key, std::string operation) const {
    return {scope, shown(id, key), std::move(operation)};
  }
  static std::string key_in(const engine::opened_keys& group, std::string_view id) {
    return engine::derive_device_keys(group, id).primary;
  }

  /// Sends a message to the scope actor, as another actor would.
  template <class Message>
  void tell_scope(Message message) {
    caf::anon_send(actor_of(scope), std::move(message));
  }

  // What there is -------------------------------------------------------------------------------------------------

  /// The events of the service on the log, as data, whose type is `muster.NAME.v1`.
  std::vector<std::string> events_named(std::string_view name) {
    return pick(history.of_service(scope, {}, 1000, true), name);
  }
  std::size_t count(std::string_view name) { return events_named(name).size(); }
  /// As `count`, however long the history is.
  std::size_t count_all(std::string_view name) {
    std::size_t found = 0;
    engine::feed_place after;
    bool more = true;
    while (more) {
      const auto page = history.of_service(scope, after, 1000, false);
      found += pick(page, name).size();
      after = page->next;
      more = page->more;
    }
    return found;
  }
  std::size_t count_in_directory(std::string_view name) {
    return pick(history.of_stream(events::stream_name::directory(), {}, 1000, true), name).size();
  }
  engine::device_state device(std::string_view id) {
    const auto shard = catalog.find(scope).value->shard;
    return shards.rows(static_cast<std::uint32_t>(shard.value()))
        .device(scope, named<events::registration_id>(id))
        ->value;
  }
  std::uint64_t live() const { return telemetry.device_actors; }

private:
  struct noting_reply final : engine::reply {
    explicit noting_reply(std::shared_ptr<asked> to) : to_(std::move(to)) {}
    ~noting_reply() override { to_->dropped = !to_->answer; }
    void deliver(engine::answer a) override {
      if (!to_->answer) to_->answer = std::move(a);
    }
    std::shared_ptr<asked> to_;
  };

  struct test_config : caf::actor_system_config {
    test_config() { set("scheduler.policy", caf::atom("testing")); }
  };

  actors::command_ptr pend(engine::command c, const asked_ptr& to, const std::string& command_id,
                           std::string_view request) const {
    auto pending = std::make_shared<actors::pending_command>();
    pending->to = std::make_shared<noting_reply>(to);
    pending->who = {"test", "01234567-89ab-cdef-0123-456789abcdef", command_id, {}};
    if (!command_id.empty()) pending->who.request = events::sha256(request);
    pending->deadline = clock.now() + engine::limits::command_deadline;
    pending->what = std::move(c);
    return pending;
  }

  static std::vector<std::string> pick(const engine::result<engine::history_page>& page, std::string_view name) {
    BOOST_TEST_REQUIRE(page.has_value());
    std::vector<std::string> found;
    for (const auto& each : page->entries) {
      if (each.meta.type == "muster." + std::string(name) + ".v1") found.push_back(each.data);
    }
    return found;
  }

  actors::scope_actor actor_of(const events::id_scope& id) {
    auto& actor = scopes_[id];
    if (!actor) actor = system_.spawn(actors::run_scope, &dependencies, options, id);
    return actor;
  }

  test_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_, true};  // hidden: without one the system's end would wait for it
  caf::scheduler::test_coordinator& scheduler_ = dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  actors::directory_actor directory_;
  std::map<events::id_scope, actors::scope_actor> scopes_;
  std::vector<actors::device_actor> successors_;
};

}  // namespace muster::tests
