#include "connectors/https/tls_identity.hpp"

#include "connectors/https/openssl_error.hpp"
#include "events/bytes.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <memory>
#include <set>
#include <unistd.h>

namespace muster::connectors {

namespace fs = std::filesystem;
using engine::errc;
using engine::fail;
using engine::result;
using std::chrono::days;
using std::chrono::hours;

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* handle) const {
    Free(handle);
  }
};
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using bn_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;
using address_ptr = std::unique_ptr<ASN1_OCTET_STRING, freed_by<ASN1_OCTET_STRING_free>>;

constexpr auto ca_lifetime = days(3653);
constexpr auto server_lifetime = days(825);  // the longest that Apple's clients accept
constexpr auto renewed_before = days(30);

struct signed_key {
  key_ptr key;
  certificate_ptr certificate;
};

int no_password(char*, int, int, void*) {
  return -1;
}

std::time_t seconds(events::timestamp time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// ---- files

result<void> write_file(const fs::path& file, std::string_view text, mode_t mode) {
  // Written beside its place and moved there, so that a crash leaves the old file or the new one.
  auto draft = file;
  draft += ".new";
  std::error_code ignored;
  fs::remove(draft, ignored);
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written = descriptor >= 0 &&
                       ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  std::error_code error;
  if (written) fs::rename(draft, file, error);
  if (!written || error) return fail(errc::unavailable, "cannot write " + file.string());
  return {};
}

result<void> write_pair(const fs::path& key_file, const fs::path& certificate_file, const signed_key& pair) {
  const bio_ptr text(BIO_new(BIO_s_mem()));
  const auto drain = [&text] {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(text.get(), &data);
    std::string bytes(data, static_cast<std::size_t>(size));
    (void)BIO_reset(text.get());
    return bytes;
  };
  if (PEM_write_bio_PrivateKey(text.get(), pair.key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return fail(errc::internal, "cannot encode a key: " + openssl_errors());
  }
  auto key_text = drain();
  // The key first: a certificate without its key would be a promise that cannot be kept.
  auto written = write_file(key_file, key_text, 0600);
  events::wipe(key_text);
  if (!written) return written;
  if (PEM_write_bio_X509(text.get(), pair.certificate.get()) != 1) {
    return fail(errc::internal, "cannot encode a certificate: " + openssl_errors());
  }
  return write_file(certificate_file, drain(), 0644);
}

certificate_ptr read_certificate(const fs::path& file) {
  const bio_ptr in(BIO_new_file(file.c_str(), "r"));
  certificate_ptr certificate(in ? PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr) : nullptr);
  if (!certificate) openssl_errors();
  return certificate;
}

key_ptr read_key(const fs::path& file) {
  const bio_ptr in(BIO_new_file(file.c_str(), "r"));
  key_ptr key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr) : nullptr);
  if (!key) openssl_errors();
  return key;
}

// ---- names

result<void> add_name(GENERAL_NAMES* names, const std::string& name) {
  auto* const entry = GENERAL_NAME_new();
  sk_GENERAL_NAME_push(names, entry);
  if (address_ptr address(a2i_IPADDRESS(name.c_str())); address) {
    GENERAL_NAME_set0_value(entry, GEN_IPADD, address.release());
    return {};
  }
  openssl_errors();
  const auto usable = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '*'; };
  if (name.empty() || name.size() > 253 || !std::ranges::all_of(name, usable)) {
    return fail(errc::invalid,
                "'" + name + "' is neither a DNS name nor an IP address: it cannot stand in a certificate");
  }
  auto* const text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
  GENERAL_NAME_set0_value(entry, GEN_DNS, text);
  return {};
}

result<names_ptr> to_general_names(const std::vector<std::string>& names) {
  names_ptr entries(sk_GENERAL_NAME_new_null());
  for (const auto& name : names) {
    if (auto added = add_name(entries.get(), name); !added) return std::unexpected(added.error());
  }
  return entries;
}

/// Kind and bytes of each name, to compare two lists.
std::set<std::string> name_set(const GENERAL_NAMES* names) {
  std::set<std::string> set;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    int kind = 0;
    const auto* value = static_cast<ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind));
    if (kind != GEN_DNS && kind != GEN_IPADD) continue;
    set.insert(std::to_string(kind) + ":" +
               std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                           static_cast<std::size_t>(ASN1_STRING_length(value))));
  }
  return set;
}

// ---- certificates

bool set_common(X509* certificate, EVP_PKEY* key, events::timestamp from, days lifetime, engine::entropy& entropy) {
  auto serial = entropy.draw(16);
  serial[0] = static_cast<char>((serial[0] & 0x3f) | 0x40);  // positive, and never zero (RFC 5280 section 4.1.2.2)
  const bn_ptr number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), static_cast<int>(serial.size()), nullptr));
  return X509_set_version(certificate, 2) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(from)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(from + lifetime)) != nullptr &&
         X509_set_pubkey(certificate, key) == 1;
}

bool set_subject(X509* certificate, const std::string& name) {
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()),
                                    -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

result<signed_key> make_ca(events::timestamp now, engine::entropy& entropy) {
  signed_key ca{key_ptr(EVP_EC_gen("P-256")), certificate_ptr(X509_new())};
  auto* const certificate = ca.certificate.get();
  // The name is unique: a client that trusts the CAs of two installations must not mistake one for the other.
  const bool made = ca.key && set_common(certificate, ca.key.get(), now - hours(1), ca_lifetime, entropy) &&
                    set_subject(certificate, "Muster CA " + events::to_hex(entropy.draw(4))) &&
                    X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
                    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
                    X509_sign(certificate, ca.key.get(), EVP_sha256()) > 0;
  if (!made) return fail(errc::internal, "cannot make a CA: " + openssl_errors());
  return ca;
}

result<signed_key> make_server(const signed_key& ca, GENERAL_NAMES* names, events::timestamp now,
                               engine::entropy& entropy) {
  signed_key server{key_ptr(EVP_EC_gen("P-256")), certificate_ptr(X509_new())};
  auto* const certificate = server.certificate.get();
  auto* const issuer = ca.certificate.get();
  bool made = server.key && set_common(certificate, server.key.get(), now - hours(1), server_lifetime, entropy) &&
              set_subject(certificate, "Muster") &&
              X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
              add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
              add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
              add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
              X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
  if (made && ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(issuer)) > 0) {
    made = X509_set1_notAfter(certificate, X509_get0_notAfter(issuer)) == 1;
  }
  if (!made || X509_sign(certificate, ca.key.get(), EVP_sha256()) <= 0) {
    return fail(errc::internal, "cannot make a server certificate: " + openssl_errors());
  }
  return server;
}

bool ends_before(const X509* certificate, events::timestamp time) {
  auto limit = seconds(time);
  return X509_cmp_time(X509_get0_notAfter(certificate), &limit) < 0;
}

/// True if the server certificate can go on serving.
bool still_good(const tls_identity& files, X509* ca, const GENERAL_NAMES* names, events::timestamp now) {
  const auto certificate = read_certificate(files.certificate_file);
  const auto key = read_key(files.key_file);
  if (!certificate || !key) return false;
  const names_ptr present(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  const bool good = X509_check_private_key(certificate.get(), key.get()) == 1 &&
                    X509_verify(certificate.get(), X509_get0_pubkey(ca)) == 1 &&
                    name_set(present.get()) == name_set(names) &&
                    (!ends_before(certificate.get(), now + renewed_before) ||
                     ASN1_TIME_compare(X509_get0_notAfter(certificate.get()), X509_get0_notAfter(ca)) == 0);
  if (!good) openssl_errors();
  return good;
}

result<signed_key> read_ca(const fs::path& ca_file, const fs::path& key_file, events::timestamp now) {
  signed_key ca{nullptr, read_certificate(ca_file)};
  if (!ca.certificate)
    return fail(errc::invalid, ca_file.string() + " is not a certificate: restore it, or remove it and its key");
  if (ends_before(ca.certificate.get(), now)) {
    return fail(errc::invalid, "the CA in " + ca_file.string() +
                                   " has expired: remove it and its key for a new one, which clients must then trust");
  }
  ca.key = read_key(key_file);
  if (ca.key && X509_check_private_key(ca.certificate.get(), ca.key.get()) != 1) {
    openssl_errors();
    return fail(errc::invalid, key_file.string() + " is not the key of " + ca_file.string());
  }
  return ca;
}

}  // namespace

result<tls_identity> ensure_tls_identity(const fs::path& directory, const std::vector<std::string>& names,
                                         const engine::clock& clock, engine::entropy& entropy) {
  const tls_identity files{directory / "ca.pem", directory / "server.pem", directory / "server.key"};
  const auto ca_key_file = directory / "ca.key";
  const auto now = clock.now();
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(errc::unavailable, "cannot make the directory " + directory.string() + ": " + error.message());

  auto wanted = to_general_names(names);
  if (!wanted) return std::unexpected(wanted.error());
  const bool present = fs::exists(files.ca_file, error);
  auto ca = present ? read_ca(files.ca_file, ca_key_file, now) : make_ca(now, entropy);
  if (ca && !present) {
    if (auto written = write_pair(ca_key_file, files.ca_file, *ca); !written) return std::unexpected(written.error());
  }
  if (!ca) return std::unexpected(ca.error());
  if (still_good(files, ca->certificate.get(), wanted->get(), now)) return files;
  if (!ca->key) {
    return fail(errc::invalid,
                "a new server certificate is due, and " + ca_key_file.string() + " cannot be read: put it there");
  }
  auto server = make_server(*ca, wanted->get(), now, entropy);
  if (!server) return std::unexpected(server.error());
  if (auto written = write_pair(files.key_file, files.certificate_file, *server); !written)
    return std::unexpected(written.error());
  return files;
}

std::vector<std::string> server_names(const std::vector<std::string>& more) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  const auto add = [&names](std::string name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) add(events::to_lower(host.data()));
  for (const auto& name : more) {
    add(events::to_lower(name));
    if (is_host_name(name)) add("*." + events::to_lower(name));
  }
  return names;
}

bool is_host_name(const std::string& name) {
  const address_ptr address(a2i_IPADDRESS(name.c_str()));
  openssl_errors();
  return !address && !name.empty() && name.find('*') == std::string::npos;
}

}  // namespace muster::connectors
