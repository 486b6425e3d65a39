#pragma once

#include "engine/error.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace muster::connectors {

/// A response as a client sees it.
struct client_response {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;

  /// A header's value by its lower-case name; empty if absent.
  std::string header(std::string_view name) const;
};

/// HTTPS for the command line, over libcurl: one connection, kept alive. Not for the node itself. Where there is no
/// response the error says what libcurl says: `invalid` if the URL or the CA's file can never work, `denied` if the
/// node's certificate is not trusted, `unavailable` otherwise.
class https_client {
public:
  /// `url` is `https://host:port`; `ca` a PEM file, or empty for the system's.
  https_client(std::string url, std::string ca);
  ~https_client();

  /// From now on an answer may take as long as it likes.
  void wait_for_long_work();

  /// Sends a request and waits for its response.
  engine::result<client_response> send(const std::string& method, const std::string& path,
                                       const std::vector<std::pair<std::string, std::string>>& headers,
                                       const std::string& body = {});

  /// GETs a response that stays open: `take` gets the body of a 200 as it comes, until it gives false. The body of any
  /// other status comes back. `unavailable` if the connection breaks, or nothing comes for long.
  engine::result<client_response> follow(const std::string& path,
                                         const std::vector<std::pair<std::string, std::string>>& headers,
                                         const std::function<bool(std::string_view)>& take);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// `text` as it stands in a path or query: everything but letters, digits and -._~ percent-encoded (RFC 3986).
std::string percent_encode(std::string_view text);

}  // namespace muster::connectors
