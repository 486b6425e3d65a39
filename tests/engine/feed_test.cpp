#include "tests/support/feed_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using tests::feed_fixture;
using sequences = std::vector<std::uint64_t>;

BOOST_FIXTURE_TEST_SUITE(feed, feed_fixture)

BOOST_AUTO_TEST_CASE(a_reader_gets_the_frames_behind_its_place_whether_anybody_followed_or_not) {
  write({record(demo, "a")});
  write({record(demo, "b"), record(demo, "c")});
  write_void();
  BOOST_TEST(read(0) == (sequences{1, 2, 3}));
  const auto following = feed.follow([](events::shard_id) {});
  write({record(demo, "d")});
  write({record(demo, "e")});
  BOOST_TEST(read(0) == (sequences{1, 2, 3, 4, 5}));
  BOOST_TEST(read(3) == (sequences{4, 5}));
  BOOST_TEST(read(5).empty());
  // A frame is never cut: who stands inside it gets all of it.
  BOOST_TEST(read(2, 1) == (sequences{2, 3}));
}

BOOST_AUTO_TEST_CASE(the_newest_frames_are_read_from_memory_and_older_ones_from_the_journal) {
  const auto following = feed.follow([](events::shard_id) {});
  write({record(demo, "a")});
  journal.damage(shard, events::log_offset(0));
  BOOST_TEST(read(0) == (sequences{1}));
  // More than is kept: the first frames go.
  for (int i = 0; i < 40; ++i) {
    auto big = record(demo, "b");
    big.data = R"({"registrationId":"b","pad":")" + std::string(300'000, 'x') + R"("})";
    write({big});
  }
  const auto lost = feed.read(shard, {}, 1000);
  BOOST_TEST_REQUIRE(!lost.has_value());
  BOOST_TEST((lost.error().code == engine::errc::corrupt));
  BOOST_TEST(read(40).size() == 1U);
}

BOOST_AUTO_TEST_CASE(followers_are_woken_after_each_fold_until_they_go) {
  std::vector<std::uint64_t> woken;
  BOOST_TEST(!feed.followed());
  auto following = feed.follow([&](events::shard_id s) { woken.push_back(s.value()); });
  BOOST_TEST(feed.followed());
  write({record(demo, "a")});
  BOOST_TEST(woken == (sequences{0}));
  following.reset();
  BOOST_TEST(!feed.followed());
  write({record(demo, "b")});
  BOOST_TEST(woken == (sequences{0}));
  // What nobody followed was not kept; what is kept has no gap.
  following = feed.follow([](events::shard_id) {});
  write({record(demo, "c")});
  BOOST_TEST(read(0) == (sequences{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(a_shard_that_is_not_open_is_unavailable) {
  catalog.open = false;
  const auto frames = feed.read(shard, {}, 1000);
  BOOST_TEST_REQUIRE(!frames.has_value());
  BOOST_TEST((frames.error().code == engine::errc::unavailable));
}

BOOST_AUTO_TEST_CASE(history_filters_by_type_and_stream_and_passes_over_the_rest) {
  write({record(demo, "a"), record(other, "a"), record(demo, "b")});
  const auto all = past.of_service(demo, {}, 10, false);
  BOOST_TEST(all->entries.size() == 2U);
  BOOST_TEST(all->next.sequence.value() == 3U);
  const auto one = past.of_service(demo, {}, 10, false, {{}, "devices/b"});
  BOOST_TEST_REQUIRE(one->entries.size() == 1U);
  BOOST_TEST(one->entries.front().meta.sequence.value() == 3U);
  const auto none = past.of_service(demo, {}, 10, false, {{"muster.device_registered.v1"}, {}});
  BOOST_TEST(none->entries.empty());
  BOOST_TEST(none->next.sequence.value() == 3U);
  BOOST_TEST(!none->more);
}

BOOST_AUTO_TEST_SUITE_END()
