#include "engine/recount.hpp"

#include "engine/replay.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <set>

namespace muster::engine {

namespace {

constexpr std::size_t differences_max = 100;
constexpr std::size_t all_hours = static_cast<std::size_t>(-1);

void count(usage_counts& counts, const events::recorded_event& e) {
  if (counts.types.empty()) counts.first = e.meta.sequence;
  counts.last = e.meta.sequence;
  auto at = std::ranges::lower_bound(counts.types, e.meta.type, {}, &type_count::type);
  if (at == counts.types.end() || at->type != e.meta.type) at = counts.types.insert(at, {e.meta.type, 0, 0});
  ++at->events;
  at->operations += e.meta.operation ? 1 : 0;
}

std::string text_of(const type_count* count) {
  if (count == nullptr) return "none";
  return std::to_string(count->events) + " events, " + std::to_string(count->operations) + " operations";
}

const type_count* find(const usage_counts& counts, const std::string& type) {
  const auto at = std::ranges::find(counts.types, type, &type_count::type);
  return at == counts.types.end() ? nullptr : &*at;
}

std::string text_of(const std::optional<hour_end>& end) {
  if (!end) return "open";
  return "sequence " + std::to_string(end->sequence.value()) + ", head " + events::to_hex(events::as_bytes(end->head));
}

/// The comparison of one service's hours, as they are counted.
class comparison {
public:
  comparison(std::string scope, std::vector<usage_hour> recorded)
      : scope_(std::move(scope)), recorded_(std::move(recorded)) {}

  void take(const usage_tally::counted_hour& counted) {
    while (next_ < recorded_.size() && recorded_[next_].hour < counted.hour) missing_in_log();
    const auto* recorded =
        next_ < recorded_.size() && recorded_[next_].hour == counted.hour ? &recorded_[next_++] : nullptr;
    const auto at = counted.services.find(scope_);
    if (at != counted.services.end()) {
      ++report_.hours;
      for (const auto& each : at->second.types) {
        report_.events += each.events;
        report_.operations += each.operations;
      }
    }
    note(difference(counted, scope_, recorded));
  }

  usage_recount finish() {
    while (next_ < recorded_.size()) missing_in_log();
    return std::move(report_);
  }

private:
  void missing_in_log() {
    usage_tally::counted_hour nothing;
    nothing.hour = recorded_[next_].hour;
    note(difference(nothing, scope_, &recorded_[next_++]));
  }

  void note(std::string what) {
    if (what.empty()) return;
    ++report_.different_hours;
    if (report_.differences.size() < differences_max) report_.differences.push_back(std::move(what));
  }

  std::string scope_;
  std::vector<usage_hour> recorded_;
  std::size_t next_ = 0;
  usage_recount report_;
};

}  // namespace

std::optional<usage_tally::counted_hour> usage_tally::add(const folded_frame& frame) {
  std::optional<counted_hour> ended;
  const auto hour = events::hour_of(frame.after.time);
  if (began_ && hour != now_.hour) {
    now_.end = last_;
    if (!now_.services.empty()) ended = std::move(now_);
    now_ = {};
  }
  began_ = true;
  now_.hour = hour;
  last_ = {frame.after.sequence, frame.after.head};
  for (const auto& e : frame.events) {
    auto at = now_.services.find(e.meta.stream.scope());
    if (at == now_.services.end()) at = now_.services.emplace(e.meta.stream.scope(), usage_counts()).first;
    count(at->second, e);
  }
  return ended;
}

std::string difference(const usage_tally::counted_hour& counted, const std::string& scope, const usage_hour* recorded) {
  static const usage_counts none;
  const auto at = counted.services.find(scope);
  const auto& is = at == counted.services.end() ? none : at->second;
  const auto& said = recorded == nullptr ? none : recorded->counts;
  const bool same_end = recorded == nullptr || !counted.end || counted.end == recorded->end;
  if (is == said && same_end) return {};
  std::string text;
  const auto add = [&](const std::string& what, const std::string& in_log, const std::string& in_counters) {
    text += (text.empty() ? "" : "; ") + what + ": the log has " + in_log + ", the counters say " + in_counters;
  };
  std::set<std::string> types;
  for (const auto& each : is.types) types.insert(each.type);
  for (const auto& each : said.types) types.insert(each.type);
  for (const auto& type : types) {
    const auto* in_log = find(is, type);
    const auto* in_counters = find(said, type);
    if (in_log == nullptr || in_counters == nullptr || *in_log != *in_counters)
      add(type, text_of(in_log), text_of(in_counters));
  }
  if (is.first != said.first || is.last != said.last) {
    const auto range = [](const usage_counts& counts) {
      return std::to_string(counts.first.value()) + " to " + std::to_string(counts.last.value());
    };
    add("sequences", range(is), range(said));
  }
  if (!same_end) add("end of the hour", text_of(counted.end), text_of(recorded->end));
  return scope + ", hour " + events::to_hour_text(counted.hour) + ": " + text;
}

result<void> check_usage(shard_view& view, const usage_tally::counted_hour& counted) {
  for (const auto& [text, counts] : counted.services) {
    const auto scope = events::id_scope::parse(text);
    if (!scope) continue;  // the directory belongs to no service
    const auto recorded = view.usage(*scope, counted.hour, counted.hour + std::chrono::hours(1), 1);
    if (!recorded) return std::unexpected(recorded.error());
    const auto wrong = difference(counted, text, recorded->empty() ? nullptr : &recorded->front());
    if (!wrong.empty()) return fail(errc::corrupt, "the usage of " + wrong);
  }
  return {};
}

result<usage_recount> recount_usage(journal& log, shard_view& view, events::shard_id shard,
                                    const events::id_scope& scope, const std::stop_token& stop) {
  // The rows are of one moment at or after `position`, and hold every event of the service up to `last`.
  const auto position = view.position();
  auto recorded = view.usage(scope, {}, events::hours_end, all_hours);
  if (!recorded) return std::unexpected(recorded.error());
  auto last = position.sequence;
  auto until = position.next_offset;
  if (!recorded->empty() && recorded->back().counts.last > last) {
    last = recorded->back().counts.last;
    const auto home = view.frame_of(last);
    if (!home) return std::unexpected(home.error());
    if (!*home)
      return fail(errc::corrupt, "the counters of " + scope.text() + " name sequence " + std::to_string(last.value()) +
                                     ", which was never folded");
    until = (*home)->next();
  }
  comparison compared(scope.text(), std::move(*recorded));
  usage_tally tally;
  const auto take = [&](std::span<const folded_frame> frames) -> result<void> {
    for (const auto& frame : frames) {
      if (const auto ended = tally.add(frame)) compared.take(*ended);
    }
    return {};
  };
  const auto folded = replay(log, shard, {}, until, take, stop);
  if (!folded) return std::unexpected(folded.error());
  compared.take(tally.open_hour());
  return compared.finish();
}

result<usage_recount> recount_usage(journal& log, projection_store& store, std::string_view name) {
  const auto wanted = events::service_name::parse(name);
  std::string untold;
  for (std::uint32_t i = 0; i < log.identity().shards; ++i) {
    const events::shard_id shard(i);
    const auto rows = store.open_existing(shard);
    if (!rows || !*rows) {
      const std::string why = rows ? "it has none that this version reads" : rows.error().text;
      untold += (untold.empty() ? "shard " : "; shard ") + std::to_string(i) + ": " + why;
      continue;
    }
    const auto services = (*rows)->services();
    if (!services) return std::unexpected(services.error());
    for (const auto& each : *services) {
      if ((wanted && each.name == *wanted) || each.scope.text() == name)
        return recount_usage(log, **rows, shard, each.scope);
    }
  }
  const auto quoted = "'" + std::string(name) + "'";
  if (untold.empty()) return fail(errc::not_found, "there is no service " + quoted);
  return fail(errc::unavailable, "there is no service " + quoted +
                                     " in the projections of this node, but not all can "
                                     "tell (" +
                                     untold + "): start the node, or run 'muster rebuild'");
}

std::string to_json(const usage_recount& report) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  out.StartObject();
  out.Key("ok");
  out.Bool(report.different_hours == 0);
  const auto number = [&](const char* name, std::uint64_t value) {
    out.Key(name);
    out.Uint64(value);
  };
  number("hours", report.hours);
  number("events", report.events);
  number("operations", report.operations);
  number("differentHours", report.different_hours);
  out.Key("differences");
  out.StartArray();
  for (const auto& each : report.differences) out.String(each.c_str(), static_cast<rapidjson::SizeType>(each.size()));
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace muster::engine
