#include "projections/command_rows.hpp"

#include "engine/limits.hpp"
#include "projections/rows.hpp"

#include <algorithm>
#include <vector>

namespace muster::projections {

namespace {

constexpr std::size_t dropped_per_frame_max = 256;

struct expiry {
  std::string key;
  events::log_sequence sequence;
  std::string command;  ///< key of the command's row
};

events::timestamp end_of(events::timestamp recorded) {
  return recorded + engine::limits::command_id_kept;
}

events::timestamp time_of_expiry(std::string_view key) {
  return events::timestamp(std::chrono::microseconds(static_cast<std::int64_t>(from_sortable(key.substr(1)))));
}

}  // namespace

bool command_rows::needs_what_is_pending(events::timestamp now) const {
  return first_pending_ && end_of(*first_pending_) <= now;
}

engine::result<void> command_rows::expire(events::timestamp now, row_batch& batch) {
  if (now < nothing_due_before_) return {};
  const auto all = keys_below(row_key(view::expiries));
  std::vector<expiry> due;
  auto next_due = first_pending_ ? end_of(*first_pending_) : events::timestamp::max();
  bool readable = true;
  const auto scanned =
      store_.scan(std::max(all.from, dropped_to_), all.to, [&](std::string_view key, std::string_view value) {
        readable = key.size() == 17;
        if (!readable) return false;
        const auto end = end_of(time_of_expiry(key));
        if (end > now || due.size() == dropped_per_frame_max) {
          next_due = end;
          return false;
        }
        due.push_back(
            {std::string(key), events::log_sequence(from_sortable(key.substr(9))), row_key(view::commands, value)});
        return true;
      });
  if (!scanned) return scanned;
  if (!readable) return std::unexpected(unreadable_row(all.from));
  for (const auto& each : due) {
    const auto record = find(each.command);
    if (!record) return std::unexpected(record.error());
    // The id may have been recorded anew since.
    if (*record && (*record)->first_sequence == each.sequence) batch.erase(each.command);
    batch.erase(each.key);
  }
  if (!due.empty()) dropped_to_ = due.back().key + '\0';
  nothing_due_before_ = next_due;
  return {};
}

engine::result<void> command_rows::record(const events::envelope& meta, row_batch& batch) {
  const auto name = read_command_name(meta.command_id);
  const auto key = row_key(view::commands, meta.stream.scope(), "/", name.id);
  const auto known = find(key);
  if (!known) return std::unexpected(known.error());
  if (*known && end_of((*known)->time) > meta.time) return {};
  const engine::command_record record{meta.sequence, name.request, meta.time};
  batch.put(key, events::to_row(record));
  const auto time = static_cast<std::uint64_t>(meta.time.time_since_epoch().count());
  batch.put(row_key(view::expiries, sortable(time), sortable(meta.sequence.value())), std::string_view(key).substr(1));
  pending_.insert_or_assign(key, record);
  if (!first_pending_) first_pending_ = meta.time;
  nothing_due_before_ = std::min(nothing_due_before_, end_of(meta.time));
  return {};
}

void command_rows::written() {
  pending_.clear();
  first_pending_.reset();
}

void command_rows::lost() {
  written();
  nothing_due_before_ = events::timestamp::min();
  dropped_to_.clear();
}

engine::result<std::optional<engine::command_record>> command_rows::find(const std::string& key) const {
  if (const auto at = pending_.find(key); at != pending_.end()) return at->second;
  auto row = store_.get(key);
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_row<engine::command_record>(key, **row);
}

}  // namespace muster::projections
