#include "connectors/storage/embedded_keyring.hpp"
#include "connectors/storage/master_key.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/keys.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

namespace muster::tests {

struct memory_keyring_adapter {
  connectors::memory_keyring keyring{test_master_key()};

  engine::keyring& open() { return keyring; }
  void close() {}
};

struct embedded_keyring_adapter {
  temporary_directory directory;
  fake_entropy entropy{7};
  std::unique_ptr<engine::keyring> keyring;

  engine::keyring& open() {
    auto opened = connectors::open_embedded_keyring({directory / "keyring", test_master_key(), &entropy, true});
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
    keyring = std::move(*opened);
    return *keyring;
  }
  void close() { keyring.reset(); }
};

using keyring_adapters = boost::mpl::list<memory_keyring_adapter, embedded_keyring_adapter>;

}  // namespace muster::tests

#include "tests/connectors/storage/keyring_conformance.hpp"
