#include "connectors/api/feed_streams.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/feed_fixture.hpp"
#include "tests/support/https_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <condition_variable>

using namespace muster;
using namespace std::chrono_literals;

namespace {

/// Reads what a stream gives, as the listener would.
struct stream_reader {
  explicit stream_reader(std::shared_ptr<connectors::http_stream> s) : stream(std::move(s)) {
    stream->on_bytes([this] {
      const std::lock_guard lock(mutex);
      arrived = true;
      changed.notify_one();
    });
  }
  ~stream_reader() { stream->close(); }

  /// Everything until `text` has come, or the stream has ended.
  std::string until(std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      const bool over = stream->over();
      const auto more = stream->take();
      all += more;
      if (!more.empty()) continue;
      if (over) break;
      std::unique_lock lock(mutex);
      BOOST_TEST_REQUIRE(changed.wait_for(lock, 10s, [&] { return arrived; }), all);
      arrived = false;
    }
    return all;
  }

  std::shared_ptr<connectors::http_stream> stream;
  std::mutex mutex;
  std::condition_variable changed;
  bool arrived = false;
};

struct streams_fixture : tests::feed_fixture {
  tests::fake_clock clock;
  tests::kept_log log;
  engine::telemetry telemetry;
  connectors::feed_streams streams{
      {.streams_max = 3, .streams_per_service_max = 2}, feed, past, catalog, clock, log, telemetry};

  connectors::feed_subscription subscription(const events::id_scope& scope, std::uint64_t after = 0) const {
    return {scope, shard, events::log_sequence(after), {}, true, 0, {}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(feed_streams_, streams_fixture)

BOOST_AUTO_TEST_CASE(a_stream_gives_what_was_and_then_what_comes_of_its_service_alone) {
  write({record(demo, "a"), record(other, "b")});
  stream_reader reader(streams.open(subscription(demo)).value());
  const auto first = reader.until("devices/a");
  BOOST_TEST(first.starts_with("retry: 1000\nid: 0-0\n\nid: 0-1\ndata: {\"specversion\":\"1.0\""), first);
  write({record(other, "c"), record(demo, "d")});
  const auto second = reader.until("devices/d");
  BOOST_TEST(second.find("id: 0-4\ndata: ") != std::string::npos, second);
  BOOST_TEST(second.find("0ne00000002") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_begins_behind_the_place_that_was_asked_for) {
  for (const auto* device : {"a", "b", "c"}) write({record(demo, device)});
  stream_reader reader(streams.open(subscription(demo, 2)).value());
  const auto text = reader.until("devices/c");
  BOOST_TEST(text.find("devices/b") == std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(a_reader_that_takes_nothing_is_given_no_more_and_loses_nothing) {
  for (int i = 0; i < 3000; ++i) write({record(demo, "dev-" + std::to_string(i))});
  stream_reader reader(streams.open(subscription(demo)).value());
  std::string all = reader.until("devices/dev-9\"");
  BOOST_TEST(reader.stream->waiting() < 128U * 1024);
  all += reader.until("devices/dev-2999");
  std::size_t events = 0;
  for (auto at = all.find("\ndata: "); at != std::string::npos; at = all.find("\ndata: ", at + 1)) ++events;
  BOOST_TEST(events == 3000U);
}

BOOST_AUTO_TEST_CASE(what_waits_for_a_reader_that_takes_nothing_is_bounded) {
  stream_reader slow(streams.open(subscription(demo)).value());
  stream_reader quick(streams.open(subscription(demo)).value());
  std::size_t waited = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto device = "dev-" + std::to_string(i);
    write({record(demo, device), record(demo, device + "-again")});
    quick.until("devices/" + device + "-again");
    waited = std::max(waited, slow.stream->waiting());
  }
  // The events of the whole history are many times as long.
  BOOST_TEST(waited > 32U * 1024);
  BOOST_TEST(waited < 96U * 1024);
}

BOOST_AUTO_TEST_CASE(a_stream_ends_behind_as_many_events_as_were_asked_for) {
  write({record(demo, "a"), record(other, "b"), record(demo, "c"), record(demo, "d")});
  auto who = subscription(demo);
  who.limit = 3;
  stream_reader reader(streams.open(who).value());
  const auto first = reader.until("devices/d");
  BOOST_TEST(first.find("devices/a") != std::string::npos, first);
  write({record(demo, "e")});
  BOOST_TEST(reader.until("never") == "");
  BOOST_TEST(reader.stream->over());
  who.limit = 1;
  stream_reader one(streams.open(who).value());
  const auto only = one.until("never");
  BOOST_TEST(only.find("devices/a") != std::string::npos, only);
  BOOST_TEST(only.find("id: 0-2") == std::string::npos, only);
}

BOOST_AUTO_TEST_CASE(there_are_only_so_many_streams_of_a_service_and_in_all) {
  const auto a = streams.open(subscription(demo));
  const auto b = streams.open(subscription(demo));
  BOOST_TEST(streams.open(subscription(demo)).error() ==
             "Too many streams of events are open already, of this service.");
  const auto c = streams.open(subscription(other));
  BOOST_TEST(streams.open(subscription(other)).error() ==
             "Too many streams of events are open already, of all services together.");
  BOOST_TEST(telemetry.feed_streams_refused == 2U);
  (*a)->close();
  (*b)->close();
  (*c)->close();
}

BOOST_AUTO_TEST_CASE(a_stream_ends_when_its_reader_may_no_longer_read) {
  auto who = subscription(demo);
  who.admitted = [](const engine::scope_snapshot& service) { return service.service.version.value() == 1; };
  stream_reader reader(streams.open(std::move(who)).value());
  write({record(demo, "a")});
  reader.until("devices/a");
  auto changed = std::make_shared<engine::scope_snapshot>(*catalog.services.front());
  changed->service.version = events::stream_version(2);
  catalog.services.front() = std::move(changed);
  BOOST_TEST(reader.until("never").find("data:") == std::string::npos);
  BOOST_TEST(reader.stream->over());
}

BOOST_AUTO_TEST_SUITE_END()
