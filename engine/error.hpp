#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace muster::engine {

/// What the caller of something that failed can do about it.
enum class errc {
  not_found,
  conflict,
  invalid,  ///< the request can never work as it is
  denied,
  timeout,
  unavailable,  ///< try again later
  overloaded,   ///< try again later, with less
  corrupt,      ///< stored data is not what was stored
  cancelled,
  internal
};

/// The world failed. `text` says what, where and, if known, what would mend it; it may hold a library's own words.
struct error {
  errc code = errc::internal;
  std::string text;
};

template <class T>
using result = std::expected<T, error>;

inline std::unexpected<error> fail(errc code, std::string text) {
  return std::unexpected(error{code, std::move(text)});
}

/// Says where and what on stderr and aborts. On in release builds: a broken invariant must not go on to the log.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace muster::engine

#define MUSTER_ASSERT(expression)                                                                                      \
  ((expression) ? void(0) : ::muster::engine::assertion_failed(#expression, __FILE__, __LINE__))
