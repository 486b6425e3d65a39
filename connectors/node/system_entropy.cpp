#include "connectors/node/system_entropy.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace muster::connectors {

namespace {

void fill(unsigned char* out, std::size_t size) {
  if (RAND_bytes(out, static_cast<int>(size)) == 1) return;
  std::fprintf(stderr, "muster: the operating system gives no random bytes\n");
  std::abort();
}

/// Random bytes drawn ahead, for one thread: a call of RAND_bytes costs a microsecond whatever its size, and a
/// registration draws a dozen nonces, keys and ids. What was given out is wiped here.
class pool {
public:
  ~pool() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  void take(unsigned char* out, std::size_t size) {
    if (bytes_.size() - used_ < size) {
      fill(bytes_.data(), bytes_.size());
      used_ = 0;
    }
    std::copy_n(bytes_.data() + used_, size, out);
    OPENSSL_cleanse(bytes_.data() + used_, size);
    used_ += size;
  }

private:
  std::array<unsigned char, 1024> bytes_{};
  std::size_t used_ = bytes_.size();
};

constexpr std::size_t pooled_bytes_max = 128;

}  // namespace

std::string system_entropy::draw(std::size_t size) {
  thread_local pool ahead;
  std::string bytes(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  if (size <= pooled_bytes_max)
    ahead.take(out, size);
  else
    fill(out, size);
  return bytes;
}

}  // namespace muster::connectors
