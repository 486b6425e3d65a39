#include "connectors/https/tls_context.hpp"

#include "connectors/https/openssl_error.hpp"
#include "connectors/https/tls_identity.hpp"

#include <openssl/ssl.h>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

/// Forward secrecy with authenticated encryption, then the CBC suites that DPS also takes.
constexpr auto tls_1_2_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384";
constexpr auto tls_1_3_suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/// A client's certificates, before they are parsed.
constexpr long client_chain_bytes_max = 32 * 1024;

/// Without it OpenSSL asks for the password on the terminal, and the server hangs.
int no_password(char*, int, int, void*) {
  return -1;
}

int accept_any_certificate(X509_STORE_CTX* context, void*) {
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

bool set_up(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Released buffers keep an idle connection small: 10,000 of them are the normal case.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(context, no_password);
  SSL_CTX_set_max_cert_list(context, client_chain_bytes_max);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);  // asks; does not insist
  SSL_CTX_set_cert_verify_callback(context, accept_any_certificate, nullptr);
  constexpr unsigned char id[] = "muster";
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_session_id_context(context, id, sizeof id - 1) == 1 &&
         SSL_CTX_set_cipher_list(context, tls_1_2_suites) == 1 &&
         SSL_CTX_set_ciphersuites(context, tls_1_3_suites) == 1;
}

result<std::shared_ptr<SSL_CTX>> load(const std::filesystem::path& certificate_file,
                                      const std::filesystem::path& key_file) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context || !set_up(context.get())) return fail(errc::internal, "cannot set up TLS: " + openssl_errors());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return fail(errc::invalid, "cannot use the certificate in " + certificate_file.string() + ": " + openssl_errors());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(errc::invalid, "cannot use the key in " + key_file.string() + " with the certificate in " +
                                   certificate_file.string() + ": " + openssl_errors());
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(errc::invalid,
                key_file.string() + " is not the key of " + certificate_file.string() + ": " + openssl_errors());
  }
  return context;
}

}  // namespace

result<std::unique_ptr<tls_context>> tls_context::open(tls_options options, const engine::clock& clock,
                                                       engine::entropy& entropy) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return fail(errc::invalid, "a certificate file and a key file are given together or not at all");
  }
  std::unique_ptr<tls_context> made(new tls_context(std::move(options), clock, entropy));
  if (auto loaded = made->reload(); !loaded) return std::unexpected(loaded.error());
  return made;
}

std::shared_ptr<ssl_ctx_st> tls_context::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

result<void> tls_context::reload() {
  const std::lock_guard one_at_a_time(reloading_);
  tls_identity files{{}, options_.certificate_file, options_.key_file};
  if (options_.certificate_file.empty()) {
    auto own = ensure_tls_identity(options_.directory, server_names(options_.names), clock_, entropy_);
    if (!own) return std::unexpected(own.error());
    files = std::move(*own);
  }
  auto loaded = load(files.certificate_file, files.key_file);
  if (!loaded) return std::unexpected(loaded.error());
  const std::lock_guard lock(mutex_);
  current_ = std::move(*loaded);
  return {};
}

std::filesystem::path tls_context::ca_file() const {
  return options_.certificate_file.empty() ? std::filesystem::absolute(options_.directory / "ca.pem")
                                           : std::filesystem::path();
}

}  // namespace muster::connectors
