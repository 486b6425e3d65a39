#pragma once

#include "connectors/https/https_connection.hpp"
#include "connectors/https/https_thread.hpp"

#include <memory>

namespace muster::connectors {

/// One event loop on one thread, and the connections it serves.
class https_worker {
public:
  /// All of these outlive the worker.
  static std::unique_ptr<https_worker> make(const https_options& options, const https_parts& parts, admission& door);
  virtual ~https_worker() = default;

  virtual void start() = 0;
  /// Serves a connection that the ledger has let in. Any thread.
  virtual void take(https_peer peer) = 0;
  /// Lets requests in flight end, for at most the drain time. Any thread.
  virtual void stop() = 0;
  virtual void join() = 0;
  virtual boost::asio::io_context& loop() = 0;
};

}  // namespace muster::connectors
