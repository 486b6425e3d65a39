#pragma once

#include "connectors/https/http_message.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace muster::connectors {

struct http_reader_limits {
  std::size_t header_bytes_max = 16 * 1024;  ///< request line and header; a chunk's header and the trailer too
  std::size_t body_bytes_max = 96 * 1024;
};

/// Why a request cannot be taken, and the status that says so. The connection must close after it.
struct http_problem {
  int status = 400;
  std::string message;
};

/// Reads one HTTP/1.x request after the other out of a stream of bytes (RFC 9112): lengths and chunks, absolute
/// targets, obsolete line folding. Ambiguous framing is refused, because another server before us could read it
/// differently. Trailers are read and dropped. Holds at most the limits. One thread at a time; knows no socket.
class http_reader {
public:
  explicit http_reader(http_reader_limits limits);
  ~http_reader();
  http_reader(const http_reader&) = delete;
  http_reader& operator=(const http_reader&) = delete;

  /// Takes bytes and says how many. What it did not take belongs in front of the next call's bytes: it is the start of
  /// something incomplete or of the next request.
  std::size_t put(std::string_view bytes);

  bool header_complete() const;
  bool complete() const;
  const std::optional<http_problem>& problem() const;

  /// As of a complete header: whether the client keeps the connection open.
  bool keep_alive() const;
  /// As of a complete header: the client waits for `100 Continue` before it sends the body.
  bool expects_continue() const;
  /// As of a complete header: what the whole request may take in memory.
  std::size_t bytes_max() const;
  bool is_head() const;
  bool is_http_1_0() const;

  /// From now on the body is read and dropped.
  void discard_body();

  /// The complete request, a HEAD as the GET that it stands for; and makes ready for the next one.
  http_request take();
  /// Gives the request up and makes ready for the next one.
  void reset();

private:
  class parser;
  http_reader_limits limits_;
  std::unique_ptr<parser> parser_;
};

}  // namespace muster::connectors
