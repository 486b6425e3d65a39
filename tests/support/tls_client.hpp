#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace muster::tests {

/// A response as a test sees it. Header names in lower case.
struct received_response {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

struct tls_client_options {
  int version = 0;  ///< 12 or 13; 0 offers both
  std::filesystem::path ca_file =
      {};  ///< trusted for the server's certificate, whose names must fit `server_name`; empty trusts anything
  std::string server_name = "localhost";
  std::int64_t verify_at =
      0;  ///< seconds since the Unix epoch at which the server's certificate must be valid; 0 is now
  bool with_certificate = false;  ///< presents a self-signed client certificate made on the spot
};

/// A blocking TLS connection to a loopback port, for tests: raw bytes out, bytes or responses in. Throws
/// std::runtime_error when the handshake fails, when the server closes early, and after ten seconds without a byte.
class tls_client {
public:
  explicit tls_client(std::uint16_t port, const tls_client_options& options = {});
  ~tls_client();
  tls_client(tls_client&&) noexcept;

  void send(std::string_view bytes);
  /// The next response, by its Content-Length. `to_head` says that no body follows.
  received_response read_response(bool to_head = false);
  /// Everything up to and with `text`; what has come behind it is left.
  std::string read_until(std::string_view text);
  /// Everything until the server closes; a reset counts as closed.
  std::string read_to_end();

  std::string protocol() const;            ///< `TLSv1.3`
  std::string server_certificate() const;  ///< DER
  bool asked_for_certificate() const;
  std::size_t ca_names() const;  ///< in the server's request for a certificate
  /// True if a new connection with what this one was given to resume it does so.
  bool can_resume(std::uint16_t port) const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// `GET path HTTP/1.1` with a Host and nothing else.
std::string get_request(std::string_view path);

}  // namespace muster::tests
