#pragma once

#include "engine/error.hpp"
#include "events/bytes.hpp"
#include "events/ids.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace muster::engine {

/// What a journal is, fixed when it is made.
struct journal_identity {
  events::journal_id id;
  std::uint32_t shards = 0;
  events::digest master_key_fingerprint{};  ///< of the keyring whose keys the journal's events need
};

/// A frame on its way to the log.
struct outgoing_frame {
  events::shard_id shard;
  std::string bytes;
};

/// What is known of an append. Whether the frame counts is not the journal's to say: that shows when it is read back.
enum class append_outcome {
  durable,  ///< it is on the log and will survive
  unknown,  ///< it may be on the log, or get there yet
  refused,  ///< it is not on the log and never will be
};

/// Told what became of the frame at `index` of an append.
using append_settled = std::function<void(std::size_t index, append_outcome outcome)>;

/// A frame as the log has it.
struct log_record {
  events::log_offset offset;
  std::string bytes;
};

/// The log: for each shard a durable, totally ordered sequence of frames. It orders and keeps bytes and knows no rule:
/// which frames count is decided by everyone who reads them (engine/log_rule.hpp).
class journal {
public:
  virtual ~journal() = default;

  virtual const journal_identity& identity() const = 0;

  /// Appends `frames`, in this order within each shard. `settled` is called once for each frame, as soon as its fate is
  /// known or cannot be, but after a bounded time: from any thread, in any order, perhaps before `append` returns, and
  /// at the latest by the destructor. It must not block or call the journal. So a shard whose storage does not answer
  /// keeps no other waiting. Only from the journal thread. An adapter that learns that its storage lies (a failed sync)
  /// ends the process.
  virtual void append(std::vector<outgoing_frame> frames, append_settled settled) = 0;

  /// The frames of `shard` from `from` on, in order, at most about `bytes_max` bytes (but at least one frame if there
  /// is one); empty at the end; what was not announced yet (`on_arrival`) may be left out. `corrupt` names offset and
  /// fault, at every try: damage is never skipped, and on a disk, once met, it is told to all who read the shard, the
  /// fold too. `unavailable`: the log cannot be reached now. Any thread, several at a time (rebuild, history, fold).
  virtual result<std::vector<log_record>> read(events::shard_id shard, events::log_offset from,
                                               std::size_t bytes_max) = 0;

  /// The offset behind the last frame of `shard`, asked of the log now. Any thread.
  virtual result<events::log_offset> end(events::shard_id shard) = 0;

  /// `arrived(shard)` is called from a thread of the journal's whenever `read` may have something new. Set once, before
  /// the first append; it must not block or call the journal.
  virtual void on_arrival(std::function<void(events::shard_id)> arrived) = 0;

  /// Why the last append that did not succeed did not, in words for the log; empty if that is not known. Any thread.
  virtual std::string trouble() const { return {}; }

  /// True if no other process can append while this object lives: then every read of a fold is exact.
  virtual bool exclusive() const = 0;
};

/// Appends `frames` and waits until the fate of each is known or cannot be. One outcome per frame. Where nothing else
/// waits for the caller's thread: tools, tests, measurements.
std::vector<append_outcome> append_and_wait(journal& log, std::vector<outgoing_frame> frames);

}  // namespace muster::engine
