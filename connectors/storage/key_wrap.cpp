#include "connectors/storage/key_wrap.hpp"

#include <openssl/evp.h>

#include <memory>

namespace muster::connectors {

namespace {

constexpr char format = 1;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t key_bytes = 32;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t wrapped_bytes = 1 + nonce_bytes + key_bytes + tag_bytes;

using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes, std::size_t at) {
  return reinterpret_cast<unsigned char*>(bytes.data() + at);
}

/// OpenSSL 3 looks an algorithm up anew for each use unless it was fetched.
const EVP_CIPHER* aes_256_gcm() {
  static const std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> cipher(
      EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), EVP_CIPHER_free);
  return cipher.get();
}

std::string associated_data(const events::data_key_id& id) {
  return "muster keyring v1" + std::string(id.view());
}

}  // namespace

std::string wrap_key(const engine::data_key& master, const engine::named_key& key, engine::entropy& entropy) {
  const auto nonce = entropy.draw(nonce_bytes);
  const auto associated = associated_data(key.id);
  std::string wrapped(1, format);
  wrapped += nonce;
  wrapped.resize(wrapped_bytes);
  const cipher_context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), raw(master.bytes()), raw(nonce), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), raw(wrapped, 1 + nonce_bytes), &size, raw(key.key.bytes()), key_bytes) == 1 &&
      EVP_EncryptFinal_ex(context.get(), raw(wrapped, 1 + nonce_bytes + key_bytes), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, raw(wrapped, wrapped_bytes - tag_bytes)) == 1;
  MUSTER_ASSERT(done);
  return wrapped;
}

engine::result<engine::data_key> unwrap_key(const engine::data_key& master, const events::data_key_id& id,
                                            std::string_view wrapped) {
  const auto corrupt = [&](std::string_view why) {
    return engine::fail(engine::errc::corrupt, "data key " + events::to_hex(id.view()) + " " + std::string(why));
  };
  if (wrapped.size() != wrapped_bytes || wrapped[0] != format) return corrupt("is not stored as a wrapped key");
  const auto associated = associated_data(id);
  std::string tag(wrapped.substr(wrapped_bytes - tag_bytes));
  std::string key(key_bytes, '\0');
  const cipher_context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0;
  const bool genuine =
      EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), raw(master.bytes()), raw(wrapped.substr(1)), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), raw(key, 0), &size, raw(wrapped.substr(1 + nonce_bytes)), key_bytes) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), raw(tag, 0), &size) == 1;
  const engine::data_key unwrapped(key);
  events::wipe(key);
  if (!genuine)
    return corrupt("does not open under the master key: it was altered, or belongs to another ID or master key");
  return unwrapped;
}

}  // namespace muster::connectors
