#include "actors/generation_offer.hpp"
#include "actors/shard_host.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "engine/decision.hpp"
#include "engine/history.hpp"
#include "projections/memory_projection.hpp"
#include "projections/row_projection.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <future>
#include <map>

namespace muster::engine {

static std::ostream& operator<<(std::ostream& out, settlement_kind kind) {
  constexpr const char* names[] = {"committed", "conflict", "unavailable", "overloaded", "too_large"};
  return out << names[static_cast<std::size_t>(kind)];
}

}  // namespace muster::engine

namespace {

using namespace muster;
using namespace std::chrono_literals;
using engine::settlement_kind;
using events::shard_id;

/// A log that keeps what it was told.
struct kept_log final : engine::log {
  std::mutex mutex;
  std::vector<std::string> lines;
  void write(engine::log_level, std::string_view what, std::initializer_list<field> fields) override {
    std::string line(what);
    for (const auto& [name, value] : fields) line.append(" ").append(name).append("=").append(value);
    const std::lock_guard lock(mutex);
    lines.push_back(std::move(line));
  }
  std::size_t count(std::string_view part) {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const std::string& each) { return each.find(part) != std::string::npos; }));
  }
};

/// Rows in memory that take nothing while `full`.
struct full_rows final : projections::row_store {
  std::shared_ptr<projections::row_store> whole = projections::make_memory_rows();
  std::atomic<bool> full{false};

  engine::result<std::optional<std::string>> get(std::string_view key) const override { return whole->get(key); }
  engine::result<void> scan(std::string_view from, std::string_view to, const visitor& visit) const override {
    return whole->scan(from, to, visit);
  }
  std::unique_ptr<projections::row_batch> make_batch() override { return whole->make_batch(); }
  engine::result<void> write(projections::row_batch& batch) override {
    if (full) return engine::fail(engine::errc::internal, "no space left on device");
    return whole->write(batch);
  }
  std::unique_ptr<projections::row_source> snapshot() const override { return whole->snapshot(); }
};

/// Projections in memory, except those of shards that cannot be opened, or whose rows the test has. A rebuild mends
/// them.
struct breakable_store final : engine::projection_store {
  std::unique_ptr<engine::projection_store> whole = projections::make_memory_projection_store();
  std::map<shard_id, std::shared_ptr<full_rows>> rows;
  std::mutex mutex;
  std::map<shard_id, engine::error> broken;  ///< under `mutex`

  void mend(shard_id shard) {
    const std::lock_guard lock(mutex);
    broken.erase(shard);
  }
  engine::result<std::shared_ptr<engine::shard_projection>> open(shard_id shard) override {
    const std::lock_guard lock(mutex);
    if (const auto at = broken.find(shard); at != broken.end()) return std::unexpected(at->second);
    if (const auto at = rows.find(shard); at != rows.end()) return projections::row_projection::open(at->second);
    return whole->open(shard);
  }
  engine::result<std::shared_ptr<engine::shard_projection>> open_existing(shard_id shard) override {
    return whole->open_existing(shard);
  }
  engine::result<std::shared_ptr<engine::shard_projection>> begin_generation(shard_id shard) override {
    return whole->begin_generation(shard);
  }
  engine::result<void> switch_generation(shard_id shard) override {
    mend(shard);
    return whole->switch_generation(shard);
  }
  engine::result<fingerprint> fingerprint_of(engine::shard_projection& generation,
                                             const std::stop_token& stop) override {
    return whole->fingerprint_of(generation, stop);
  }
};

/// A keyring that stores nothing while `full`.
struct full_keyring final : engine::keyring {
  connectors::memory_keyring whole{engine::data_key(std::string(32, 'm'))};
  std::atomic<bool> full{false};

  const events::digest& master_key_fingerprint() const override { return whole.master_key_fingerprint(); }
  engine::result<void> store(std::span<const engine::named_key> keys) override {
    if (full) return engine::fail(engine::errc::unavailable, "no space left on the keyring's disk");
    return whole.store(keys);
  }
  engine::result<engine::data_key> find(const events::data_key_id& id) override { return whole.find(id); }
  engine::result<void> destroy(std::span<const events::data_key_id> ids) override { return whole.destroy(ids); }
  engine::result<void> each(const std::function<engine::result<void>(const engine::named_key&)>& take) override {
    return whole.each(take);
  }
};

struct fixture {
  tests::fake_clock clock;
  tests::fake_entropy entropy;
  engine::telemetry telemetry;
  kept_log log;
  full_keyring keyring;
  connectors::memory_journal journal;
  breakable_store projections;
  actors::scope_catalog catalog{3};
  actors::shard_host host{
      actors::shard_host_options{"node-a", 1, 60s},
      actors::shard_host_dependencies{journal, keyring, projections, clock, entropy, telemetry, log, catalog}};

  explicit fixture(bool exclusive = true) : journal({{{7}}, 3, keyring.master_key_fingerprint()}, exclusive) {}
  ~fixture() { host.stop(1s); }

  void start() {
    host.start();
    BOOST_TEST_REQUIRE(host.wait_until_settled(10s));
  }
  std::future<engine::settlement> propose(shard_id shard, std::string_view device, bool with_key = false) {
    const auto [stream, data] = tests::enrolled(tests::scope_a, device);
    engine::decision d;
    d.events.push_back({stream, events::stream_version(1), data, {}});
    if (with_key) d.keys.push_back({tests::data_key_named(device), engine::data_key(std::string(32, 'k'))});
    auto p = engine::to_proposal(d, {"test", "01234567-89ab-cdef-0123-456789abcdef", {}, {}}, nullptr, {},
                                 clock.now() + 15s);
    auto promise = std::make_shared<std::promise<engine::settlement>>();
    p.settled = [promise](const engine::settlement& what) { promise->set_value(what); };
    host.propose(shard, std::move(p));
    return promise->get_future();
  }
  std::future<engine::read_permit> read(shard_id shard, engine::read_kind kind) {
    auto promise = std::make_shared<std::promise<engine::read_permit>>();
    host.pass(shard, kind, [promise](const engine::read_permit& permit) { promise->set_value(permit); });
    return promise->get_future();
  }
  static engine::read_permit permit(std::future<engine::read_permit> given) {
    BOOST_TEST_REQUIRE((given.wait_for(10s) == std::future_status::ready));
    return given.get();
  }
  static settlement_kind kind(std::future<engine::settlement> settled) {
    BOOST_TEST_REQUIRE((settled.wait_for(10s) == std::future_status::ready));
    return settled.get().kind;
  }
};

/// The same on a log that others can write too.
struct shared_log : fixture {
  shared_log() : fixture(false) {}
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(the_shard_host, fixture)

BOOST_AUTO_TEST_CASE(a_shard_whose_projections_cannot_be_opened_stops_alone) {
  projections.broken[shard_id(1)] = {engine::errc::corrupt, "secret/path: CURRENT names no generation"};
  start();
  BOOST_TEST(host.open(shard_id(0)));
  BOOST_TEST(!host.open(shard_id(1)));
  BOOST_TEST(host.open(shard_id(2)));
  BOOST_TEST(telemetry.shards_open == 2U);
  BOOST_TEST(telemetry.shards_stopped == 1U);
  BOOST_TEST(*host.not_ready(false) == "shard 1 stopped; see the log");
  BOOST_TEST(*host.not_ready(true) == "shard 1: secret/path: CURRENT names no generation");
  BOOST_TEST(log.count("shard stopped shard=1 reason=secret/path") == 1U);
  BOOST_TEST(kind(propose(shard_id(1), "dev-1")) == settlement_kind::unavailable);
  BOOST_TEST(kind(propose(shard_id(2), "dev-1")) == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_shard_whose_journal_is_damaged_stops_alone) {
  journal.put(shard_id(2), "what no writer ever wrote");
  journal.damage(shard_id(2), events::log_offset(0));
  start();
  BOOST_TEST(host.open(shard_id(0)));
  BOOST_TEST(host.open(shard_id(1)));
  BOOST_TEST(*host.not_ready(false) == "shard 2 stopped; see the log");
}

BOOST_AUTO_TEST_CASE(damage_that_the_history_meets_stops_the_shard_and_no_other) {
  start();
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
  engine::history history(journal, keyring, catalog);
  BOOST_TEST(history.event_at(shard_id(0), events::log_sequence(1)).has_value());
  journal.damage(shard_id(0), events::log_offset(1));
  BOOST_TEST((history.event_at(shard_id(0), events::log_sequence(1)).error().code == engine::errc::corrupt));
  BOOST_TEST(tests::eventually([&] { return host.stopped(shard_id(0)).has_value(); }));
  BOOST_TEST(*host.not_ready(true) == "shard 0: shard 0, offset 1: damaged by a test");
  BOOST_TEST(telemetry.shards_stopped == 1U);
  BOOST_TEST(log.count("shard stopped shard=0 reason=shard 0, offset 1: damaged by a test") == 1U);
  BOOST_TEST(kind(propose(shard_id(1), "dev-1")) == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(damage_that_a_check_or_a_rebuild_meets_stops_the_shard_and_no_other) {
  start();
  for (const std::uint64_t shard : {0U, 1U, 2U}) {
    BOOST_TEST(kind(propose(shard_id(shard), "dev-1")) == settlement_kind::committed);
    if (shard != 2) journal.damage(shard_id(shard), events::log_offset(1));
  }
  BOOST_TEST(host.verify(shard_id(0), {})->wrong == "shard 0, offset 1: damaged by a test");
  BOOST_TEST((host.rebuild(shard_id(1), {}).error().code == engine::errc::corrupt));
  BOOST_TEST(tests::eventually([&] { return host.stopped(shard_id(0)) && host.stopped(shard_id(1)); }));
  BOOST_TEST(host.open(shard_id(2)));
  BOOST_TEST(host.verify(shard_id(2), {})->wrong == "");
}

BOOST_AUTO_TEST_CASE(a_shard_whose_journal_cannot_be_reached_is_tried_again_and_does_not_stop) {
  projections.broken[shard_id(0)] = {engine::errc::unavailable, "the brokers do not answer"};
  host.start();
  BOOST_TEST(!host.wait_until_settled(300ms));
  BOOST_TEST(host.not_ready(false)->starts_with("shard"));
  BOOST_TEST(!host.stopped(shard_id(0)));
  BOOST_TEST(log.count("shard cannot be opened yet shard=0 reason=the brokers do not answer") == 1U);
}

BOOST_AUTO_TEST_CASE(a_shard_whose_projections_storage_failed_is_tried_again) {
  projections.broken[shard_id(1)] = {engine::errc::internal, "no space left on device"};
  start();
  BOOST_TEST(*host.not_ready(true) == "shard 1: no space left on device");
  BOOST_TEST(telemetry.shards_stopped == 1U);
  projections.mend(shard_id(1));
  BOOST_TEST(tests::eventually([&] { return host.open(shard_id(1)); }));
  BOOST_TEST(!host.not_ready(true).has_value());
  BOOST_TEST(telemetry.shards_stopped == 0U);
  BOOST_TEST(kind(propose(shard_id(1), "dev-1")) == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_shard_whose_projections_could_not_take_a_frame_goes_on_behind_what_they_have) {
  const auto rows = projections.rows[shard_id(0)] = std::make_shared<full_rows>();
  start();
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
  rows->full = true;
  BOOST_TEST(kind(propose(shard_id(0), "dev-2")) == settlement_kind::unavailable);
  BOOST_TEST(tests::eventually([&] { return host.stopped(shard_id(0)).has_value(); }));
  BOOST_TEST(kind(propose(shard_id(1), "dev-1")) == settlement_kind::committed);
  rows->full = false;
  BOOST_TEST(tests::eventually([&] { return host.open(shard_id(0)); }));
  BOOST_TEST(kind(propose(shard_id(0), "dev-3")) == settlement_kind::committed);
  const auto verified = host.verify(shard_id(0), {});
  BOOST_TEST_REQUIRE(verified.has_value());
  BOOST_TEST(verified->events == 3U, "the second event was on the log, and is in the projections now");
}

BOOST_AUTO_TEST_CASE(a_damaged_journal_is_not_tried_again) {
  journal.put(shard_id(2), "what no writer ever wrote");
  journal.damage(shard_id(2), events::log_offset(0));
  start();
  BOOST_TEST(!tests::eventually([&] { return !host.stopped(shard_id(2)); }, 1500ms));
  BOOST_TEST((host.rebuild(shard_id(2), {}).error().code == engine::errc::unavailable));
  BOOST_TEST(log.count("shard stopped shard=2") == 1U);
}

BOOST_AUTO_TEST_CASE(before_it_starts_every_shard_is_not_open_yet) {
  BOOST_TEST(*host.not_ready(false) == "shards 0, 1, 2 not open yet");
  host.stop(0ms);
}

BOOST_AUTO_TEST_CASE(refused_frames_are_logged_once_in_a_while_and_not_each_time) {
  start();
  for (int i = 0; i < 5; ++i) {
    journal.decide_next(connectors::memory_journal::fate::refused);
    BOOST_TEST(kind(propose(shard_id(0), "dev-" + std::to_string(i))) == settlement_kind::unavailable);
  }
  BOOST_TEST(log.count("a frame could not be written shard=0") == 1U);
  BOOST_TEST(kind(propose(shard_id(0), "dev-9")) == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_keyring_that_cannot_store_refuses_only_what_needs_a_new_key) {
  start();
  keyring.full = true;
  BOOST_TEST(kind(propose(shard_id(0), "dev-1", true)) == settlement_kind::unavailable);
  BOOST_TEST(kind(propose(shard_id(1), "dev-1")) == settlement_kind::committed);
  BOOST_TEST(log.count("a frame could not be written shard=0 reason=data keys cannot be stored: no space left") == 1U);
  keyring.full = false;
  BOOST_TEST(kind(propose(shard_id(0), "dev-1", true)) == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(a_rebuild_passes_over_a_running_shard_and_mends_one_whose_projections_are_damaged) {
  projections.broken[shard_id(1)] = {engine::errc::corrupt, "broken"};
  start();
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
  const auto rebuilt = host.rebuild(shard_id(0), {});
  BOOST_TEST_REQUIRE(rebuilt.has_value());
  BOOST_TEST(*rebuilt == 1U);
  BOOST_TEST(host.verify(shard_id(1), {})->wrong == "it has stopped: broken");
  BOOST_TEST(host.rebuild(shard_id(1), {}).has_value());
  BOOST_TEST(tests::eventually([&] { return host.open(shard_id(1)); }));
  BOOST_TEST(kind(propose(shard_id(1), "dev-1")) == settlement_kind::committed);
  BOOST_TEST(kind(propose(shard_id(0), "dev-2")) == settlement_kind::committed);
  const auto verified = host.verify(shard_id(0), {});
  BOOST_TEST_REQUIRE(verified.has_value());
  BOOST_TEST(verified->wrong == "");
  BOOST_TEST(verified->events == 2U);
}

BOOST_AUTO_TEST_CASE(every_read_is_exact_at_no_cost_where_nobody_else_can_write) {
  start();
  const auto before = journal.appends();
  clock.advance(1h);
  const auto exact = read(shard_id(0), engine::read_kind::exact);
  BOOST_TEST((exact.wait_for(0s) == std::future_status::ready));
  BOOST_TEST(journal.appends() == before);
}

BOOST_AUTO_TEST_CASE(rebuild_and_verify_end_when_they_are_asked_to) {
  start();
  std::stop_source stop;
  stop.request_stop();
  BOOST_TEST((host.rebuild(shard_id(0), stop.get_token()).error().code == engine::errc::cancelled));
  BOOST_TEST((host.verify(shard_id(0), stop.get_token()).error().code == engine::errc::cancelled));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(a_host_on_a_shared_log, shared_log)

BOOST_AUTO_TEST_CASE(opens_its_shards_and_writes) {
  start();
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
}

BOOST_AUTO_TEST_CASE(stops_the_shard_whose_log_has_lost_what_was_folded_and_says_what_to_do) {
  start();
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
  journal.truncate(shard_id(0), events::log_offset(1));
  clock.advance(engine::limits::log_check_interval);
  BOOST_TEST(kind(propose(shard_id(0), "dev-2")) == settlement_kind::unavailable);
  BOOST_TEST_REQUIRE(host.stopped(shard_id(0)).has_value());
  BOOST_TEST(host.stopped(shard_id(0))->find("lost frames") != std::string::npos, *host.stopped(shard_id(0)));
  BOOST_TEST(host.stopped(shard_id(0))->find("muster rebuild") != std::string::npos);
  BOOST_TEST(telemetry.shards_stopped == 1U);
  BOOST_TEST(*host.not_ready(false) == "shard 0 stopped; see the log");
  BOOST_TEST(host.open(shard_id(1)));
}

BOOST_AUTO_TEST_CASE(that_finds_an_earlier_end_when_it_starts_asks_again_before_it_stops_the_shard) {
  projections.rows[shard_id(0)] = std::make_shared<full_rows>();
  start();
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
  host.stop(1s);
  const auto whole = journal.read(shard_id(0), {}, 1U << 20U);
  BOOST_TEST_REQUIRE(whole.has_value());
  journal.truncate(shard_id(0), events::log_offset(1));
  const actors::shard_host_dependencies around{journal, keyring, projections, clock, entropy, telemetry, log, catalog};

  actors::shard_host believing({"node-b", 1, 60s, 2s, 0s}, around);
  believing.start();
  BOOST_TEST(believing.wait_until_settled(10s));
  BOOST_TEST_REQUIRE(believing.stopped(shard_id(0)).has_value());
  BOOST_TEST(believing.stopped(shard_id(0))->find("lost frames") != std::string::npos);
  believing.stop(1s);

  actors::shard_host doubting({"node-c", 1, 60s, 2s, 1h}, around);
  doubting.start();
  BOOST_TEST(tests::eventually([&] { return log.count("shard cannot be opened yet shard=0 reason=the proj") == 1U; }));
  BOOST_TEST(!doubting.stopped(shard_id(0)).has_value());
  for (std::size_t i = 1; i < whole->size(); ++i) journal.put(shard_id(0), (*whole)[i].bytes);
  BOOST_TEST(tests::eventually([&] { return doubting.open(shard_id(0)); }));
  doubting.stop(1s);
}

BOOST_AUTO_TEST_CASE(tells_of_void_frames_in_the_log_and_in_the_metrics) {
  start();
  journal.put(shard_id(0), tests::claim_frame(journal.identity().id, shard_id(0), 1));
  BOOST_TEST(kind(propose(shard_id(0), "dev-1")) == settlement_kind::committed);
  BOOST_TEST(telemetry.frames_void == 1U);
  BOOST_TEST(log.count("void frame on the log shard=0 frame=offset 1: a claim that came too late") == 1U);
}

BOOST_AUTO_TEST_CASE(lets_recent_reads_through_at_once_and_exact_ones_behind_a_frame) {
  start();
  const auto before = journal.appends();
  const auto recent = read(shard_id(0), engine::read_kind::recent);
  BOOST_TEST((recent.wait_for(0s) == std::future_status::ready));
  BOOST_TEST(journal.appends() == before);
  BOOST_TEST(permit(read(shard_id(0), engine::read_kind::exact)).granted);
  BOOST_TEST(journal.appends() == before + 1);
  clock.advance(2s);
  BOOST_TEST(permit(read(shard_id(0), engine::read_kind::recent)).granted);
  BOOST_TEST(journal.appends() == before + 2);
}

BOOST_AUTO_TEST_CASE(lets_old_reads_through_with_their_age_while_the_log_is_away) {
  start();
  clock.advance(10s);
  for (int i = 0; i < 50; ++i) journal.decide_next(connectors::memory_journal::fate::unknown_lost);
  auto asked = read(shard_id(0), engine::read_kind::recent);
  for (int i = 0; i < 1000 && asked.wait_for(10ms) != std::future_status::ready; ++i) clock.advance(20ms);
  const auto given = permit(std::move(asked));
  BOOST_TEST(given.granted);
  BOOST_TEST_REQUIRE(given.age.has_value());
  BOOST_TEST((*given.age >= 10s));
}

BOOST_AUTO_TEST_CASE(gives_back_reads_that_wait_when_it_stops) {
  start();
  journal.decide_next(connectors::memory_journal::fate::unknown_lost);
  auto asked = read(shard_id(0), engine::read_kind::exact);
  host.stop(0ms);
  BOOST_TEST(!permit(std::move(asked)).granted);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(an_offered_generation)

BOOST_AUTO_TEST_CASE(is_withdrawn_when_nobody_takes_it_in_time) {
  actors::generation_offer offer;
  const auto made = offer.make(projections::make_memory_projection(), [] {}, 1ms, {});
  BOOST_TEST((made.error().code == engine::errc::timeout));
  BOOST_TEST(!offer.take());
}

BOOST_AUTO_TEST_CASE(is_waited_for_once_it_is_taken_however_long_the_switch_lasts) {
  actors::generation_offer offer;
  std::promise<void> taken;
  auto outcome = std::async(std::launch::async, [&] {
    return offer.make(projections::make_memory_projection(), [&] { taken.set_value(); }, 10s, {});
  });
  taken.get_future().wait();
  BOOST_TEST_REQUIRE(offer.take());
  BOOST_TEST((outcome.wait_for(50ms) == std::future_status::timeout));
  offer.settle({});
  BOOST_TEST(outcome.get().has_value());
}

BOOST_AUTO_TEST_CASE(is_withdrawn_when_the_node_stops) {
  actors::generation_offer offer;
  std::stop_source stop;
  const auto made =
      offer.make(projections::make_memory_projection(), [&] { stop.request_stop(); }, 10s, stop.get_token());
  BOOST_TEST((made.error().code == engine::errc::cancelled));
}

BOOST_AUTO_TEST_SUITE_END()
