#pragma once

#include "connectors/https/http_stream.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP as the handlers see it: values, without sockets or a library's types.
namespace muster::connectors {

struct http_request {
  std::string method;             ///< `GET`, as sent
  std::vector<std::string> path;  ///< segments, each percent-decoded once; a trailing slash leaves no empty segment
  std::vector<std::pair<std::string, std::string>> query;    ///< percent-decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case, in order
  std::string body;                                          ///< at most the listener's limit
  std::string source_address;                                ///< the peer's, without the port
  std::string correlation_id;                                ///< a UUID made for this request

  /// The first value of a header, by its lower-case name; empty if absent. Valid as long as the request is.
  std::string_view header(std::string_view name) const;
  /// The first value of a query parameter, its name compared without letter case; empty if absent.
  std::string_view parameter(std::string_view name) const;
};

struct http_response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>>
      headers;  ///< without Content-Length, Date, Connection: the server adds them
  std::string body;
  std::shared_ptr<http_stream> stream = {};  ///< the body is this instead, and its end is the connection's
};

/// Gives the response to one request. Any thread, once; if it is destroyed unused the server answers 503.
using respond = std::function<void(http_response)>;

/// What a listener calls for each request.
class http_handler {
public:
  virtual ~http_handler() = default;
  /// On a connector thread; must not block for long. `answer` may be called before or after this returns.
  virtual void handle(http_request request, respond answer) = 0;
  /// True for requests that are answered when some long work is done: they have no deadline.
  virtual bool takes_long(const http_request&) const { return false; }
};

}  // namespace muster::connectors
