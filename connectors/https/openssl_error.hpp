#pragma once

#include <string>

namespace muster::connectors {

/// What OpenSSL says went wrong on this thread, oldest first, in its own words; empties its error queue. Never empty.
std::string openssl_errors();

}  // namespace muster::connectors
