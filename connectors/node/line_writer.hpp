#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace muster::connectors {

/// Writes lines to a file descriptor on a thread of its own, in order, many in one write. Whoever has a line never
/// waits for the file: what does not fit into the queue, or cannot be written, is dropped and counted. Lines are
/// written within some 20 ms; a process that ends without a destructor may lose the last of them.
class line_writer {
public:
  /// `descriptor` stays the caller's. `report` makes a line that says how many were dropped; it is called on the
  /// writer's thread and must not throw.
  line_writer(int descriptor, std::size_t queued_bytes_max, std::function<std::string(std::uint64_t)> report);
  /// Waits at most a second for what is queued.
  ~line_writer();
  line_writer(const line_writer&) = delete;
  line_writer& operator=(const line_writer&) = delete;

  /// Takes a line, its end included. `at_once`: it is not held back to be written with others. Any thread; does not
  /// block.
  void put(std::string_view line, bool at_once);

  /// What is not written yet, and what is put from now on, goes to `descriptor`, which is the writer's: it closes it
  /// after the next one came, or at the end. Any thread.
  void move_to(int descriptor);

  /// From now on std::abort and std::quick_exit wait, at most a second, until this writer has written everything. Once
  /// in a process, which the writer must outlive but for its destructor.
  void write_before_sudden_ends();

  /// Lines dropped so far.
  std::uint64_t dropped() const;

private:
  class state;
  std::shared_ptr<state> state_;  ///< shared with the thread, which is left behind if the file never takes a line
  std::thread thread_;
};

}  // namespace muster::connectors
