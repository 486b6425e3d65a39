#include "engine/usage.hpp"

#include "engine/limits.hpp"
#include "engine/ports/shard_view.hpp"
#include "events/operations.hpp"

#include <algorithm>

namespace muster::engine {

namespace {

constexpr std::size_t hours_per_read = 1000;

events::log_hour start_of(usage_period period, events::log_hour hour) {
  const auto day = std::chrono::floor<std::chrono::days>(hour);
  if (period == usage_period::hour) return hour;
  if (period == usage_period::day) return day;
  const std::chrono::year_month_day date{day};
  return std::chrono::sys_days(date.year() / date.month() / 1);
}

events::log_hour end_of(usage_period period, events::log_hour start) {
  if (period == usage_period::hour) return start + std::chrono::hours(1);
  const auto day = std::chrono::floor<std::chrono::days>(start);
  if (period == usage_period::day) return day + std::chrono::days(1);
  const std::chrono::year_month_day date{day};
  return std::chrono::sys_days((date.year() / date.month() + std::chrono::months(1)) / 1);
}

// The line that `hour` belongs to: of its whole period, cut to what was asked for.
usage_line new_line(const usage_query& query, events::log_hour hour) {
  usage_line line;
  line.from = start_of(query.by, hour);
  line.to = end_of(query.by, line.from);
  if (query.from) line.from = std::max(line.from, *query.from);
  if (query.to) line.to = std::min(line.to, *query.to);
  return line;
}

}  // namespace

std::uint64_t operations_of(const usage_counts& counts) {
  std::uint64_t operations = 0;
  for (const auto& each : counts.types) operations += each.operations;
  return operations;
}

result<usage_counter> usage_counter::from(const usage_counts& counts) {
  usage_counter counter;
  counter.first_ = counts.first;
  counter.last_ = counts.last;
  const auto rules = events::operation_rules();
  for (const auto& each : counts.types) {
    const auto at = std::ranges::find(rules, each.type, &events::operation_rule::type);
    if (at == rules.end()) return fail(errc::corrupt, "there is no event type '" + each.type + "'");
    counter.types_[static_cast<std::size_t>(at - rules.begin())] = {each.events, each.operations};
  }
  return counter;
}

void usage_counter::add(const events::recorded_event& e) {
  auto& type = types_[e.data.index()];
  ++type.events;
  if (e.meta.operation) ++type.operations;
  if (first_ == events::log_sequence()) first_ = e.meta.sequence;
  last_ = e.meta.sequence;
}

usage_counts usage_counter::counts() const {
  usage_counts counts{first_, last_, {}};
  for (std::size_t i = 0; i < types_.size(); ++i) {
    if (types_[i].events == 0) continue;
    counts.types.push_back({std::string(events::operation_rules()[i].type), types_[i].events, types_[i].operations});
  }
  std::ranges::sort(counts.types, {}, &type_count::type);
  return counts;
}

void usage_sum::add(const usage_counts& counts) {
  for (const auto& each : counts.types) {
    auto& type = types[each.type];
    type.type = each.type;
    type.events += each.events;
    type.operations += each.operations;
    events += each.events;
    operations += each.operations;
  }
}

result<usage_report> report_usage(shard_view& view, const events::id_scope& scope, const usage_query& query) {
  usage_report report{query, {}, {}};
  // The position first: an hour that it is past had ended before its counts were read.
  const auto open_hour = events::hour_of(view.position().time);
  const auto to = query.to.value_or(events::hours_end);
  auto from = query.from.value_or(events::log_hour());
  while (true) {
    const auto hours = view.usage(scope, from, to, hours_per_read);
    if (!hours) return std::unexpected(hours.error());
    for (const auto& each : *hours) {
      if (report.lines.empty() || each.hour >= report.lines.back().to) {
        if (report.lines.size() == limits::usage_lines_max) {
          return fail(errc::invalid, "the answer would have more than " + std::to_string(limits::usage_lines_max) +
                                         " lines: ask for a shorter time, or sum up by day or month");
        }
        report.lines.push_back(new_line(query, each.hour));
        report.lines.back().open = report.lines.back().to > open_hour;
        report.lines.back().first = each.counts.first;
      }
      auto& line = report.lines.back();
      line.sum.add(each.counts);
      line.last = each.counts.last;
      line.end = each.end;
      report.total.add(each.counts);
    }
    if (hours->size() < hours_per_read) return report;
    from = hours->back().hour + std::chrono::hours(1);
  }
}

std::optional<events::log_hour> read_hour(std::string_view text) {
  std::string whole(text);
  if (text.size() == 7) whole += "-01T00:00:00Z";
  if (text.size() == 10) whole += "T00:00:00Z";
  if (text.size() == 13) whole += ":00:00Z";
  const auto time = events::from_iso8601(whole);
  if (!time || events::hour_of(*time) != *time) return std::nullopt;
  return events::hour_of(*time);
}

}  // namespace muster::engine
