#include "engine/replay.hpp"

#include "engine/limits.hpp"

namespace muster::engine {

namespace {

// Nobody proposes or claims here: the shard is used for its fold alone.
struct no_entropy final : entropy {
  std::string draw(std::size_t size) override { return std::string(size, '\0'); }
};

std::string at(events::shard_id shard, events::log_offset offset) {
  return "shard " + std::to_string(shard.value()) + ", offset " + std::to_string(offset.value());
}

}  // namespace

result<replay_report> replay(journal& log, events::shard_id shard_number, const log_position& start,
                             std::optional<events::log_offset> until, const frame_sink& take) {
  no_entropy none;
  shard fold({log.identity().id, shard_number, {}, false, 0, 1}, start, none);
  replay_report report;
  while (true) {
    auto records = log.read(shard_number, fold.position().next_offset, limits::tail_read_bytes);
    if (!records) return std::unexpected(records.error());
    std::vector<folded_frame> frames;
    bool reached = records->empty();
    for (const auto& record : *records) {
      if (until && record.offset >= *until) {
        reached = true;
        break;
      }
      auto accepted = fold.fold(record);
      if (fold.stopped()) return fail(errc::corrupt, at(shard_number, record.offset) + ": " + *fold.stopped());
      if (!accepted) continue;
      auto read = read_events(std::move(*accepted));
      if (!read) return fail(errc::corrupt, at(shard_number, record.offset) + ": " + read.error().text);
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
  report.void_frames = fold.void_frames();
  return report;
}

result<void> check_continues(journal& log, events::shard_id shard, const log_position& position) {
  const auto end = log.end(shard);
  if (!end) return std::unexpected(end.error());
  if (*end < position.next_offset) {
    return fail(errc::corrupt, "the projections of shard " + std::to_string(shard.value()) + " have folded up to offset " +
                                   std::to_string(position.next_offset.value()) + ", but the journal ends at " +
                                   std::to_string(end->value()) +
                                   ": the journal lost frames or is an older copy. Restore the journal that belongs to these "
                                   "projections; or, if this journal is the one to keep, run 'muster rebuild'.");
  }
  if (position.next_offset == events::log_offset()) return {};
  const auto last = log.read(shard, position.last_offset, 1);
  if (!last) return std::unexpected(last.error());
  if (last->empty() || last->front().offset != position.last_offset || events::sha256(last->front().bytes) != position.last_hash) {
    return fail(errc::corrupt, at(shard, position.last_offset) +
                                   ": the journal does not hold the frame that the projections folded last: it is another "
                                   "journal, or was changed. Restore the journal that belongs to these projections; or, if this "
                                   "journal is the one to keep, run 'muster rebuild'.");
  }
  return {};
}

}  // namespace muster::engine
