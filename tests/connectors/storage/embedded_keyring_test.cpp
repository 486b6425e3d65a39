#include "connectors/storage/embedded_keyring.hpp"
#include "connectors/storage/key_wrap.hpp"
#include "connectors/storage/master_key.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <rocksdb/db.h>

/// What the embedded keyring does beyond the conformance suite: wrapped keys and the files they are in.
namespace muster::tests {

namespace fs = std::filesystem;
using engine::data_key;
using engine::errc;
using engine::named_key;

namespace {

const data_key& master() {
  static const data_key key(std::string(32, 'm'));
  return key;
}

named_key draw_key(engine::entropy& entropy) {
  return {entropy.draw_id<events::data_key_id>(), data_key(entropy.draw(32))};
}

std::unique_ptr<engine::keyring> open(const fs::path& directory, engine::entropy& entropy) {
  auto opened = connectors::open_embedded_keyring({directory, master(), &entropy, true});
  BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
  return std::move(*opened);
}

/// The row of a key in a keyring that is closed.
std::string wrapped_in(const fs::path& directory, const events::data_key_id& id) {
  rocksdb::DB* opened = nullptr;
  BOOST_REQUIRE(rocksdb::DB::OpenForReadOnly({}, directory.string(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::string row;
  BOOST_REQUIRE(db->Get({}, id.view(), &row).ok());
  return row;
}

void put_row(const fs::path& directory, const events::data_key_id& id, const std::string& row) {
  rocksdb::DB* opened = nullptr;
  BOOST_REQUIRE(rocksdb::DB::Open({}, directory.string(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  BOOST_REQUIRE(db->Put({}, id.view(), row).ok());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(embedded_keyring)

BOOST_AUTO_TEST_CASE(a_wrapped_key_opens_only_under_its_master_key_and_id) {
  fake_entropy entropy;
  const auto key = draw_key(entropy);
  const auto wrapped = connectors::wrap_key(master(), key, entropy);
  BOOST_TEST(connectors::unwrap_key(master(), key.id, wrapped)->bytes() == key.key.bytes());
  BOOST_TEST(wrapped != connectors::wrap_key(master(), key, entropy));
  BOOST_TEST(!connectors::unwrap_key(master(), draw_key(entropy).id, wrapped));
  BOOST_TEST(!connectors::unwrap_key(data_key(std::string(32, 'n')), key.id, wrapped));
  for (std::size_t at = 0; at < wrapped.size(); ++at) {
    auto altered = wrapped;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    const auto opened = connectors::unwrap_key(master(), key.id, altered);
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().code == errc::corrupt));
  }
  BOOST_TEST(!connectors::unwrap_key(master(), key.id, wrapped.substr(1)));
  BOOST_TEST(!connectors::unwrap_key(master(), key.id, ""));
}

BOOST_AUTO_TEST_CASE(an_altered_row_is_corrupt_and_spares_the_others) {
  const temporary_directory scratch;
  fake_entropy entropy;
  const std::vector keys{draw_key(entropy), draw_key(entropy)};
  BOOST_REQUIRE(open(scratch / "keyring", entropy)->store(keys));
  put_row(scratch / "keyring", keys[0].id, wrapped_in(scratch / "keyring", keys[1].id));
  const auto keyring = open(scratch / "keyring", entropy);
  const auto altered = keyring->find(keys[0].id);
  BOOST_REQUIRE(!altered);
  BOOST_TEST((altered.error().code == errc::corrupt));
  BOOST_TEST(keyring->find(keys[1].id).has_value());
}

BOOST_AUTO_TEST_CASE(no_file_holds_a_key_in_the_clear) {
  const temporary_directory scratch;
  fake_entropy entropy;
  const auto key = draw_key(entropy);
  const auto keyring = open(scratch / "keyring", entropy);
  BOOST_REQUIRE(keyring->store({&key, 1}));
  BOOST_TEST(files_holding(scratch.path(), key.key.bytes()) == "");
  BOOST_TEST(files_holding(scratch.path(), master().bytes()) == "");
}

BOOST_AUTO_TEST_CASE(after_a_destruction_no_file_holds_the_wrapped_key) {
  const temporary_directory scratch;
  const auto directory = scratch / "keyring";
  fake_entropy entropy;
  // Rows end up in the write-ahead log, in new tables and in compacted ones, alone and among many.
  std::vector<named_key> keys;
  for (int generation = 0; generation < 6; ++generation) {
    std::vector<named_key> more;
    for (int i = 0; i < 300; ++i) more.push_back(draw_key(entropy));
    const auto keyring = open(directory, entropy);
    BOOST_REQUIRE(keyring->store(more));
    if (generation == 3) BOOST_REQUIRE(keyring->destroy({&more.back().id, 1}));
    keys.insert(keys.end(), more.begin(), more.end() - 1);
  }
  std::vector<std::string> wrapped;
  for (const auto& key : keys) wrapped.push_back(wrapped_in(directory, key.id));
  // One batch of few, one of many, and one key that only the write-ahead log has.
  const auto keyring = open(directory, entropy);
  const auto destroyed = [](std::size_t i) { return i % 250 == 7 || (i > 400 && i < 700) || i >= 1700; };
  std::vector<events::data_key_id> few;
  std::vector<events::data_key_id> many;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i % 250 == 7)
      few.push_back(keys[i].id);
    else if (destroyed(i))
      many.push_back(keys[i].id);
  }
  for (const auto& each : wrapped) BOOST_REQUIRE(files_holding(directory, each) != "");
  BOOST_REQUIRE(keyring->destroy(few));
  BOOST_REQUIRE(keyring->destroy(many));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    BOOST_TEST(files_holding(directory, wrapped[i]).empty() == destroyed(i));
    BOOST_TEST(keyring->find(keys[i].id).has_value() == !destroyed(i));
    kept += destroyed(i) ? 0U : 1U;
  }
  BOOST_TEST(kept > 1000U);
}

BOOST_AUTO_TEST_CASE(a_key_stored_a_moment_ago_is_destroyed_as_well) {
  const temporary_directory scratch;
  const auto directory = scratch / "keyring";
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    fake_entropy entropy(seed);
    const auto key = draw_key(entropy);
    // The next nonce is known, so the wrapped key is, without closing the keyring.
    auto foreseen = std::make_unique<fake_entropy>(seed + 1000);
    const auto wrapped = connectors::wrap_key(master(), key, *foreseen);
    fake_entropy nonces(seed + 1000);
    if (seed == 0) open(directory, entropy);
    const auto keyring = open(directory, nonces);
    BOOST_REQUIRE(keyring->store({&key, 1}));
    BOOST_REQUIRE(files_holding(directory, wrapped) != "");
    BOOST_REQUIRE(keyring->destroy({&key.id, 1}));
    BOOST_TEST(files_holding(directory, wrapped) == "");
  }
}

BOOST_AUTO_TEST_CASE(a_destruction_that_a_crash_cut_short_is_completed_when_it_is_repeated) {
  const temporary_directory scratch;
  const auto directory = scratch / "keyring";
  fake_entropy entropy;
  const auto key = draw_key(entropy);
  BOOST_REQUIRE(open(directory, entropy)->store({&key, 1}));
  const auto wrapped = wrapped_in(directory, key.id);
  {
    rocksdb::DB* opened = nullptr;
    BOOST_REQUIRE(rocksdb::DB::Open({}, directory.string(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    BOOST_REQUIRE(db->Delete({}, key.id.view()).ok());
  }
  const auto keyring = open(directory, entropy);
  BOOST_REQUIRE(files_holding(directory, wrapped) != "");
  BOOST_REQUIRE(keyring->destroy({&key.id, 1}));
  BOOST_TEST(files_holding(directory, wrapped) == "");
}

BOOST_AUTO_TEST_CASE(another_master_key_is_refused_and_both_are_named) {
  const temporary_directory scratch;
  fake_entropy entropy;
  open(scratch / "keyring", entropy);
  const data_key other(std::string(32, 'n'));
  const auto refused = connectors::open_embedded_keyring({scratch / "keyring", other, &entropy, true});
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == errc::denied));
  for (const auto& key : {master(), other}) {
    const auto fingerprint = events::to_hex(events::as_bytes(connectors::fingerprint_of(key)));
    BOOST_TEST(refused.error().text.find(fingerprint) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_missing_keyring_is_not_made_unless_asked_for) {
  const temporary_directory scratch;
  fake_entropy entropy;
  const auto absent = connectors::open_embedded_keyring({scratch / "keyring", master(), &entropy, false});
  BOOST_REQUIRE(!absent);
  BOOST_TEST((absent.error().code == errc::not_found));
  BOOST_TEST(!fs::exists(scratch / "keyring"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
