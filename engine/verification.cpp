#include "engine/verification.hpp"

#include "engine/recount.hpp"
#include "engine/replay.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace muster::engine {

result<shard_verification> verify_shard(journal& log, projection_store& store, events::shard_id shard,
                                        shard_projection& serving) {
  shard_verification report;
  report.shard = shard;
  const auto is = store.fingerprint_of(serving);
  if (!is && is.error().code != errc::corrupt) return std::unexpected(is.error());
  if (!is) {
    report.wrong = is.error().text;
    return report;
  }
  report.rows = is->rows;
  auto anew = store.begin_generation(shard);
  if (!anew) return std::unexpected(anew.error());
  usage_tally tally;
  const auto take = [&](std::span<const folded_frame> frames) -> result<void> {
    if (auto applied = (*anew)->apply(frames); !applied) return applied;
    for (const auto& frame : frames) {
      const auto ended = tally.add(frame);
      if (!ended) continue;
      if (auto counted = check_usage(**anew, *ended); !counted) return counted;
    }
    return {};
  };
  auto folded = replay(log, shard, {}, is->position.next_offset, take);
  if (folded) {
    if (const auto counted = check_usage(**anew, tally.open_hour()); !counted)
      folded = std::unexpected(counted.error());
  }
  if (!folded && folded.error().code != errc::corrupt) return std::unexpected(folded.error());
  if (!folded) {
    report.wrong = folded.error().text;
    return report;
  }
  report.frames = folded->frames;
  report.void_frames = folded->void_frames;
  report.events = folded->events;
  if (folded->end != is->position) {
    report.wrong = "the log leads to sequence " + std::to_string(folded->end.sequence.value()) + " at offset " +
                   std::to_string(folded->end.next_offset.value()) +
                   " with another head than the projections have at sequence " +
                   std::to_string(is->position.sequence.value());
    return report;
  }
  const auto should_be = store.fingerprint_of(**anew);
  if (!should_be) return std::unexpected(should_be.error());
  if (should_be->digest != is->digest) {
    report.wrong = "the projections differ from what the log leads to (" + std::to_string(is->rows) + " rows, " +
                   std::to_string(should_be->rows) + " expected): run 'muster rebuild'";
  }
  return report;
}

std::string to_json(const std::vector<shard_verification>& reports) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  std::uint64_t events = 0;
  for (const auto& each : reports) events += each.events;
  out.StartObject();
  out.Key("ok");
  out.Bool(std::ranges::all_of(reports, [](const auto& each) { return each.wrong.empty(); }));
  out.Key("events");
  out.Uint64(events);
  out.Key("shards");
  out.StartArray();
  for (const auto& each : reports) {
    out.StartObject();
    out.Key("shard");
    out.Uint64(each.shard.value());
    out.Key("frames");
    out.Uint64(each.frames);
    out.Key("voidFrames");
    out.Uint64(each.void_frames);
    out.Key("events");
    out.Uint64(each.events);
    out.Key("rows");
    out.Uint64(each.rows);
    if (!each.wrong.empty()) {
      out.Key("wrong");
      out.String(each.wrong.c_str());
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace muster::engine
