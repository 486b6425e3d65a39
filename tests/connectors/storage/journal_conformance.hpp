#pragma once

#include "tests/support/eventually.hpp"
#include "tests/support/frames.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <map>
#include <thread>

/// What every journal does. Whoever includes this has defined `adapters` in this namespace: a list of types with
/// `engine::journal& open()`, which makes the journal of four shards or opens it again, and `void close()`.
namespace muster::tests {

using engine::append_and_wait;
using engine::append_outcome;
using engine::outgoing_frame;
using events::log_offset;
using events::shard_id;

namespace {

std::vector<outgoing_frame> batches(const engine::journal& journal, shard_id shard, std::uint64_t first,
                                    std::uint64_t count) {
  std::vector<outgoing_frame> frames;
  for (auto number = first; number < first + count; ++number)
    frames.push_back({shard, batch_frame(journal.identity().id, shard, number)});
  return frames;
}

bool all(const std::vector<append_outcome>& outcomes, append_outcome expected) {
  return std::ranges::all_of(outcomes, [&](append_outcome each) { return each == expected; });
}

std::uint64_t end_of(engine::journal& journal, shard_id shard) {
  const auto end = journal.end(shard);
  BOOST_REQUIRE(end);
  return end->value();
}

/// Reads until there is something: a frame may be durable a moment before it is there to be read.
std::vector<engine::log_record> read_some(engine::journal& journal, shard_id shard, log_offset from,
                                          std::size_t bytes_max) {
  std::vector<engine::log_record> records;
  BOOST_REQUIRE(eventually([&] {
    auto page = journal.read(shard, from, bytes_max);
    BOOST_REQUIRE_MESSAGE(page, (page ? "" : page.error().text));
    records = std::move(*page);
    return !records.empty();
  }));
  return records;
}

/// Every frame of `shard`, read in pages of at most about `bytes_max` bytes; offsets are checked on the way.
std::vector<std::string> read_all(engine::journal& journal, shard_id shard, std::size_t bytes_max = 1 << 20) {
  std::vector<std::string> frames;
  const auto end = end_of(journal, shard);
  while (frames.size() < end) {
    for (const auto& record : read_some(journal, shard, log_offset(frames.size()), bytes_max)) {
      BOOST_REQUIRE_EQUAL(record.offset.value(), frames.size());
      frames.push_back(record.bytes);
    }
  }
  const auto page = journal.read(shard, log_offset(end), bytes_max);
  BOOST_REQUIRE_MESSAGE(page, (page ? "" : page.error().text));
  BOOST_TEST(page->empty());
  return frames;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_conformance)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_new_journal_is_empty, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  BOOST_TEST(journal.identity().shards == 4U);
  BOOST_TEST((journal.identity().master_key_fingerprint == test_journal().master_key_fingerprint));
  for (std::uint64_t shard = 0; shard < 4; ++shard) {
    BOOST_TEST(end_of(journal, shard_id(shard)) == 0U);
    BOOST_TEST(read_all(journal, shard_id(shard)).empty());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_frame_has_an_outcome_and_is_read_back_in_order, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  const auto frames = batches(journal, shard_id(1), 1, 20);
  const auto outcomes = append_and_wait(journal, frames);
  BOOST_TEST(outcomes.size() == frames.size());
  BOOST_TEST(all(outcomes, append_outcome::durable));
  const auto read = read_all(journal, shard_id(1));
  BOOST_REQUIRE_EQUAL(read.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) BOOST_TEST(read[i] == frames[i].bytes);
  BOOST_TEST(append_and_wait(journal, {}).empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_shard_has_an_order_of_its_own, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  std::map<std::uint64_t, std::vector<std::string>> expected;
  for (std::uint64_t round = 0; round < 5; ++round) {
    std::vector<outgoing_frame> mixed;
    for (const std::uint64_t shard : {3, 0, 3, 1}) {
      mixed.push_back(
          {shard_id(shard), batch_frame(journal.identity().id, shard_id(shard), round * 10 + mixed.size())});
      expected[shard].push_back(mixed.back().bytes);
    }
    BOOST_TEST(all(append_and_wait(journal, mixed), append_outcome::durable));
  }
  for (std::uint64_t shard = 0; shard < 4; ++shard) {
    BOOST_TEST((read_all(journal, shard_id(shard)) == expected[shard]));
    BOOST_TEST(end_of(journal, shard_id(shard)) == expected[shard].size());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pages_are_small_but_never_empty_before_the_end, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  const auto frames = batches(journal, shard_id(0), 1, 30);
  append_and_wait(journal, frames);
  BOOST_TEST(read_all(journal, shard_id(0), 1).size() == 30U);
  BOOST_TEST(read_all(journal, shard_id(0), frames[0].bytes.size() * 3 + 5).size() == 30U);
  const auto one = read_some(journal, shard_id(0), log_offset(7), 1);
  BOOST_REQUIRE_EQUAL(one.size(), 1U);
  BOOST_TEST(one.front().offset.value() == 7U);
  const auto three = journal.read(shard_id(0), log_offset(7), frames[0].bytes.size() * 3 + 5);
  BOOST_REQUIRE(three);
  BOOST_TEST(three->size() == 3U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reading_at_or_past_the_end_gives_nothing, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  append_and_wait(journal, batches(journal, shard_id(2), 1, 3));
  for (const std::uint64_t from : {3, 4, 1000}) {
    const auto page = journal.read(shard_id(2), log_offset(from), 1000);
    BOOST_REQUIRE(page);
    BOOST_TEST(page->empty());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_new_frame_is_announced_and_is_readable_then, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  std::array<std::atomic<int>, 4> arrivals{};
  journal.on_arrival([&](shard_id shard) { ++arrivals.at(shard.value()); });
  for (std::uint64_t number = 0; number < 5; ++number) {
    append_and_wait(journal, batches(journal, shard_id(1), number, 1));
    BOOST_REQUIRE(eventually([&] { return arrivals[1] > static_cast<int>(number); }));
    const auto page = journal.read(shard_id(1), log_offset(number), 1000);
    BOOST_REQUIRE(page);
    BOOST_REQUIRE_EQUAL(page->size(), 1U);
  }
  BOOST_TEST(arrivals[1] == 5);
  BOOST_TEST(arrivals[0] == 0);
  adapter.close();  // before what `arrived` refers to goes
}

BOOST_AUTO_TEST_CASE_TEMPLATE(claims_and_void_frames_are_kept_as_bytes_like_any_other, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  const shard_id shard(0);
  events::journal_id another;
  another.bytes.fill(0x99);
  const std::vector<outgoing_frame> frames{{shard, claim_frame(journal.identity().id, shard, 1)},
                                           {shard, claim_frame(journal.identity().id, shard, 1)},
                                           {shard, batch_frame(journal.identity().id, shard, 1)},
                                           {shard, batch_frame(journal.identity().id, shard, 1)},
                                           {shard, batch_frame(another, shard, 1)},
                                           {shard, std::string("not a frame at all\0\xff", 20)},
                                           {shard, std::string()}};
  BOOST_TEST(all(append_and_wait(journal, frames), append_outcome::durable));
  const auto read = read_all(journal, shard);
  BOOST_REQUIRE_EQUAL(read.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) BOOST_TEST((read[i] == frames[i].bytes));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reopened_journal_goes_on_where_it_was, Adapter, adapters) {
  Adapter adapter;
  std::vector<std::string> expected;
  events::journal_id id;
  for (std::uint64_t start = 0; start < 4; ++start) {
    auto& journal = adapter.open();
    if (start == 0) id = journal.identity().id;
    BOOST_TEST((journal.identity().id == id));
    BOOST_TEST((read_all(journal, shard_id(3)) == expected));
    for (const auto& frame : batches(journal, shard_id(3), start * 10, 10)) {
      append_and_wait(journal, {frame});
      expected.push_back(frame.bytes);
    }
    BOOST_TEST(end_of(journal, shard_id(3)) == expected.size());
    BOOST_TEST((read_all(journal, shard_id(3)) == expected));
    adapter.close();
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(several_threads_read_at_once, Adapter, adapters) {
  Adapter adapter;
  {
    auto& journal = adapter.open();
    append_and_wait(journal, batches(journal, shard_id(2), 1, 200));
    adapter.close();
  }
  auto& journal = adapter.open();
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      std::uint64_t next = 0;
      for (auto page = journal.read(shard_id(2), {}, 2000); page && !page->empty();
           page = journal.read(shard_id(2), log_offset(next), 2000)) {
        for (const auto& record : *page) next += record.offset.value() == next ? 1 : 1000;
      }
      if (next == 200) ++right;
    });
  }
  for (auto& reader : readers) reader.join();
  BOOST_TEST(right == 3);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(large_frames_are_kept_whole, Adapter, adapters) {
  Adapter adapter;
  auto& journal = adapter.open();
  const outgoing_frame large{shard_id(0), batch_frame(journal.identity().id, shard_id(0), 1, 500 * 1024)};
  BOOST_TEST(all(append_and_wait(journal, {large}), append_outcome::durable));
  BOOST_TEST((read_all(journal, shard_id(0)) == std::vector{large.bytes}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
