#pragma once

#include <cstdint>
#include <string_view>

namespace muster::engine {

/// 64 bits that stand for a name: for streams and uniqueness keys in read sets, where two names that share them only
/// cost a needless second try, and for spreading devices over hubs. Both stand on the log, or follow from it: the
/// function never changes.
std::uint64_t key_hash(std::string_view name);

}  // namespace muster::engine
