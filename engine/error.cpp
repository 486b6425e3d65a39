#include "engine/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace muster::engine {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "muster: broken invariant at %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace muster::engine
