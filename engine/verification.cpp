#include "engine/verification.hpp"

#include "engine/recount.hpp"
#include "engine/replay.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace muster::engine {

namespace {

/// What is wrong with the data is found; what is wrong with the world ends the check.
bool found(const error& e, shard_verification& report) {
  if (e.code != errc::corrupt) return false;
  report.wrong = e.text;
  return true;
}

void add(shard_verification& report, const replay_report& part) {
  report.frames += part.frames;
  report.void_frames += part.void_frames;
  report.events += part.events;
}

std::string elsewhere(const log_position& log, const log_position& projections) {
  return "the log leads to sequence " + std::to_string(log.sequence.value()) + " at offset " +
         std::to_string(log.next_offset.value()) + " with another head than the projections have at sequence " +
         std::to_string(projections.sequence.value());
}

/// Compares `serving` with what the log up to its position leads to. Gives the position from which the rest of the log
/// is still to be read.
result<log_position> compare(journal& log, projection_store& store, shard_projection& serving,
                             shard_verification& report, const std::stop_token& stop) {
  const auto is = store.fingerprint_of(serving, stop);
  if (!is && !found(is.error(), report)) return std::unexpected(is.error());
  if (!is) return log_position();  // its rows cannot be read; the log may be whole
  report.rows = is->rows;
  const auto anew = store.begin_generation(report.shard);
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
  auto folded = replay(log, report.shard, {}, is->position.next_offset, take, stop);
  if (folded) {
    if (const auto counted = check_usage(**anew, tally.open_hour()); !counted)
      folded = std::unexpected(counted.error());
  }
  if (!folded) return std::unexpected(folded.error());
  add(report, *folded);
  if (folded->end != is->position) {
    report.wrong = elsewhere(folded->end, is->position);
    return folded->end;
  }
  const auto should_be = store.fingerprint_of(**anew, stop);
  if (!should_be) return std::unexpected(should_be.error());
  if (should_be->digest != is->digest) {
    report.wrong = "the projections differ from what the log leads to (" + std::to_string(is->rows) + " rows, " +
                   std::to_string(should_be->rows) + " expected): run 'muster rebuild'";
  }
  return folded->end;
}

}  // namespace

result<shard_verification> verify_shard(journal& log, projection_store& store, events::shard_id shard,
                                        shard_projection* serving, const std::stop_token& stop) {
  shard_verification report;
  report.shard = shard;
  log_position from;
  if (serving != nullptr) {
    const auto compared = compare(log, store, *serving, report, stop);
    if (!compared && found(compared.error(), report)) return report;
    if (!compared) return std::unexpected(compared.error());
    from = *compared;
  }
  const auto nowhere = [](std::span<const folded_frame>) { return result<void>(); };
  const auto rest = replay(log, shard, from, std::nullopt, nowhere, stop);
  if (!rest && found(rest.error(), report)) return report;
  if (!rest) return std::unexpected(rest.error());
  add(report, *rest);
  if (report.wrong.empty()) report.behind = rest->events;
  return report;
}

result<std::vector<shard_verification>> verify_all(journal& log, projection_store& store) {
  std::vector<shard_verification> reports;
  for (std::uint32_t i = 0; i < log.identity().shards; ++i) {
    const events::shard_id shard(i);
    const auto serving = store.open_existing(shard);
    auto report = verify_shard(log, store, shard, serving ? serving->get() : nullptr, {});
    if (!report) return std::unexpected(report.error());
    if (!serving && report->wrong.empty()) report->wrong = serving.error().text;
    reports.push_back(std::move(*report));
  }
  return reports;
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
    out.Key("eventsNotFolded");
    out.Uint64(each.behind);
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
