#include "connectors/https/openssl_error.hpp"

#include <openssl/err.h>

#include <array>

namespace muster::connectors {

std::string openssl_errors() {
  std::string text;
  while (const auto code = ERR_get_error()) {
    std::array<char, 256> line;
    ERR_error_string_n(code, line.data(), line.size());
    if (!text.empty()) text += "; ";
    text += line.data();
  }
  return text.empty() ? "no reason given" : text;
}

}  // namespace muster::connectors
