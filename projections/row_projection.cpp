#include "projections/row_projection.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace muster::projections {

namespace {

using engine::result;

// The value at `key`, or a fresh one if there is no such row.
template <class T>
result<T> read_or_empty(const row_source& rows, const std::string& key) {
  auto row = rows.get(key);
  if (!row) return std::unexpected(row.error());
  if (!*row) return T{};
  return read_row<T>(key, **row);
}

// Calls `visit(rest of the key behind `prefix_size` bytes, value)` for the rows in `range` until it returns false; a
// row whose value is no `T` ends it with `corrupt`.
template <class T, class Visit>
result<void> scan_rows(const row_source& rows, const key_range& range, std::size_t prefix_size, Visit visit) {
  result<void> done;
  const auto scanned = rows.scan(range.from, range.to, [&](std::string_view key, std::string_view value) {
    auto read = read_row<T>(key, value);
    if (!read) {
      done = std::unexpected(read.error());
      return false;
    }
    return visit(key.substr(prefix_size), std::move(*read));
  });
  return scanned ? done : scanned;
}

std::size_t limit_of(const engine::page_request& request) {
  return std::max<std::size_t>(1, request.limit);
}

// Cuts `found`, in which there may be one entry more than the page takes, and says where the next page begins.
template <class Item, class KeyOf>
engine::page<Item> make_page(std::vector<Item> found, std::size_t limit, KeyOf key_of) {
  engine::page<Item> page{std::move(found), {}};
  if (page.items.size() > limit) {
    page.items.resize(limit);
    page.next = key_of(page.items.back());
  }
  return page;
}

// The index rows that hold every match of `filter` and the fewest others, as far as the filter itself tells.
std::vector<std::string> index_prefixes(const events::id_scope& scope, const engine::registration_filter& filter) {
  if (filter.group) return {by_group_prefix(scope.text(), filter.group->key())};
  if (filter.status) return {by_status_prefix(scope.text(), *filter.status)};
  if (filter.hub) return {by_hub_prefix(scope.text(), filter.hub->key())};
  std::vector<std::string> all;
  for (std::size_t i = 0; i < std::size(events::enum_names<events::registration_status>); ++i) {
    all.push_back(by_status_prefix(scope.text(), static_cast<events::registration_status>(i)));
  }
  return all;
}

}  // namespace

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

result<engine::page<engine::registration_record>>
row_projection::registrations(const events::id_scope& scope, const engine::registration_filter& filter,
                              const engine::page_request& request) {
  const auto limit = limit_of(request);
  const auto rows = rows_->snapshot();
  std::vector<std::string> ids;
  for (const auto& prefix : index_prefixes(scope, filter)) {
    std::size_t found = 0;
    const auto done = scan_rows<registration_summary>(*rows, keys_below(prefix, request.after), prefix.size(),
                                                      [&](auto id, const auto& summary) {
                                                        if (!matches(summary, filter)) return true;
                                                        ids.emplace_back(id);
                                                        return ++found <= limit;
                                                      });
    if (!done) return std::unexpected(done.error());
  }
  std::ranges::sort(ids);
  if (ids.size() > limit + 1) ids.resize(limit + 1);
  std::vector<engine::registration_record> records;
  for (const auto& id : ids) {
    const auto key = device_key(scope, id);
    auto state = read_or_empty<engine::device_state>(*rows, key);
    if (!state) return std::unexpected(state.error());
    if (!state->registration) return std::unexpected(unreadable_row(key));
    records.push_back(std::move(*state->registration));
  }
  return make_page(std::move(records), limit, [](const auto& record) { return record.id.key(); });
}

result<std::uint64_t> row_projection::count_registrations(const events::id_scope& scope,
                                                          const engine::registration_filter& filter) {
  const auto rows = rows_->snapshot();
  std::uint64_t count = 0;
  for (const auto& prefix : index_prefixes(scope, filter)) {
    const auto done =
        scan_rows<registration_summary>(*rows, keys_below(prefix), prefix.size(), [&](auto, const auto& summary) {
          count += matches(summary, filter) ? 1 : 0;
          return true;
        });
    if (!done) return std::unexpected(done.error());
  }
  return count;
}

result<engine::page<engine::enrollment_record>> row_projection::enrollments(const events::id_scope& scope,
                                                                            const engine::page_request& request) {
  const auto limit = limit_of(request);
  const auto rows = rows_->snapshot();
  const auto prefix = row_key(view::enrollments, scope.text(), "/");
  const auto range = keys_below(prefix, request.after);
  std::vector<std::string> ids;
  const auto scanned = rows->scan(range.from, range.to, [&](std::string_view key, std::string_view) {
    ids.emplace_back(key.substr(prefix.size()));
    return ids.size() <= limit;
  });
  if (!scanned) return std::unexpected(scanned.error());
  std::vector<engine::enrollment_record> records;
  for (const auto& id : ids) {
    const auto key = device_key(scope, id);
    auto state = read_or_empty<engine::device_state>(*rows, key);
    if (!state) return std::unexpected(state.error());
    if (!state->enrollment) return std::unexpected(unreadable_row(key));
    records.push_back(std::move(*state->enrollment));
  }
  return make_page(std::move(records), limit, [](const auto& record) { return record.enrollment.id.key(); });
}

result<engine::page<engine::hub_device_state>> row_projection::hub_devices(const events::id_scope& scope,
                                                                           const events::hub_name& hub,
                                                                           const engine::page_request& request) {
  const auto limit = limit_of(request);
  const auto prefix = hub_devices_prefix(scope, hub);
  std::vector<engine::hub_device_state> devices;
  const auto done = scan_rows<engine::hub_device_state>(*rows_, keys_below(prefix, request.after), prefix.size(),
                                                        [&](auto, auto state) {
                                                          if (!state.identity) return true;
                                                          devices.push_back(std::move(state));
                                                          return devices.size() <= limit;
                                                        });
  if (!done) return std::unexpected(done.error());
  return make_page(std::move(devices), limit, [](const auto& device) { return device.identity->id.key(); });
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

result<std::vector<engine::event_count>> row_projection::event_counts(const events::id_scope& scope) {
  std::vector<engine::event_count> counts;
  const auto prefix = row_key(view::event_counts, scope.text(), "/");
  const auto done =
      scan_rows<count_row>(*rows_, keys_below(prefix), prefix.size(), [&](std::string_view rest, const auto& row) {
        const auto day = rest.substr(0, rest.find('/'));
        const auto type = rest.substr(std::min(day.size() + 1, rest.size()));
        counts.push_back({std::string(day), std::string(type), row.events, row.operations});
        return true;
      });
  if (!done) return std::unexpected(done.error());
  return counts;
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

result<engine::projection_store::fingerprint> row_projection::fingerprint() const {
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
    if (key.starts_with(static_cast<char>(view::outbox))) return true;
    add(key);
    add(value);
    ++made.rows;
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (!hashed || EVP_DigestFinal_ex(hash.get(), made.digest.data(), nullptr) != 1) {
    return engine::fail(engine::errc::internal, "OpenSSL cannot compute SHA-256");
  }
  return made;
}

}  // namespace muster::projections
