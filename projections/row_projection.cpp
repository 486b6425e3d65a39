#include "projections/row_projection.hpp"

#include "projections/row_reads.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace muster::projections {

using engine::result;

result<std::shared_ptr<row_projection>> row_projection::open(std::shared_ptr<row_store> rows) {
  const auto position = read_or_empty<engine::log_position>(*rows, row_key(view::position));
  if (!position) return std::unexpected(position.error());
  return std::shared_ptr<row_projection>(new row_projection(std::move(rows), *position));
}

engine::log_position row_projection::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

result<void> row_projection::apply(std::span<const engine::folded_frame> frames) {
  if (frames.empty()) return {};
  if (auto applied = fold_.apply(frames); !applied) return applied;
  const std::lock_guard lock(mutex_);
  position_ = frames.back().after;
  return {};
}

// In each read the position comes first and the row second: the row may be newer than said, never older.

result<engine::as_of<engine::device_state>> row_projection::device(const events::id_scope& scope,
                                                                   const events::registration_id& id) {
  const auto sequence = position().sequence;
  auto state = read_or_empty<engine::device_state>(*rows_, device_key(scope, id.key()));
  if (!state) return std::unexpected(state.error());
  return engine::as_of<engine::device_state>{std::move(*state), sequence};
}

result<engine::as_of<engine::hub_device_state>>
row_projection::hub_device(const events::id_scope& scope, const events::hub_name& hub, const events::device_id& id) {
  const auto sequence = position().sequence;
  auto state = read_or_empty<engine::hub_device_state>(*rows_, hub_devices_prefix(scope, hub).append(id.key()));
  if (!state) return std::unexpected(state.error());
  return engine::as_of<engine::hub_device_state>{std::move(*state), sequence};
}

result<engine::as_of<engine::group_state>> row_projection::group(const events::id_scope& scope,
                                                                 const events::group_id& id) {
  const auto sequence = position().sequence;
  auto state = read_or_empty<engine::group_state>(*rows_, row_key(view::groups, scope.text(), "/", id.key()));
  if (!state) return std::unexpected(state.error());
  return engine::as_of<engine::group_state>{std::move(*state), sequence};
}

result<engine::as_of<std::optional<engine::command_record>>> row_projection::command(const events::id_scope& scope,
                                                                                     std::string_view command_id) {
  const auto sequence = position().sequence;
  const auto key = row_key(view::commands, scope.text(), "/", command_id);
  const auto row = rows_->get(key);
  if (!row) return std::unexpected(row.error());
  engine::as_of<std::optional<engine::command_record>> found{{}, sequence};
  if (*row) {
    const auto record = read_row<engine::command_record>(key, **row);
    if (!record) return std::unexpected(record.error());
    found.value = *record;
  }
  return found;
}

result<std::vector<engine::service_state>> row_projection::services() {
  std::vector<engine::service_state> all;
  const auto done =
      scan_rows<engine::service_state>(*rows_, keys_below(row_key(view::services)), 1, [&](auto, auto state) {
        all.push_back(std::move(state));
        return true;
      });
  if (!done) return std::unexpected(done.error());
  return all;
}

result<std::vector<std::pair<std::string, engine::group_state>>> row_projection::groups(const events::id_scope& scope) {
  std::vector<std::pair<std::string, engine::group_state>> all;
  const auto prefix = row_key(view::groups, scope.text(), "/");
  const auto done = scan_rows<engine::group_state>(*rows_, keys_below(prefix), prefix.size(), [&](auto id, auto state) {
    all.emplace_back(id, std::move(state));
    return true;
  });
  if (!done) return std::unexpected(done.error());
  return all;
}

result<engine::directory_state> row_projection::directory() {
  return read_or_empty<engine::directory_state>(*rows_, row_key(view::directory));
}

result<std::vector<engine::event_place>> row_projection::stream_events(const events::stream_name& stream,
                                                                       events::log_sequence after, std::size_t limit) {
  std::vector<engine::event_place> places;
  if (limit == 0) return places;
  const auto prefix = stream_events_prefix(stream);
  auto range = keys_below(prefix);
  range.from = prefix + sortable(after.next().value());
  const auto done =
      scan_rows<event_location>(*rows_, range, prefix.size(), [&](std::string_view sequence, const auto& at) {
        places.push_back({events::log_sequence(from_sortable(sequence)), at.offset, at.index});
        return places.size() < limit;
      });
  if (!done) return std::unexpected(done.error());
  return places;
}

result<std::optional<events::log_offset>> row_projection::frame_of(events::log_sequence sequence) {
  auto range = keys_below(row_key(view::frames));
  range.from += sortable(sequence.value());
  std::optional<events::log_offset> found;
  const auto done = scan_rows<events::log_offset>(*rows_, range, 1, [&](auto, auto offset) {
    found = offset;
    return false;
  });
  if (!done) return std::unexpected(done.error());
  return found;
}

result<std::vector<engine::usage_hour>> row_projection::usage(const events::id_scope& scope, events::log_hour from,
                                                              events::log_hour to, std::size_t limit) {
  std::vector<engine::usage_hour> hours;
  if (limit == 0 || from >= to) return hours;
  const auto rows = rows_->snapshot();
  const auto prefix = row_key(view::usage, scope.text(), "/");
  auto range = keys_below(prefix);
  range.from = usage_key(scope.text(), from);
  if (to < events::hours_end) range.to = usage_key(scope.text(), to);
  std::string unreadable;
  const auto done = scan_rows<engine::usage_counts>(*rows, range, prefix.size(), [&](auto text, auto counts) {
    const auto hour = engine::read_hour(text);
    if (!hour) {
      unreadable = prefix + std::string(text);
      return false;
    }
    hours.push_back({*hour, std::move(counts), {}});
    return hours.size() < limit;
  });
  if (!done) return std::unexpected(done.error());
  if (!unreadable.empty()) return std::unexpected(unreadable_row(unreadable));
  for (auto& each : hours) {
    const auto key = hour_end_key(each.hour);
    const auto row = rows->get(key);
    if (!row) return std::unexpected(row.error());
    if (!*row) continue;
    auto end = read_row<engine::hour_end>(key, **row);
    if (!end) return std::unexpected(end.error());
    each.end = *end;
  }
  return hours;
}

namespace {

// Rows that were written before reactions kept an hour lack that last member.
result<engine::reaction_state> read_reaction(std::string_view key, std::string_view row) {
  auto state = read_row<engine::reaction_state>(key, row);
  return state ? std::move(state) : read_row<engine::reaction_state>(key, std::string(row) + '\0');
}

}  // namespace

result<std::optional<engine::reaction_state>> row_projection::reaction(std::string_view name) {
  const auto key = row_key(view::reactions, name);
  const auto row = rows_->get(key);
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_reaction(key, **row);
}

result<void> row_projection::keep_reaction(std::string_view name, const std::optional<engine::reaction_state>& state) {
  const auto batch = rows_->make_batch();
  const auto key = row_key(view::reactions, name);
  if (state)
    batch->put(key, events::to_row(*state));
  else
    batch->erase(key);
  return rows_->write(*batch);
}

result<void> row_projection::take_reactions(const row_source& other) {
  const auto batch = rows_->make_batch();
  const auto range = keys_below(row_key(view::reactions));
  const auto scanned = other.scan(range.from, range.to, [&](std::string_view key, std::string_view value) {
    if (const auto state = read_reaction(key, value)) batch->put(key, events::to_row(*state));
    return true;
  });
  return scanned ? rows_->write(*batch) : scanned;
}

result<std::optional<events::log_hour>> row_projection::hour_ended_behind(events::log_sequence sequence,
                                                                          std::optional<events::log_hour> hour) {
  auto range = keys_below(row_key(view::ended_hours));
  const auto hour_at = range.from.size() + 8;
  range.from += sortable(sequence.value());
  if (hour) range.from.append(events::to_hour_text(*hour)) += '\0';
  std::string first;
  const auto scanned = rows_->scan(range.from, range.to, [&](std::string_view key, std::string_view) {
    first = key;
    return false;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (first.empty()) return std::nullopt;
  const auto ended = engine::read_hour(std::string_view(first).substr(std::min(hour_at, first.size())));
  if (!ended) return std::unexpected(unreadable_row(first));
  return ended;
}

result<std::vector<events::data_key_id>> row_projection::keys_to_destroy() {
  std::vector<events::data_key_id> ids;
  const auto range = keys_below(row_key(view::outbox));
  std::string unreadable;
  const auto scanned = rows_->scan(range.from, range.to, [&](std::string_view key, std::string_view) {
    events::data_key_id id;
    if (key.size() != 1 + id.bytes.size()) {
      unreadable = key;
      return false;
    }
    std::ranges::copy(key.substr(1), id.bytes.begin());
    ids.push_back(id);
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (!unreadable.empty()) return std::unexpected(unreadable_row(unreadable));
  return ids;
}

result<void> row_projection::keys_destroyed(std::span<const events::data_key_id> ids) {
  const auto batch = rows_->make_batch();
  for (const auto& id : ids) batch->erase(row_key(view::outbox, id.view()));
  return rows_->write(*batch);
}

result<engine::projection_store::fingerprint> row_projection::fingerprint(const std::stop_token& stop) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool hashed = hash && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1;
  const auto add = [&](std::string_view bytes) {
    const auto size = sortable(bytes.size());
    hashed = hashed && EVP_DigestUpdate(hash.get(), size.data(), size.size()) == 1 &&
             EVP_DigestUpdate(hash.get(), bytes.data(), bytes.size()) == 1;
  };
  const auto rows = rows_->snapshot();
  engine::projection_store::fingerprint made;
  const auto at = read_or_empty<engine::log_position>(*rows, row_key(view::position));
  if (!at) return std::unexpected(at.error());
  made.position = *at;
  const auto scanned = rows->scan({}, "\x7F", [&](std::string_view key, std::string_view value) {
    if (stop.stop_requested()) return false;
    if (key.starts_with(static_cast<char>(view::outbox)) || key.starts_with(static_cast<char>(view::reactions)))
      return true;
    add(key);
    add(value);
    ++made.rows;
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (stop.stop_requested()) return engine::fail(engine::errc::cancelled, "reading the projections was ended early");
  if (!hashed || EVP_DigestFinal_ex(hash.get(), made.digest.data(), nullptr) != 1) {
    return engine::fail(engine::errc::internal, "OpenSSL cannot compute SHA-256");
  }
  return made;
}

}  // namespace muster::projections
