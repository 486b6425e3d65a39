#include "tests/support/tls_client.hpp"

#include "connectors/https/openssl_error.hpp"
#include "events/bytes.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <unistd.h>
#include <utility>
#include <vector>

namespace muster::tests {

namespace {

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + connectors::openssl_errors());
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(socket);
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
  return socket;
}

void use_own_certificate(SSL_CTX* context) {
  auto* const key = EVP_EC_gen("P-256");
  auto* const certificate = X509_new();
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("device"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace

class tls_client::impl {
public:
  impl(std::uint16_t port, const tls_client_options& options, SSL_SESSION* resumed)
      : socket(connect_to(port)), context(SSL_CTX_new(TLS_client_method())) {
    std::signal(SIGPIPE, SIG_IGN);  // a server that cuts us off is what tests are about
    if (options.version != 0) {
      const int version = options.version == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    }
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    if (options.with_certificate) use_own_certificate(context);
    if (!options.ca_file.empty()) {
      SSL_CTX_load_verify_file(context, options.ca_file.c_str());
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    SSL_CTX_set_cert_cb(
        context,
        [](SSL* of, void* self) {
          auto& mine = *static_cast<impl*>(self);
          mine.asked = true;
          const auto* names = SSL_get0_peer_CA_list(of);
          mine.ca_names = names == nullptr ? 0 : static_cast<std::size_t>(sk_X509_NAME_num(names));
          return 1;
        },
        this);
    ssl = SSL_new(context);
    SSL_set_tlsext_host_name(ssl, options.server_name.c_str());
    if (!options.ca_file.empty()) SSL_set1_host(ssl, options.server_name.c_str());
    if (options.verify_at != 0) X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), options.verify_at);
    if (resumed != nullptr) SSL_set_session(ssl, resumed);
    SSL_set_fd(ssl, socket);
    if (SSL_connect(ssl) != 1) {
      const auto why = connectors::openssl_errors();
      release();
      throw std::runtime_error("TLS handshake: " + why);
    }
  }
  ~impl() { release(); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  /// False at the end of the stream.
  bool read_more(std::string& into) {
    std::array<char, 16384> bytes;
    std::size_t size = 0;
    if (SSL_read_ex(ssl, bytes.data(), bytes.size(), &size) != 1) {
      const bool silent = errno == EAGAIN && SSL_want_read(ssl);
      connectors::openssl_errors();
      if (silent) throw std::runtime_error("the server was silent for ten seconds");
      return false;
    }
    into.append(bytes.data(), size);
    return true;
  }

  void release() {
    SSL_free(ssl);
    SSL_CTX_free(context);
    if (socket >= 0) ::close(socket);
  }

  int socket = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  bool asked = false;
  std::size_t ca_names = 0;
  std::string unread;
};

tls_client::tls_client(std::uint16_t port, const tls_client_options& options)
    : impl_(std::make_unique<impl>(port, options, nullptr)) {}
tls_client::~tls_client() = default;
tls_client::tls_client(tls_client&&) noexcept = default;

void tls_client::send(std::string_view bytes) {
  std::size_t written = 0;
  if (!bytes.empty() && SSL_write_ex(impl_->ssl, bytes.data(), bytes.size(), &written) != 1) give_up("cannot send");
}

received_response tls_client::read_response(bool to_head) {
  auto& text = impl_->unread;
  std::size_t header_end = 0;
  while ((header_end = text.find("\r\n\r\n")) == std::string::npos) {
    if (!impl_->read_more(text)) throw std::runtime_error("the server closed before its response: '" + text + "'");
  }
  received_response response;
  response.status = std::stoi(text.substr(std::string_view("HTTP/1.1 ").size(), 3));
  for (auto at = text.find("\r\n"); at < header_end;) {
    const auto end = text.find("\r\n", at + 2);
    const auto line = text.substr(at + 2, end - at - 2);
    const auto colon = line.find(':');
    response.headers[events::to_lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = end;
  }
  const bool has_body = !to_head && response.headers.contains("content-length");
  const auto size = has_body ? std::stoul(response.headers["content-length"]) : 0;
  text.erase(0, header_end + 4);
  while (text.size() < size) {
    if (!impl_->read_more(text)) throw std::runtime_error("the server closed within its response");
  }
  response.body = text.substr(0, size);
  text.erase(0, size);
  return response;
}

std::string tls_client::read_until(std::string_view text) {
  auto& unread = impl_->unread;
  while (unread.find(text) == std::string::npos) {
    if (!impl_->read_more(unread)) throw std::runtime_error("the server closed early");
  }
  const auto end = unread.find(text) + text.size();
  auto read = unread.substr(0, end);
  unread.erase(0, end);
  return read;
}

std::string tls_client::read_to_end() {
  while (impl_->read_more(impl_->unread)) {
  }
  return std::exchange(impl_->unread, {});
}

std::string tls_client::protocol() const {
  return SSL_get_version(impl_->ssl);
}

std::string tls_client::server_certificate() const {
  auto* const certificate = SSL_get1_peer_certificate(impl_->ssl);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  X509_free(certificate);
  return bytes;
}

bool tls_client::asked_for_certificate() const {
  return impl_->asked;
}
std::size_t tls_client::ca_names() const {
  return impl_->ca_names;
}

bool tls_client::can_resume(std::uint16_t port) const {
  auto* const session = SSL_get1_session(impl_->ssl);
  const impl second(port, {}, session);
  SSL_SESSION_free(session);
  return SSL_session_reused(second.ssl) == 1;
}

std::string get_request(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

}  // namespace muster::tests
