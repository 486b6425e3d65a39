#include "engine/feed.hpp"

#include <algorithm>

namespace muster::engine {

namespace {

constexpr std::size_t shard_bytes_min = 128U << 10U;

error damaged(events::log_offset offset, const std::string& why) {
  return {errc::corrupt, "the frame at offset " + std::to_string(offset.value()) + ": " + why};
}

// A frame that was folded before: it is known to be sound, and still checked.
result<std::shared_ptr<const feed_frame>> read_frame(events::log_offset offset, std::string_view bytes) {
  const auto header = events::read_header(bytes);
  if (!header) return std::unexpected(damaged(offset, header.error().text));
  auto records = events::read_records(*header);
  if (!records) return std::unexpected(damaged(offset, records.error().text));
  return std::make_shared<const feed_frame>(feed_frame{offset, header->time, std::move(*records)});
}

}  // namespace

result<feed_frames> read_feed(journal& log, shard_view& view, events::shard_id shard, events::log_sequence after,
                              std::size_t bytes_max) {
  const auto end = view.position();
  feed_frames found;
  if (after >= end.sequence) return found;
  const auto first = view.frame_of(after.next());
  if (!first) return std::unexpected(first.error());
  if (!*first) return found;
  const auto frames = log.read(shard, **first, bytes_max);
  if (!frames) return std::unexpected(frames.error());
  for (const auto& frame : *frames) {
    if (frame.offset >= end.next_offset) break;
    const auto header = events::read_header(frame.bytes);
    // Void frames lie between: only what the fold accepted is history, and that it numbered without a gap.
    if (!header || header->kind != events::frame_kind::batch || header->count == 0) continue;
    const auto home = view.frame_of(header->first_sequence);
    if (!home) return std::unexpected(home.error());
    if (!*home || **home != frame.offset) continue;
    auto read = read_frame(frame.offset, frame.bytes);
    if (!read) return std::unexpected(read.error());
    found.push_back(std::move(*read));
  }
  if (found.empty()) return std::unexpected(damaged(**first, "it is gone"));
  return found;
}

feed::feed(journal& log, const catalog& services, std::size_t tail_bytes)
    : log_(log), services_(services), shard_bytes_(std::max(shard_bytes_min, tail_bytes / log.identity().shards)),
      tails_(log.identity().shards) {}

void feed::folded(events::shard_id shard, std::vector<folded_bytes> frames) {
  auto& t = tails_[shard.value()];
  {
    const std::lock_guard lock(t.mutex);
    for (auto& frame : frames) {
      // Frames that nobody followed were not handed on.
      if (!t.frames.empty() && t.frames.back()->folded.last.next() != frame.first) {
        t.frames.clear();
        t.bytes = 0;
      }
      t.bytes += frame.bytes.size();
      t.frames.push_back(std::make_shared<kept_frame>(std::move(frame)));
    }
    while (t.bytes > shard_bytes_ && t.frames.size() > 1) {
      t.bytes -= t.frames.front()->folded.bytes.size();
      t.frames.pop_front();
    }
  }
  const std::lock_guard lock(followers_mutex_);
  for (const auto& [number, wake] : followers_) wake(shard);
}

std::shared_ptr<void> feed::follow(std::function<void(events::shard_id)> wake) {
  const std::lock_guard lock(followers_mutex_);
  const auto number = next_follower_++;
  followers_.emplace(number, std::move(wake));
  ++followers_now_;
  return {this, [number](feed* from) {
            const std::lock_guard inner(from->followers_mutex_);
            from->followers_.erase(number);
            --from->followers_now_;
          }};
}

std::vector<std::shared_ptr<feed::kept_frame>> feed::kept_behind(events::shard_id shard, events::log_sequence after,
                                                                 std::size_t bytes_max) {
  auto& t = tails_[shard.value()];
  std::vector<std::shared_ptr<kept_frame>> found;
  const std::lock_guard lock(t.mutex);
  if (t.frames.empty() || t.frames.front()->folded.first > after.next()) return found;
  auto at = std::ranges::upper_bound(t.frames, after, {}, [](const auto& each) { return each->folded.last; });
  for (std::size_t bytes = 0; at != t.frames.end() && (found.empty() || bytes < bytes_max); ++at) {
    bytes += (*at)->folded.bytes.size();
    found.push_back(*at);
  }
  return found;
}

result<feed_frames> feed::read(events::shard_id shard, events::log_sequence after, std::size_t bytes_max) {
  const auto view = services_.view(shard);
  if (!view) return fail(errc::unavailable, "shard " + std::to_string(shard.value()) + " is not open");
  const auto kept = kept_behind(shard, after, bytes_max);
  if (kept.empty()) return read_feed(log_, *view, shard, after, bytes_max);
  feed_frames found;
  for (const auto& each : kept) {
    // Many may follow the same shard: whoever comes first reads the frame for all.
    std::call_once(each->once, [&] {
      if (auto read = read_frame(each->folded.offset, each->folded.bytes)) each->read = std::move(*read);
    });
    if (!each->read) return std::unexpected(damaged(each->folded.offset, "it cannot be read"));
    found.push_back(each->read);
  }
  return found;
}

}  // namespace muster::engine
