#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace muster::connectors {

enum class tls_status {
  done,
  wants_read,   ///< call again when the socket can be read
  wants_write,  ///< call again when the socket can be written
  closed,       ///< the peer has ended the session or the connection
  failed        ///< nothing more can be sent or received
};

/// The server's end of one TLS connection over a non-blocking socket. Owns the session, not the socket. One thread at a
/// time. Writes never raise SIGPIPE.
class tls_session {
public:
  tls_session(std::shared_ptr<ssl_ctx_st> context, int socket);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  tls_status handshake();
  /// Reads what is there into `into`; `done` and a positive `size`, or another status.
  tls_status read(std::span<char> into, std::size_t& size);
  /// Writes from the front of `bytes` and removes what was taken. `done` when nothing is left.
  tls_status write(std::string_view& bytes);
  /// Tells the peer that nothing follows, as far as that is possible at once.
  void close();
  /// True if bytes from the socket wait here to be read: the socket's readiness says nothing about them.
  bool has_pending() const;

private:
  tls_status status_of(int result);
  void forget_chain();

  std::shared_ptr<ssl_ctx_st> context_;
  int socket_;
  ssl_st* ssl_ = nullptr;
  bool broken_ = false;
};

}  // namespace muster::connectors
