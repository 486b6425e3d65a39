#pragma once

#include "engine/error.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/log.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace muster::connectors {

/// A log of JSON lines: `time`, `level`, `message`, then the fields. What is below `least` is left out. Nobody who
/// writes to it ever waits for the file (connectors/node/line_writer.hpp): lines that it does not take are dropped, and
/// a line says how many. Warnings and errors are written at once, the others within some 20 ms.
class json_log : public engine::log {
public:
  /// On the file `descriptor`, which stays the caller's.
  static std::unique_ptr<json_log> on(int descriptor, engine::log_level least, const engine::clock& clock);
  /// Appends to the file `path`, which is made if need be. `unavailable` if it cannot be opened.
  static engine::result<std::unique_ptr<json_log>> to_file(std::filesystem::path path, engine::log_level least,
                                                           const engine::clock& clock);

  /// Opens the file again, which was moved away; nothing to do without one. `unavailable` if it cannot be opened; the
  /// lines then go where they went. Any thread.
  virtual engine::result<void> reopen() = 0;
  /// Lines dropped so far.
  virtual std::uint64_t dropped() const = 0;
  /// As line_writer::write_before_sudden_ends.
  virtual void write_before_sudden_ends() = 0;
};

}  // namespace muster::connectors
