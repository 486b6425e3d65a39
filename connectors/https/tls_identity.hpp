#pragma once

#include "engine/error.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/entropy.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace muster::connectors {

/// A server certificate and its key, PEM, and the CA that clients must trust to accept it.
struct tls_identity {
  std::filesystem::path ca_file;
  std::filesystem::path certificate_file;
  std::filesystem::path key_file;
};

/// Our own CA and server certificate in `directory`: `ca.pem`, `ca.key`, `server.pem`, `server.key`; keys are readable
/// by their owner only. Makes what is missing: P-256, the CA for 10 years, the server certificate for 825 days. A
/// server certificate with less than 30 days left, or for other names than `names` (DNS names and IP addresses), or not
/// from this CA, is made anew; the CA never is, because clients trust it. `ca.key` may be kept elsewhere as long as
/// nothing has to be signed. One caller at a time. Errors: `invalid` for a name or file that cannot be used,
/// `unavailable` for the file system.
engine::result<tls_identity> ensure_tls_identity(const std::filesystem::path& directory,
                                                 const std::vector<std::string>& names, const engine::clock& clock,
                                                 engine::entropy& entropy);

/// `localhost`, the loopback addresses, this machine's host name, and `more`, with `*.NAME` for each DNS name in it,
/// below which services have names; without doubles.
std::vector<std::string> server_names(const std::vector<std::string>& more);

/// Whether `name` is a DNS name of one host: neither an IP address nor a wildcard.
bool is_host_name(const std::string& name);

}  // namespace muster::connectors
