#include "engine/replay.hpp"

#include "engine/repair.hpp"

namespace muster::engine {

namespace {

// Read at once. Events take four times the memory of their frames: what is read should stay in the processor's cache
// until it has been folded.
constexpr std::size_t read_bytes = 1024 * 1024;

std::string at(events::shard_id shard, events::log_offset offset) {
  return "shard " + std::to_string(shard.value()) + ", offset " + std::to_string(offset.value());
}

result<void> check_holds(journal& log, events::shard_id shard, events::log_offset offset, const events::digest& hash) {
  const auto there = log.read(shard, offset, 1);
  if (!there) return std::unexpected(there.error());
  if (!there->empty() && there->front().offset == offset && events::sha256(there->front().bytes) == hash) return {};
  return fail(errc::corrupt,
              at(shard, offset) +
                  ": the journal does not hold the frame that the projections folded: it lost frames, is "
                  "another journal, or was changed. Restore the journal that belongs to these "
                  "projections; or, if this journal is the one to keep, run 'muster rebuild'.");
}

}  // namespace

result<replay_report> replay(journal& log, events::shard_id shard_number, const log_position& start,
                             std::optional<events::log_offset> until, const frame_sink& take,
                             const std::stop_token& stop) {
  log_rule fold(log.identity().id, shard_number, start, repairs_in(log, shard_number));
  replay_report report;
  while (true) {
    if (stop.stop_requested()) return fail(errc::cancelled, "the replay was ended early");
    auto records = log.read(shard_number, fold.position().next_offset, read_bytes);
    if (!records) return std::unexpected(records.error());
    std::vector<folded_frame> frames;
    bool reached = records->empty();
    for (const auto& record : *records) {
      if (until && record.offset >= *until) {
        reached = true;
        break;
      }
      const auto corrupt = [&](const std::string& why) {
        return fail(errc::corrupt, at(shard_number, record.offset) + ": " + why);
      };
      const auto seen = fold.judge(record.offset, record.bytes);
      if (seen.what == verdict::void_frame) {
        ++report.void_frames;
        continue;
      }
      if (seen.what != verdict::accepted) return corrupt(seen.reason);
      auto read = seen.header.kind == events::frame_kind::batch
                      ? read_events(seen.header, record.offset, fold.position())
                      : folded_frame{record.offset, seen.header.kind, seen.header.time, {}, fold.position()};
      if (!read) return corrupt(read.error().text);
      report.events += read->events.size();
      ++report.frames;
      frames.push_back(std::move(*read));
    }
    if (!frames.empty()) {
      frames.back().after = fold.position();  // void frames behind the last accepted one are passed for good as well
      if (auto taken = take(frames); !taken) return std::unexpected(taken.error());
    }
    if (reached) break;
  }
  report.end = fold.position();
  return report;
}

result<void> check_continues(journal& log, events::shard_id shard, const log_position& position) {
  const auto end = log.end(shard);
  if (!end) return std::unexpected(end.error());
  if (*end < position.next_offset) {
    return fail(errc::corrupt,
                "the projections of shard " + std::to_string(shard.value()) + " have folded up to offset " +
                    std::to_string(position.next_offset.value()) + ", but the journal ends at " +
                    std::to_string(end->value()) +
                    ": the journal lost frames or is an older copy. Restore the journal that belongs to these "
                    "projections; or, if this journal is the one to keep, run 'muster rebuild'.");
  }
  if (position.next_offset == events::log_offset()) return {};
  if (auto good = check_holds(log, shard, position.last_offset, position.last_hash); !good) return good;
  if (position.epoch == events::shard_epoch() || position.counted_offset == position.last_offset) return {};
  return check_holds(log, shard, position.counted_offset, position.counted_hash);
}

}  // namespace muster::engine
