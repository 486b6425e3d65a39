#include "connectors/kafka/key_cache.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <rocksdb/db.h>

#include <memory>

/// A node's copy of the keyring on Kafka: what it is taken for when it is opened again. It needs no broker.
namespace muster::tests {

namespace {

using connectors::key_cache;
using engine::errc;

/// A copy of the keyring `ours` with one key, as an earlier run left it.
struct copy_on_disk {
  temporary_directory directory;
  std::filesystem::path path = directory / "keyring-copy";

  copy_on_disk() {
    auto copy = open();
    BOOST_REQUIRE(copy->apply({{"id", "wrapped"}}, {7, 1'700'000'000}));
  }

  std::unique_ptr<key_cache> open(const std::string& keyring = "ours") const {
    auto opened = key_cache::open(path, keyring);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
    return std::move(*opened);
  }

  /// Changes its rows behind its back.
  template <class Change>
  void change(Change how) const {
    rocksdb::DB* raw = nullptr;
    const auto opened = rocksdb::DB::Open({}, path.string(), &raw);
    const std::unique_ptr<rocksdb::DB> db(raw);
    BOOST_REQUIRE_MESSAGE(opened.ok(), opened.ToString());
    const rocksdb::Status changed = how(*db);
    BOOST_REQUIRE_MESSAGE(changed.ok(), changed.ToString());
  }

  /// Whether it begins anew, and holds nothing.
  static bool is_empty(const key_cache& copy) {
    const auto found = copy.find("id");
    return !found && found.error().code == errc::not_found && copy.position()->next_offset == 0;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keyring_copy, copy_on_disk)

BOOST_AUTO_TEST_CASE(a_copy_is_gone_on_with) {
  const auto copy = open();
  BOOST_TEST(copy->find("id").value() == "wrapped");
  BOOST_TEST(copy->position()->next_offset == 7);
  BOOST_TEST(copy->position()->followed_at == 1'700'000'000);
}

BOOST_AUTO_TEST_CASE(a_copy_of_another_format_is_made_anew) {
  change([](rocksdb::DB& db) { return db.Put({}, "format", "another"); });
  BOOST_TEST(is_empty(*open()));
  open()->keep({{"id", "wrapped again"}}).value();
  BOOST_TEST(open()->find("id").value() == "wrapped again");
}

BOOST_AUTO_TEST_CASE(a_copy_from_before_there_were_formats_is_made_anew) {
  change([](rocksdb::DB& db) { return db.Delete({}, "format"); });
  BOOST_TEST(is_empty(*open()));
}

BOOST_AUTO_TEST_CASE(a_copy_laid_out_otherwise_is_made_anew) {
  change([](rocksdb::DB& db) {
    rocksdb::ColumnFamilyHandle* family = nullptr;
    const auto made = db.CreateColumnFamily({}, "of a later format", &family);
    if (family != nullptr) db.DestroyColumnFamilyHandle(family);
    return made;
  });
  BOOST_TEST(is_empty(*open()));
}

BOOST_AUTO_TEST_CASE(a_copy_of_another_keyring_is_made_anew_and_nothing_of_it_stays_in_the_files) {
  BOOST_TEST(is_empty(*open("another")));
  for (const auto& entry : std::filesystem::directory_iterator(path))
    BOOST_TEST(!read_file(entry.path()).contains("wrapped"), entry.path());
}

BOOST_AUTO_TEST_CASE(a_damaged_copy_is_made_anew) {
  write_file(path / "CURRENT", "rubbish");
  BOOST_TEST(is_empty(*open()));
}

BOOST_AUTO_TEST_CASE(a_copy_that_another_process_has_is_left_alone) {
  const auto copy = open();
  const auto second = key_cache::open(path, "another");
  BOOST_REQUIRE(!second);
  BOOST_TEST((second.error().code == errc::unavailable));
  BOOST_TEST(copy->find("id").value() == "wrapped");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
