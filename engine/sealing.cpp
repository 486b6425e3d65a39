// SHA-256 one block at a time: OpenSSL 3 offers nothing else that lets a key be absorbed once without an allocation per
// text.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "engine/sealing.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <memory>

namespace muster::engine {

namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

// Fetched once a thread: in OpenSSL 3 a fetch costs more than the work itself.
struct gcm {
  std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
                                                                 EVP_CIPHER_free};
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
};

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string associated_data(const events::stream_name& stream, std::string_view field) {
  return stream.text() + '\0' + std::string(field);
}

}  // namespace

std::string encrypt(const data_key& key, std::string_view nonce, std::string_view associated,
                    std::string_view plaintext) {
  MUSTER_ASSERT(nonce.size() == nonce_bytes);
  thread_local gcm aes;
  auto* context = aes.context.get();
  std::string box(plaintext.size() + tag_bytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(box.data());
  int size = 0;
  int rest = 0;
  const bool ok =
      EVP_EncryptInit_ex2(context, aes.cipher.get(), octets(key.bytes()), octets(nonce), nullptr) == 1 &&
      EVP_EncryptUpdate(context, nullptr, &size, octets(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_EncryptUpdate(context, out, &size, octets(plaintext), static_cast<int>(plaintext.size())) == 1 &&
      EVP_EncryptFinal_ex(context, out + size, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_bytes, out + plaintext.size()) == 1;
  MUSTER_ASSERT(ok);
  return box;
}

std::optional<std::string> decrypt(const data_key& key, std::string_view nonce, std::string_view associated,
                                   std::string_view box) {
  if (nonce.size() != nonce_bytes || box.size() < tag_bytes) return std::nullopt;
  thread_local gcm aes;
  auto* context = aes.context.get();
  std::string plaintext(box.size() - tag_bytes, '\0');
  std::string tag(box.substr(plaintext.size()));
  auto* out = reinterpret_cast<unsigned char*>(plaintext.data());
  int size = 0;
  int rest = 0;
  const bool ok =
      EVP_DecryptInit_ex2(context, aes.cipher.get(), octets(key.bytes()), octets(nonce), nullptr) == 1 &&
      EVP_DecryptUpdate(context, nullptr, &size, octets(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context, out, &size, octets(box), static_cast<int>(plaintext.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context, out + size, &rest) == 1;
  if (!ok) return std::nullopt;
  return plaintext;
}

events::sealed_text seal(const named_key& key, const events::stream_name& stream, std::string_view field,
                         std::string_view plaintext, entropy& random) {
  const auto nonce = random.draw(nonce_bytes);
  return {key.id, nonce + encrypt(key.key, nonce, associated_data(stream, field), plaintext)};
}

result<std::string> unseal(const data_key& key, const events::stream_name& stream, std::string_view field,
                           const events::sealed_text& box) {
  const std::string_view bytes = box.box;
  if (bytes.size() >= nonce_bytes) {
    auto plaintext =
        decrypt(key, bytes.substr(0, nonce_bytes), associated_data(stream, field), bytes.substr(nonce_bytes));
    if (plaintext) return std::move(*plaintext);
  }
  return fail(errc::corrupt, "the sealed field '" + std::string(field) + "' of " + stream.text() + " does not open");
}

named_key fresh_key(entropy& random) {
  auto bytes = random.draw(32);
  named_key key{random.draw_id<events::data_key_id>(), data_key(bytes)};
  events::wipe(bytes);
  return key;
}

namespace {

// SHA-256 that has taken one block and stands at `value`.
SHA256_CTX hash_behind(const std::array<std::uint32_t, 8>& value) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  std::ranges::copy(value, hash.h);
  hash.Nl = SHA256_CBLOCK * 8;  // the length so far, in bits
  return hash;
}

std::array<std::uint32_t, 8> value_behind(std::span<const unsigned char, SHA256_CBLOCK> block) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Transform(&hash, block.data());
  std::array<std::uint32_t, 8> value;
  std::ranges::copy(hash.h, value.begin());
  OPENSSL_cleanse(&hash, sizeof hash);
  return value;
}

}  // namespace

hmac_key::hmac_key(std::string_view key) {
  std::array<unsigned char, SHA256_CBLOCK> block{};
  if (key.size() > block.size())
    SHA256(octets(key), key.size(), block.data());
  else
    std::ranges::copy(key, block.begin());
  for (auto& each : block) each ^= 0x36;
  inner_ = value_behind(block);
  for (auto& each : block) each ^= 0x36 ^ 0x5c;
  outer_ = value_behind(block);
  OPENSSL_cleanse(block.data(), block.size());
}

hmac_key::~hmac_key() {
  OPENSSL_cleanse(inner_.data(), sizeof inner_);
  OPENSSL_cleanse(outer_.data(), sizeof outer_);
}

events::digest hmac_key::sign(std::initializer_list<std::string_view> parts) const {
  events::digest out;
  auto hash = hash_behind(inner_);
  for (const auto part : parts) SHA256_Update(&hash, part.data(), part.size());
  SHA256_Final(out.data(), &hash);  // wipes what it leaves
  hash = hash_behind(outer_);
  SHA256_Update(&hash, out.data(), out.size());
  SHA256_Final(out.data(), &hash);
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  return std::string(events::as_bytes(hmac_key(key).sign({text})));
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

opened_keys::~opened_keys() {
  events::wipe(primary);
  events::wipe(secondary);
}

events::symmetric_keys seal_keys(const named_key& key, const events::stream_name& stream, const opened_keys& keys,
                                 entropy& random) {
  return {seal(key, stream, "primaryKey", keys.primary, random),
          seal(key, stream, "secondaryKey", keys.secondary, random)};
}

result<opened_keys> unseal_keys(const data_key& key, const events::stream_name& stream,
                                const events::symmetric_keys& keys) {
  auto primary = unseal(key, stream, "primaryKey", keys.primary);
  if (!primary) return std::unexpected(primary.error());
  auto secondary = unseal(key, stream, "secondaryKey", keys.secondary);
  if (!secondary) return std::unexpected(secondary.error());
  return opened_keys(std::move(*primary), std::move(*secondary));
}

}  // namespace muster::engine
