#pragma once

#include "engine/error.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/entropy.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace muster::connectors {

struct tls_options {
  std::filesystem::path directory = {};  ///< of our own CA and certificate (tls_identity.hpp), unless files are given
  std::vector<std::string> names = {};   ///< DNS names and addresses besides localhost and the host name
  std::filesystem::path certificate_file = {};  ///< given: the server's certificate and the CAs above it, PEM
  std::filesystem::path key_file = {};          ///< given: its key, PEM, without a password
};

/// How Muster's listeners speak TLS: 1.2 and 1.3, forward secrecy and authenticated ciphers first. A client certificate
/// is asked for with an empty list of CAs (Java sends none otherwise), never required, and accepted from any issuer:
/// what it proves is judged per enrollment. Sessions are never resumed, because a resumed one lacks the client's
/// intermediate certificates. Any thread.
class tls_context {
public:
  /// Makes what `options.directory` lacks. Errors as of ensure_tls_identity, and `invalid` for given files that do not
  /// fit.
  static engine::result<std::unique_ptr<tls_context>> open(tls_options options, const engine::clock& clock,
                                                           engine::entropy& entropy);

  /// What a new connection uses, and keeps until it ends.
  std::shared_ptr<ssl_ctx_st> current() const;

  /// Reads the files again, for connections accepted from now on. On an error everything stays as it was.
  engine::result<void> reload();

  /// The CA that clients must trust, as an absolute path; empty if the certificate was given.
  std::filesystem::path ca_file() const;

private:
  tls_context(tls_options options, const engine::clock& clock, engine::entropy& entropy)
      : options_(std::move(options)), clock_(clock), entropy_(entropy) {}

  tls_options options_;
  const engine::clock& clock_;
  engine::entropy& entropy_;
  std::mutex reloading_;
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> current_;
};

}  // namespace muster::connectors
