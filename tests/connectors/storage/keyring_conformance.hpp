#pragma once

#include "connectors/storage/master_key.hpp"
#include "engine/ports/keyring.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/keys.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

/// What every keyring does. Included behind the definition of `keyring_adapters`, a list of types with `open`, which
/// gives the keyring, anew if it was closed, and `close`.
namespace muster::tests {

using engine::data_key;
using engine::errc;
using engine::named_key;

namespace {

named_key draw_key(engine::entropy& entropy) {
  return {entropy.draw_id<events::data_key_id>(), data_key(entropy.draw(32))};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(keyring_conformance)

BOOST_AUTO_TEST_CASE_TEMPLATE(it_tells_the_fingerprint_of_its_master_key, Adapter, keyring_adapters) {
  Adapter adapter;
  BOOST_TEST((adapter.open().master_key_fingerprint() == connectors::fingerprint_of(test_master_key())));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stored_keys_are_found_and_others_are_not, Adapter, keyring_adapters) {
  Adapter adapter;
  fake_entropy entropy;
  auto& keyring = adapter.open();
  const std::vector keys{draw_key(entropy), draw_key(entropy), draw_key(entropy)};
  BOOST_REQUIRE(keyring.store(keys));
  for (const auto& [id, key] : keys) {
    const auto found = keyring.find(id);
    BOOST_REQUIRE(found);
    BOOST_TEST(found->bytes() == key.bytes());
  }
  const auto other = keyring.find(draw_key(entropy).id);
  BOOST_REQUIRE(!other);
  BOOST_TEST((other.error().code == errc::not_found));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(storing_a_key_again_changes_nothing_and_another_under_its_id_is_refused, Adapter,
                              keyring_adapters) {
  Adapter adapter;
  fake_entropy entropy;
  auto& keyring = adapter.open();
  const auto key = draw_key(entropy);
  BOOST_REQUIRE(keyring.store({&key, 1}));
  BOOST_REQUIRE(keyring.store({&key, 1}));
  const std::vector mixed{draw_key(entropy), named_key{key.id, draw_key(entropy).key}};
  const auto refused = keyring.store(mixed);
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == errc::conflict));
  BOOST_TEST(keyring.find(key.id)->bytes() == key.key.bytes());
  BOOST_TEST(!keyring.find(mixed[0].id));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(destroyed_keys_are_gone_and_the_others_stay, Adapter, keyring_adapters) {
  Adapter adapter;
  fake_entropy entropy;
  auto& keyring = adapter.open();
  std::vector<named_key> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(draw_key(entropy));
  BOOST_REQUIRE(keyring.store(keys));
  std::vector<events::data_key_id> doomed;
  for (std::size_t i = 0; i < keys.size(); i += 2) doomed.push_back(keys[i].id);
  BOOST_REQUIRE(keyring.destroy({doomed.data(), 3}));
  BOOST_REQUIRE(keyring.destroy(doomed));
  BOOST_REQUIRE(keyring.destroy(doomed));
  BOOST_REQUIRE(keyring.destroy({}));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto found = keyring.find(keys[i].id);
    BOOST_TEST(found.has_value() == (i % 2 == 1));
    if (!found) BOOST_TEST((found.error().code == errc::not_found));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_gives_every_key_that_is_there_until_told_to_stop, Adapter, keyring_adapters) {
  Adapter adapter;
  fake_entropy entropy;
  auto& keyring = adapter.open();
  std::vector<named_key> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(draw_key(entropy));
  BOOST_REQUIRE(keyring.store(keys));
  BOOST_REQUIRE(keyring.destroy({&keys[0].id, 1}));
  std::map<events::data_key_id, data_key> seen;
  BOOST_REQUIRE(keyring.each([&](const named_key& key) -> engine::result<void> {
    seen.emplace(key.id, key.key);
    return {};
  }));
  BOOST_TEST(seen.size() == 19U);
  for (std::size_t i = 1; i < keys.size(); ++i) {
    BOOST_REQUIRE(seen.contains(keys[i].id));
    BOOST_TEST(seen.at(keys[i].id).bytes() == keys[i].key.bytes());
  }
  int given = 0;
  const auto ended = keyring.each([&](const named_key&) -> engine::result<void> {
    ++given;
    return engine::fail(errc::unavailable, "enough");
  });
  BOOST_REQUIRE(!ended);
  BOOST_TEST(ended.error().text == "enough");
  BOOST_TEST(given == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reopened_keyring_knows_what_it_knew, Adapter, keyring_adapters) {
  Adapter adapter;
  fake_entropy entropy;
  const std::vector keys{draw_key(entropy), draw_key(entropy)};
  BOOST_REQUIRE(adapter.open().store(keys));
  adapter.close();
  BOOST_REQUIRE(adapter.open().destroy({&keys[0].id, 1}));
  adapter.close();
  auto& keyring = adapter.open();
  BOOST_TEST(!keyring.find(keys[0].id));
  BOOST_REQUIRE(keyring.find(keys[1].id));
  BOOST_TEST(keyring.find(keys[1].id)->bytes() == keys[1].key.bytes());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
