#pragma once

#include "connectors/kafka/kafka_client.hpp"
#include "connectors/node/system_entropy.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

namespace muster::tests {

/// How to reach the brokers that tests/kafka/with_broker started for this run.
inline connectors::kafka_connection test_brokers(engine::log* log = nullptr) {
  const char* bootstrap = std::getenv("MUSTER_KAFKA");
  BOOST_REQUIRE_MESSAGE(bootstrap != nullptr, "MUSTER_KAFKA does not say where a Kafka broker listens");
  connectors::kafka_connection connection;
  connection.bootstrap = bootstrap;
  connection.log = log;
  return connection;
}

/// Where those brokers keep their files.
inline std::string test_broker_files() {
  const char* files = std::getenv("MUSTER_KAFKA_FILES");
  BOOST_REQUIRE_MESSAGE(files != nullptr, "MUSTER_KAFKA_FILES does not say where the brokers keep their files");
  return files;
}

/// A topic's name that no other test has.
inline std::string fresh_topic() {
  connectors::system_entropy entropy;
  return "journal-" + events::to_hex(entropy.draw_id<events::journal_id>().view());
}

}  // namespace muster::tests
