#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace muster::engine {

enum class log_level { debug, info, warning, error };

/// The log: one JSON object a line. Values must hold no secret and no token; addresses are masked by the caller.
class log {
public:
  using field = std::pair<std::string_view, std::string>;
  virtual ~log() = default;
  /// Any thread. `what` is a fixed text in plain words; what varies goes into `fields`.
  virtual void write(log_level level, std::string_view what, std::initializer_list<field> fields = {}) = 0;
};

}  // namespace muster::engine
