#include "connectors/storage/master_key.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t file_bytes_max = 128;  // base64 of a key takes 44

class file_descriptor {
public:
  explicit file_descriptor(int descriptor) : descriptor_(descriptor) {}
  file_descriptor(const file_descriptor&) = delete;
  file_descriptor& operator=(const file_descriptor&) = delete;
  ~file_descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool open() const { return descriptor_ >= 0; }

private:
  int descriptor_;
};

std::unexpected<engine::error> system_failure(std::string_view doing, const std::filesystem::path& file) {
  const auto code = errno == ENOENT                     ? errc::not_found
                    : errno == EACCES || errno == EPERM ? errc::denied
                                                        : errc::unavailable;
  return fail(code,
              "cannot " + std::string(doing) + " the master key file " + file.string() + ": " + std::strerror(errno));
}

result<void> write_durably(const file_descriptor& target, std::string_view text, const std::filesystem::path& file) {
  if (::write(target.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(target.get()) != 0) {
    return system_failure("write", file);
  }
  return {};
}

/// Puts a new key in place unless another process was faster; then its key stays.
result<void> make_master_key(const std::filesystem::path& file, engine::entropy& entropy) {
  const auto place = std::filesystem::absolute(file).lexically_normal();
  std::error_code failed;
  std::filesystem::create_directories(place.parent_path(), failed);
  // Written beside its place, so that a crash leaves no half key there.
  auto draft = place;
  draft += ".new-" + events::to_hex(entropy.draw(8));
  auto key = entropy.draw(key_bytes);
  auto text = events::to_base64(key) + "\n";
  events::wipe(key);
  const file_descriptor target(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  auto made = target.open() ? write_durably(target, text, place) : system_failure("make", place);
  events::wipe(text);
  if (made && ::link(draft.c_str(), place.c_str()) != 0 && errno != EEXIST) made = system_failure("make", place);
  ::unlink(draft.c_str());
  const file_descriptor directory(::open(place.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (made && (!directory.open() || ::fsync(directory.get()) != 0)) made = system_failure("make", place);
  return made;
}

}  // namespace

events::digest fingerprint_of(const engine::data_key& master) {
  static constexpr std::string_view text = "muster master key fingerprint v1";
  events::digest code{};
  unsigned int size = 0;
  const auto* const done = HMAC(EVP_sha256(), master.bytes().data(), static_cast<int>(master.bytes().size()),
                                reinterpret_cast<const unsigned char*>(text.data()), text.size(), code.data(), &size);
  MUSTER_ASSERT(done != nullptr && size == code.size());
  return events::sha256(events::as_bytes(code));
}

result<engine::data_key> parse_master_key(std::string_view base64) {
  if (base64.ends_with('\n')) base64.remove_suffix(1);
  auto bytes = events::from_base64(base64);
  if (!bytes)
    return fail(errc::invalid,
                "the master key is not base64: give 32 random bytes, for example of `openssl rand -base64 32`");
  const auto size = bytes->size();
  if (size != key_bytes) {
    events::wipe(*bytes);
    return fail(errc::invalid,
                "the master key has " + std::to_string(size) + " bytes instead of 32: give 32 random bytes in base64");
  }
  const engine::data_key key(*bytes);
  events::wipe(*bytes);
  return key;
}

result<engine::data_key> load_master_key(const std::filesystem::path& file) {
  const file_descriptor source(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about{};
  if (!source.open() || ::fstat(source.get(), &about) != 0) return system_failure("read", file);
  if (!S_ISREG(about.st_mode)) return fail(errc::invalid, "the master key file " + file.string() + " is not a file");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(errc::denied, "the master key file " + file.string() +
                                  " is open to others than its owner: run `chmod 600 " + file.string() +
                                  "`, and make a new installation if somebody may have read it");
  }
  std::string text(file_bytes_max, '\0');
  const auto size = ::read(source.get(), text.data(), text.size());
  if (size < 0) return system_failure("read", file);
  auto key = parse_master_key(std::string_view(text).substr(0, static_cast<std::size_t>(size)));
  events::wipe(text);
  if (!key) return fail(key.error().code, file.string() + ": " + key.error().text);
  return key;
}

result<engine::data_key> load_or_make_master_key(const std::filesystem::path& file, engine::entropy& entropy) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    if (auto made = make_master_key(file, entropy); !made) return std::unexpected(made.error());
  }
  return load_master_key(file);
}

}  // namespace muster::connectors
