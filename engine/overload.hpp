#pragma once

namespace muster::engine {

/// A visitor made of lambdas. With one lambda per alternative a missing case does not compile.
template <class... Cases>
struct overload : Cases... {
  using Cases::operator()...;
};

}  // namespace muster::engine
