#pragma once

#include "engine/ports/catalog.hpp"
#include "engine/ports/journal.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

/// The events of a shard for those who follow it after the fold: reactions, streams, history.
namespace muster::engine {

/// A batch that counts, with its events; at least one. Their data is JSON as recorded: what is secret is sealed.
struct feed_frame {
  events::log_offset offset;
  events::timestamp time;
  std::vector<events::event_record> records;
  events::log_sequence last() const { return records.back().meta.sequence; }
};

/// Frames in log order, without a gap between them.
using feed_frames = std::vector<std::shared_ptr<const feed_frame>>;

/// The frames that hold the events behind sequence `after`, oldest first, from the journal: about `bytes_max` bytes,
/// but at least one frame if there is one, and only what `view` has folded. The first may begin with events up to
/// `after`. `corrupt` names what cannot be read. Any thread.
result<feed_frames> read_feed(journal& log, shard_view& view, events::shard_id shard, events::log_sequence after,
                              std::size_t bytes_max);

/// A frame as the fold hands it on.
struct folded_bytes {
  events::log_offset offset;
  events::log_sequence first;
  events::log_sequence last;
  std::string bytes;
};

/// Where the followers of the log meet the fold. It keeps the newest frames of each shard as long as anybody follows,
/// in bounded memory; who lags behind them reads the journal instead, so that nobody ever slows the fold.
class feed {
public:
  /// `tail_bytes`: of the frames kept, all shards together; each has an equal share.
  feed(journal& log, const catalog& services, std::size_t tail_bytes = 16U << 20U);

  /// Frames were folded and can be read in the projections: each holds an event. Only from the shard's thread; does not
  /// block but for a follower that reads the same shard's newest frames at this moment.
  void folded(events::shard_id shard, std::vector<folded_bytes> frames);
  /// Whether there is a follower: otherwise frames need not be handed on. Any thread.
  bool followed() const { return followers_now_.load(std::memory_order_relaxed) != 0; }

  /// Calls `wake(shard)` after each call of `folded` until what is returned goes. It is called on the shard's thread:
  /// it must not block, nor call this object. It may be called once more while that goes, never afterwards.
  [[nodiscard]] std::shared_ptr<void> follow(std::function<void(events::shard_id)> wake);

  /// As `read_feed`; `unavailable` if the shard is not open here. Any thread.
  result<feed_frames> read(events::shard_id shard, events::log_sequence after, std::size_t bytes_max);

private:
  struct kept_frame {
    explicit kept_frame(folded_bytes f) : folded(std::move(f)) {}
    const folded_bytes folded;
    std::once_flag once;
    std::shared_ptr<const feed_frame> read;
  };
  struct tail {
    std::mutex mutex;
    std::deque<std::shared_ptr<kept_frame>> frames;  ///< without a gap
    std::size_t bytes = 0;
  };

  std::vector<std::shared_ptr<kept_frame>> kept_behind(events::shard_id shard, events::log_sequence after,
                                                       std::size_t bytes_max);

  journal& log_;
  const catalog& services_;
  const std::size_t shard_bytes_;
  std::vector<tail> tails_;
  std::atomic<std::size_t> followers_now_{0};
  std::mutex followers_mutex_;
  std::map<std::uint64_t, std::function<void(events::shard_id)>> followers_;
  std::uint64_t next_follower_ = 0;
};

}  // namespace muster::engine
