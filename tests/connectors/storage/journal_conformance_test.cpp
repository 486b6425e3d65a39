#include "connectors/storage/embedded_journal.hpp"
#include "connectors/storage/memory_journal.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

namespace muster::tests {

struct memory_adapter {
  std::shared_ptr<connectors::memory_journal> journal = std::make_shared<connectors::memory_journal>(test_journal());

  engine::journal& open() { return *journal; }
  void close() {}
};

/// Keeps next to nothing in memory, so that reads go to the files.
template <std::size_t RecentBytesMax>
struct embedded_adapter_keeping {
  temporary_directory directory;
  fake_entropy entropy;
  std::unique_ptr<engine::journal> journal;

  engine::journal& open() {
    connectors::embedded_journal_options options;
    options.directory = directory / "journal";
    options.shards = 4;
    options.master_key_fingerprint = test_journal().master_key_fingerprint;
    options.create_if_missing = true;
    options.entropy = &entropy;
    options.recent_bytes_max = RecentBytesMax;
    auto opened = connectors::open_embedded_journal(options);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
    journal = std::move(*opened);
    return *journal;
  }
  void close() { journal.reset(); }
};

struct embedded_adapter : embedded_adapter_keeping<1 << 20> {};
struct embedded_adapter_from_files : embedded_adapter_keeping<1> {};

using adapters = boost::mpl::list<memory_adapter, embedded_adapter, embedded_adapter_from_files>;

}  // namespace muster::tests

#include "tests/connectors/storage/journal_conformance.hpp"

namespace muster::tests {

/// What only the memory journal does: the worst of real logs, on request.
BOOST_AUTO_TEST_SUITE(memory_journal)

BOOST_AUTO_TEST_CASE(it_refuses_loses_lands_and_delays_appends_as_told) {
  using enum connectors::memory_journal::fate;
  connectors::memory_journal journal(test_journal());
  for (const auto next : {refused, unknown_lost, unknown_landed, unknown_delayed}) journal.decide_next(next);
  const auto outcome = [&](std::uint64_t number) {
    return append_and_wait(journal, batches(journal, shard_id(0), number, 1)).front();
  };
  BOOST_TEST((outcome(1) == append_outcome::refused));
  BOOST_TEST((outcome(2) == append_outcome::unknown));
  BOOST_TEST(end_of(journal, shard_id(0)) == 0U);
  BOOST_TEST((outcome(3) == append_outcome::unknown));
  BOOST_TEST(end_of(journal, shard_id(0)) == 1U);
  BOOST_TEST((outcome(4) == append_outcome::unknown));
  BOOST_TEST((outcome(5) == append_outcome::durable));
  BOOST_TEST(end_of(journal, shard_id(0)) == 2U);
  journal.release_delayed();
  BOOST_TEST((read_all(journal, shard_id(0)).back() == batch_frame(journal.identity().id, shard_id(0), 4)));
  BOOST_TEST(journal.appends() == 5U);
}

BOOST_AUTO_TEST_CASE(it_takes_frames_of_others_loses_its_end_and_reports_damage) {
  connectors::memory_journal journal(test_journal(), false);
  BOOST_TEST(!journal.exclusive());
  for (const auto* bytes : {"a", "b", "c"}) journal.put(shard_id(0), bytes);
  journal.truncate(shard_id(0), log_offset(2));
  BOOST_TEST(end_of(journal, shard_id(0)) == 2U);
  journal.damage(shard_id(0), log_offset(1));
  BOOST_TEST(journal.read(shard_id(0), log_offset(0), 100)->size() == 1U);
  for (int i = 0; i < 2; ++i) {
    const auto page = journal.read(shard_id(0), log_offset(1), 100);
    BOOST_REQUIRE(!page);
    BOOST_TEST((page.error().code == engine::errc::corrupt));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
