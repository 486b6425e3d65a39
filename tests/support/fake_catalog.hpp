#pragma once

#include "engine/ports/catalog.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>
#include <vector>

namespace muster::tests {

/// Read models that hold what a test put into them. Lists come in the order of the keys; what a test does not need is
/// empty.
class fake_shard_view final : public engine::shard_view {
public:
  std::map<std::string, engine::device_state> devices;             ///< by registration id key
  std::map<std::string, engine::hub_device_state> hub_identities;  ///< by `hub/device`
  engine::directory_state placed;
  std::vector<engine::usage_hour> used;  ///< by every service, oldest first
  engine::log_position folded;
  std::map<std::uint64_t, events::log_offset> frames;  ///< by the sequence of a frame's last event
  std::vector<engine::event_place> places;             ///< of every stream
  std::size_t counted_max = 1'000'000;                 ///< rows that one count looks at
  std::atomic<int> reads = 0;                          ///< calls that read rows
  std::map<std::string, engine::reaction_state> reactions;

  engine::log_position position() const override { return folded; }
  engine::result<engine::as_of<engine::device_state>> device(const events::id_scope&,
                                                             const events::registration_id& id) override {
    ++reads;
    const auto at = devices.find(id.key());
    return engine::as_of<engine::device_state>{at == devices.end() ? engine::device_state() : at->second, {}};
  }
  engine::result<engine::as_of<engine::hub_device_state>>
  hub_device(const events::id_scope&, const events::hub_name& hub, const events::device_id& id) override {
    ++reads;
    const auto at = hub_identities.find(hub.key() + "/" + id.key());
    return engine::as_of<engine::hub_device_state>{at == hub_identities.end() ? engine::hub_device_state() : at->second,
                                                   {}};
  }
  engine::result<engine::as_of<engine::group_state>> group(const events::id_scope&, const events::group_id&) override {
    return engine::as_of<engine::group_state>{};
  }
  engine::result<engine::as_of<std::optional<engine::command_record>>> command(const events::id_scope&,
                                                                               std::string_view) override {
    return engine::as_of<std::optional<engine::command_record>>{};
  }
  engine::result<std::vector<engine::service_state>> services() override { return {}; }
  engine::result<std::vector<std::pair<std::string, engine::group_state>>> groups(const events::id_scope&) override {
    return {};
  }
  engine::result<engine::directory_state> directory() override { return placed; }

  engine::result<engine::page<engine::registration_record>>
  registrations(const events::id_scope&, const engine::registration_filter& filter,
                const engine::page_request& request) override {
    return list<engine::registration_record>(devices, request, [&](const engine::device_state& each) {
      return fits(each, filter) ? each.registration : std::nullopt;
    });
  }
  engine::result<engine::partial_count> count_registrations(const events::id_scope&,
                                                            const engine::registration_filter& filter,
                                                            std::string_view after, std::size_t rows_max) override {
    ++reads;
    engine::partial_count count;
    std::size_t looked = 0;
    rows_max = std::min(rows_max, counted_max);
    for (auto at = devices.upper_bound(std::string(after)); at != devices.end(); ++at) {
      count.number += fits(at->second, filter) ? 1 : 0;
      if (++looked == rows_max && std::next(at) != devices.end()) {
        count.next = at->first;
        break;
      }
    }
    return count;
  }
  engine::result<engine::page<engine::enrollment_record>> enrollments(const events::id_scope&,
                                                                      const engine::page_request& request) override {
    return list<engine::enrollment_record>(devices, request,
                                           [](const engine::device_state& each) { return each.enrollment; });
  }
  engine::result<engine::page<engine::hub_device_state>>
  hub_devices(const events::id_scope&, const events::hub_name& hub, const engine::page_request& request) override {
    return list<engine::hub_device_state>(hub_identities, request, [&](const engine::hub_device_state& each) {
      return each.identity && each.identity->hub == hub ? std::optional(each) : std::nullopt;
    });
  }
  engine::result<std::vector<engine::event_place>> stream_events(const events::stream_name&, events::log_sequence after,
                                                                 std::size_t limit) override {
    ++reads;
    std::vector<engine::event_place> found;
    for (const auto& place : places) {
      if (place.sequence > after && found.size() < limit) found.push_back(place);
    }
    return found;
  }
  engine::result<std::optional<events::log_offset>> frame_of(events::log_sequence sequence) override {
    ++reads;
    const auto at = frames.lower_bound(sequence.value());
    return at == frames.end() ? std::nullopt : std::optional(at->second);
  }
  engine::result<std::optional<events::log_hour>> hour_ended_behind(events::log_sequence sequence,
                                                                    std::optional<events::log_hour> hour) override {
    const auto at = std::ranges::find_if(used, [&](const engine::usage_hour& each) {
      return each.end &&
             (each.end->sequence > sequence || (each.end->sequence == sequence && (!hour || each.hour > *hour)));
    });
    return at == used.end() ? std::nullopt : std::optional(at->hour);
  }
  engine::result<std::vector<engine::usage_hour>> usage(const events::id_scope&, events::log_hour from,
                                                        events::log_hour to, std::size_t limit) override {
    ++reads;
    std::vector<engine::usage_hour> found;
    for (const auto& each : used) {
      if (each.hour >= from && each.hour < to && found.size() < limit) found.push_back(each);
    }
    return found;
  }
  engine::result<std::optional<engine::reaction_state>> reaction(std::string_view name) override {
    const auto at = reactions.find(std::string(name));
    return at == reactions.end() ? std::nullopt : std::optional(at->second);
  }
  engine::result<void> keep_reaction(std::string_view name,
                                     const std::optional<engine::reaction_state>& state) override {
    if (state)
      reactions.insert_or_assign(std::string(name), *state);
    else
      reactions.erase(std::string(name));
    return {};
  }

private:
  static bool fits(const engine::device_state& device, const engine::registration_filter& filter) {
    const auto& record = device.registration;
    return record && (!filter.status || record->status == *filter.status) &&
           (!filter.group || record->group == filter.group) && (!filter.hub || record->hub == filter.hub);
  }

  template <class Item, class Rows, class Select>
  engine::page<Item> list(const Rows& rows, const engine::page_request& request, const Select& select) {
    ++reads;
    engine::page<Item> page;
    std::string last;
    for (auto at = rows.upper_bound(request.after); at != rows.end(); ++at) {
      auto item = select(at->second);
      if (!item) continue;
      if (page.items.size() == request.limit) {
        page.next = last;
        break;
      }
      page.items.push_back(std::move(*item));
      last = at->first;
    }
    return page;
  }
};

/// Services that a test put in, all on shard 0, whose read models are `rows`.
class fake_catalog final : public engine::catalog {
public:
  std::vector<std::shared_ptr<const engine::scope_snapshot>> services;
  std::shared_ptr<fake_shard_view> rows = std::make_shared<fake_shard_view>();
  bool open = true;
  std::optional<events::shard_id> closed;  ///< this shard is not open, whatever the others are
  mutable std::size_t copies = 0;          ///< how often the whole list was asked for

  engine::as_of<std::shared_ptr<const engine::scope_snapshot>> find(const events::id_scope& scope) const override {
    return {find_if([&](const engine::service_state& each) { return each.scope == scope; }), {}};
  }
  std::shared_ptr<const engine::scope_snapshot> find(const events::service_name& name) const override {
    return find_if([&](const engine::service_state& each) { return each.name == name; });
  }
  engine::lone_service lone() const override {
    return {services.size() == 1 ? services.front() : nullptr, services.size()};
  }
  std::vector<std::shared_ptr<const engine::scope_snapshot>> all() const override {
    ++copies;
    return services;
  }
  std::shared_ptr<engine::shard_view> view(events::shard_id shard) const override {
    return open && closed != shard ? rows : nullptr;
  }

private:
  template <class Fits>
  std::shared_ptr<const engine::scope_snapshot> find_if(const Fits& fits) const {
    const auto at = std::ranges::find_if(services, [&](const auto& each) { return fits(each->service); });
    return at == services.end() ? nullptr : *at;
  }
};

}  // namespace muster::tests
