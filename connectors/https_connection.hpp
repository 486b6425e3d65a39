#pragma once

#include "connectors/admission.hpp"
#include "connectors/https_server.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace muster::connectors {

/// Random bytes drawn in bulk: one call of the generator for many correlation ids. Not for secrets. One thread.
class bulk_entropy final : public engine::entropy {
public:
  explicit bulk_entropy(engine::entropy& source) : source_(source) {}
  std::string draw(std::size_t size) override;

private:
  engine::entropy& source_;
  std::string drawn_;
};

/// What the connections of one thread share. Used by that thread only.
struct https_thread {
  https_thread(std::shared_ptr<boost::asio::io_context> the_loop, const https_options& the_options,
               const https_parts& the_parts, admission& the_admission);

  /// Now, as an HTTP date; made once a second.
  std::string_view date();

  std::shared_ptr<boost::asio::io_context> loop;  ///< answers that come late still have where to go
  const https_options& options;
  const https_parts& parts;
  admission& door;
  bulk_entropy ids;
  std::vector<char> scratch;  ///< what was just read, between two suspensions
  std::string output;         ///< a buffer to write the next response into

private:
  long long date_second_ = -1;
  std::string date_;
};

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
  virtual void ended(https_connection& connection, std::string_view source_key) = 0;
};

struct https_peer {
  int socket = -1;         ///< non-blocking; the connection closes it
  std::string address;     ///< without the port
  std::string source_key;  ///< what its limits count: the address, or an IPv6 network
};

/// Serves the peer on `thread`'s loop, on which it is called. `list` and `thread` outlive the loop's work.
void serve_connection(https_peer peer, https_thread& thread, https_connection_list& list);

}  // namespace muster::connectors
