#include "projections/row_fold.hpp"

#include "engine/fold.hpp"

#include <algorithm>

namespace muster::projections {

namespace {

// The key of a stream's state. Stream texts hold the names in the form that keys need.
std::string state_key(const events::stream_name& stream) {
  const auto subject = stream.subject();
  const auto name = [&] { return subject.substr(subject.find('/') + 1); };
  if (subject == "directory") return row_key(view::directory);
  if (subject == "service") return row_key(view::services, stream.scope());
  if (subject.starts_with("groups/")) return row_key(view::groups, stream.scope(), "/", name());
  if (subject.starts_with("hubs/")) return row_key(view::hub_devices, stream.scope(), "/", name());
  return row_key(view::devices, stream.scope(), "/", name());
}

}  // namespace

engine::result<void> row_fold::apply(std::span<const engine::folded_frame> frames) {
  const engine::folded_frame* last = nullptr;
  batch_ = store_.make_batch();
  auto done = read_states(frames);
  for (const auto& frame : frames) {
    if (!done) break;
    if (last != nullptr && commands_.needs_what_is_pending(frame.time)) {
      done = write(last->after);
      if (!done) break;
    }
    done = fold(frame);
    if (!done) break;
    last = &frame;
  }
  if (done && last != nullptr) done = write(last->after);
  if (!done) {
    commands_.lost();
    last_.reset();
    forget();
  }
  return done;
}

engine::result<void> row_fold::fold(const engine::folded_frame& frame) {
  if (auto done = commands_.expire(frame.time, *batch_); !done) return done;
  if (auto done = enter(events::hour_of(frame.after.time)); !done) return done;
  last_ = frame.after;
  if (frame.events.empty()) return {};
  put(row_key(view::frames, sortable(frame.events.back().meta.sequence.value())), frame.offset);
  std::uint32_t index = 0;
  for (const auto& e : frame.events) {
    set_key(key_, view::stream_events, e.meta.stream.text(), nul, sortable(e.meta.sequence.value()));
    put(key_, event_location{frame.offset, index++});
    if (auto done = fold(e); !done) return done;
    if (auto done = count(e); !done) return done;
  }
  return {};
}

engine::result<void> row_fold::fold(const events::recorded_event& e) {
  if (!e.meta.command_id.empty()) {
    if (auto done = commands_.record(e.meta, *batch_); !done) return done;
  }
  if (const auto* key = engine::key_to_destroy(e.data)) batch_->put(row_key(view::outbox, key->view()), {});
  switch (e.meta.stream.subject().front()) {
  case 'd':
    return e.meta.stream.scope().empty() ? evolve_row(directory_, e) : evolve_row(devices_, e);
  case 'h':
    return evolve_row(hub_devices_, e);
  case 'g':
    return evolve_row(groups_, e);
  case 's':
    return evolve_row(services_, e);
  default:
    return {};  // refusals have no state
  }
}

// The rows of all devices that `frames` touch. Other streams are few.
engine::result<void> row_fold::read_states(std::span<const engine::folded_frame> frames) {
  const auto touch = [](auto& entries, const events::stream_name& stream) {
    auto [at, first_touch] = entries.try_emplace(stream.text());
    if (first_touch) at->second.key = state_key(stream);
  };
  for (const auto& frame : frames) {
    for (const auto& e : frame.events) {
      const auto subject = e.meta.stream.subject();
      if (subject.starts_with("devices/"))
        touch(devices_, e.meta.stream);
      else if (subject.starts_with("hubs/"))
        touch(hub_devices_, e.meta.stream);
    }
  }
  if (auto done = read_rows(devices_); !done) return done;
  return read_rows(hub_devices_);
}

template <class Entry>
engine::result<void> row_fold::read_rows(touched<Entry>& entries) {
  std::vector<Entry*> wanted;
  for (auto& [stream, entry] : entries) wanted.push_back(&entry);
  std::ranges::sort(wanted, {}, &Entry::key);
  std::vector<std::string_view> keys(wanted.size());
  std::ranges::transform(wanted, keys.begin(), &Entry::key);
  const auto rows = store_.get_all(keys);
  if (!rows) return std::unexpected(rows.error());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (auto done = take_row(*wanted[i], (*rows)[i]); !done) return done;
  }
  return {};
}

template <class Entry>
engine::result<void> row_fold::take_row(Entry& entry, const std::optional<std::string>& row) {
  if (!row) return {};
  auto stored = read_row<decltype(entry.state)>(entry.key, *row);
  if (!stored) return std::unexpected(stored.error());
  entry.state = std::move(*stored);
  if constexpr (std::same_as<Entry, touched_device>) {
    entry.enrolled = entry.state.enrollment.has_value();
    if (entry.state.registration) entry.registered = summary_of(*entry.state.registration);
  }
  return {};
}

template <class Entry>
engine::result<void> row_fold::evolve_row(touched<Entry>& entries, const events::recorded_event& e) {
  auto [at, first_touch] = entries.try_emplace(e.meta.stream.text());
  auto& entry = at->second;
  if (first_touch) {
    entry.key = state_key(e.meta.stream);
    const auto row = store_.get(entry.key);
    if (!row) return std::unexpected(row.error());
    if (auto done = take_row(entry, *row); !done) return done;
  }
  // The writer checked it; a log that says otherwise was not written by the rule, and folding on would only hide that.
  if (e.meta.version != entry.state.version.next()) {
    return engine::fail(engine::errc::corrupt, "event " + std::to_string(e.meta.sequence.value()) + " makes stream " +
                                                   e.meta.stream.text() + " version " +
                                                   std::to_string(e.meta.version.value()) + ", but it is at version " +
                                                   std::to_string(entry.state.version.value()));
  }
  evolve(entry.state, e);
  entry.changed = true;
  return {};
}

// A frame of `hour` comes. If it is the first one after another hour, that hour has ended where the frame before it
// stands.
engine::result<void> row_fold::enter(events::log_hour hour) {
  if (!last_) {
    const auto key = row_key(view::position);
    const auto row = store_.get(key);
    if (!row) return std::unexpected(row.error());
    last_.emplace();
    if (*row) {
      auto stored = read_row<engine::log_position>(key, **row);
      if (!stored) return std::unexpected(stored.error());
      last_ = *stored;
    }
  }
  const auto before = events::hour_of(last_->time);
  if (hour == before || last_->epoch == events::shard_epoch()) return {};
  write_usage();
  put(hour_end_key(before), engine::hour_end{last_->sequence, last_->head});
  batch_->put(ended_hour_key(last_->sequence, before), {});
  return {};
}

engine::result<void> row_fold::count(const events::recorded_event& e) {
  auto [at, first_touch] = usage_.try_emplace(e.meta.stream.scope());
  if (first_touch) {
    const auto key = usage_key(at->first, events::hour_of(last_->time));
    const auto row = store_.get(key);
    if (!row) return std::unexpected(row.error());
    if (*row) {
      const auto stored = read_row<engine::usage_counts>(key, **row);
      if (!stored) return std::unexpected(stored.error());
      auto counted = engine::usage_counter::from(*stored);
      if (!counted) return std::unexpected(unreadable_row(key));
      at->second = *counted;
    }
  }
  at->second.add(e);
  return {};
}

engine::result<void> row_fold::write(const engine::log_position& position) {
  write_states();
  write_usage();
  put(row_key(view::position), position);
  if (auto written = store_.write(*batch_); !written) return written;
  batch_ = store_.make_batch();
  commands_.written();
  forget();
  return {};
}

void row_fold::write_states() {
  const auto put_all = [&](const auto& entries) {
    for (const auto& [stream, entry] : entries) {
      if (entry.changed) put(entry.key, entry.state);
    }
  };
  put_all(devices_);
  put_all(hub_devices_);
  put_all(groups_);
  put_all(services_);
  put_all(directory_);
  for (const auto& [stream, device] : devices_) {
    if (device.changed) write_indexes(stream, device);
  }
}

void row_fold::write_usage() {
  for (const auto& [scope, counter] : usage_) put(usage_key(scope, events::hour_of(last_->time)), counter.counts());
  usage_.clear();
}

void row_fold::write_indexes(std::string_view stream, const touched_device& device) {
  const auto scope = stream.substr(0, stream.find('/'));
  const auto id = stream.substr(stream.rfind('/') + 1);
  if (device.state.enrollment.has_value() != device.enrolled) {
    const auto key = row_key(view::enrollments, scope, "/", id);
    if (device.enrolled)
      batch_->erase(key);
    else
      batch_->put(key, {});
  }
  std::optional<registration_summary> now;
  if (device.state.registration) now = summary_of(*device.state.registration);
  const auto& before = device.registered;
  if (now == before) return;
  if (before) {
    if (!now || now->status != before->status) batch_->erase(by_status_prefix(scope, before->status).append(id));
    if (before->group && (!now || now->group != before->group))
      batch_->erase(by_group_prefix(scope, *before->group).append(id));
    if (before->hub && (!now || now->hub != before->hub)) batch_->erase(by_hub_prefix(scope, *before->hub).append(id));
  }
  if (now) {
    put(by_status_prefix(scope, now->status).append(id), *now);
    if (now->group) put(by_group_prefix(scope, *now->group).append(id), *now);
    if (now->hub) put(by_hub_prefix(scope, *now->hub).append(id), *now);
  }
}

template <class Value>
void row_fold::put(std::string_view key, const Value& value) {
  row_.clear();
  row_.write(value);
  batch_->put(key, row_.bytes());
}

void row_fold::forget() {
  devices_.clear();
  hub_devices_.clear();
  groups_.clear();
  services_.clear();
  directory_.clear();
  usage_.clear();
}

}  // namespace muster::projections
