#include "connectors/kafka/kafka_journal.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/kafka.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

namespace muster::tests {

/// A journal topic of its own on the brokers of this run. `RecentBytesMax` 1: reads go to the broker.
template <std::size_t RecentBytesMax>
struct kafka_adapter_keeping {
  connectors::kafka_journal_options options;
  std::unique_ptr<engine::journal> journal;

  kafka_adapter_keeping() {
    options.connection = test_brokers();
    options.topic = fresh_topic();
    options.recent_bytes_max = RecentBytesMax;
    auto admin = connectors::kafka_admin::make(options.connection);
    BOOST_REQUIRE(admin);
    const auto made = connectors::make_journal_topic(**admin, options.connection, options.topic, test_journal(), 1,
                                                     std::chrono::seconds(20));
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().text));
  }
  engine::journal& open() {
    auto opened = connectors::open_kafka_journal(options);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
    journal = std::move(*opened);
    return *journal;
  }
  void close() { journal.reset(); }
};

struct kafka_adapter : kafka_adapter_keeping<64 << 20> {};
struct kafka_adapter_from_brokers : kafka_adapter_keeping<1> {};

using adapters = boost::mpl::list<kafka_adapter, kafka_adapter_from_brokers>;

}  // namespace muster::tests

#include "tests/connectors/storage/journal_conformance.hpp"
