#include "connectors/https/tls_session.hpp"

#include "engine/error.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

namespace muster::connectors {

namespace {

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, so that a client which goes away would end the process.

int descriptor(BIO* bio) {
  return *static_cast<int*>(BIO_get_data(bio));
}

int moved(BIO* bio, ssize_t size, int retry) {
  BIO_clear_retry_flags(bio);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
  return static_cast<int>(size);
}

int send_bytes(BIO* bio, const char* data, int size) {
  return moved(bio, ::send(descriptor(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

int receive_bytes(BIO* bio, char* data, int size) {
  const auto received = ::recv(descriptor(bio), data, static_cast<std::size_t>(size), 0);
  const int result = moved(bio, received, BIO_FLAGS_READ);
  if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return result;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return 0;
}

BIO_METHOD* socket_method() {
  // Lives as long as the process, like OpenSSL's own methods.
  static BIO_METHOD* const method = [] {
    auto* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "muster socket");
    MUSTER_ASSERT(made != nullptr);
    BIO_meth_set_write(made, send_bytes);
    BIO_meth_set_read(made, receive_bytes);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

}  // namespace

tls_session::tls_session(std::shared_ptr<ssl_ctx_st> context, int socket)
    : context_(std::move(context)), socket_(socket), ssl_(SSL_new(context_.get())) {
  auto* const bio = BIO_new(socket_method());
  MUSTER_ASSERT(ssl_ != nullptr && bio != nullptr);
  BIO_set_data(bio, &socket_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

tls_session::~tls_session() {
  SSL_free(ssl_);
}

tls_status tls_session::status_of(int result) {
  switch (SSL_get_error(ssl_, result)) {
  case SSL_ERROR_NONE:
    return tls_status::done;
  case SSL_ERROR_WANT_READ:
    return tls_status::wants_read;
  case SSL_ERROR_WANT_WRITE:
    return tls_status::wants_write;
  case SSL_ERROR_ZERO_RETURN:
    return tls_status::closed;
  default:
    broken_ = true;
    return tls_status::failed;
  }
}

tls_status tls_session::handshake() {
  ERR_clear_error();
  const auto status = status_of(SSL_do_handshake(ssl_));
  if (status == tls_status::done) forget_chain();
  return status;
}

/// Gives back the certificates above the client's, some 5 KiB each: nobody asks for them later.
void tls_session::forget_chain() {
  auto* const chain = SSL_get_peer_cert_chain(ssl_);
  while (chain != nullptr && sk_X509_num(chain) > 0) X509_free(sk_X509_pop(chain));
}

tls_status tls_session::read(std::span<char> into, std::size_t& size) {
  ERR_clear_error();
  return status_of(SSL_read_ex(ssl_, into.data(), into.size(), &size));
}

tls_status tls_session::write(std::string_view& bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    std::size_t written = 0;
    if (const auto status = status_of(SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written));
        status != tls_status::done)
      return status;
    bytes.remove_prefix(written);
  }
  return tls_status::done;
}

void tls_session::close() {
  if (broken_ || SSL_in_init(ssl_)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

bool tls_session::has_pending() const {
  return SSL_has_pending(ssl_) == 1;
}

}  // namespace muster::connectors
