#pragma once

#include "connectors/https/connection_ledger.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace muster::connectors {

struct https_thread;

/// One connection, from its TLS handshake to its end. Lives as long as its coroutine; used by its thread only.
class https_connection {
public:
  using time_point = std::chrono::steady_clock::time_point;
  virtual ~https_connection() = default;

  /// Ends what has taken too long.
  virtual void check_deadline(time_point now) = 0;
  /// Ends as soon as the request in flight, if any, is answered.
  virtual void drain() = 0;
  /// Ends now.
  virtual void cut() = 0;
};

/// Where a connection tells that it begins and ends.
class https_connection_list {
public:
  virtual ~https_connection_list() = default;
  virtual void began(https_connection& connection) = 0;
  virtual void ended(https_connection& connection) = 0;
};

struct https_peer {
  int socket = -1;         ///< non-blocking; the connection closes it
  std::string address;     ///< without the port
  std::string source_key;  ///< what its limits count: the address, or an IPv6 network
  std::unique_ptr<connection_ledger::place> place;
};

/// Serves the peer on `thread`'s loop, on which it is called. `list` and `thread` outlive the loop's work.
void serve_connection(https_peer peer, https_thread& thread, https_connection_list& list);

}  // namespace muster::connectors
