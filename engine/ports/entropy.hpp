#pragma once

#include "events/ids.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace muster::engine {

/// Random bytes. The only way to them; whatever they decide is written into an event, and a replay draws none.
class entropy {
public:
  virtual ~entropy() = default;
  /// `size` bytes fit for keys. Any thread.
  virtual std::string draw(std::size_t size) = 0;

  template <class Id>
  Id draw_id() {
    Id id;
    const auto bytes = draw(id.bytes.size());
    std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
    return id;
  }

  /// A random UUID, version 4 (RFC 9562 section 5.4), lower case.
  std::string draw_uuid();
};

}  // namespace muster::engine
