#include "projections/row_projection.hpp"
#include "projections/row_reads.hpp"

#include <algorithm>

/// The lists of row_projection.hpp.
namespace muster::projections {

namespace {

using engine::result;

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

result<engine::page<engine::registration_record>>
row_projection::registrations(const events::id_scope& scope, const engine::registration_filter& filter,
                              const engine::page_request& request) {
  const auto limit = limit_of(request);
  const auto rows = rows_->snapshot();
  std::vector<std::string> ids;
  std::optional<std::string> looked_to;  // the least id behind which some index was not looked at
  for (const auto& prefix : index_prefixes(scope, filter)) {
    std::size_t found = 0;
    std::size_t looked = 0;
    const auto done = scan_rows<registration_summary>(*rows, keys_below(prefix, request.after), prefix.size(),
                                                      [&](std::string_view id, const auto& summary) {
                                                        if (matches(summary, filter)) {
                                                          ids.emplace_back(id);
                                                          if (++found > limit) return false;
                                                        }
                                                        if (++looked < request.rows_max) return true;
                                                        if (!looked_to || id < *looked_to) looked_to = id;
                                                        return false;
                                                      });
    if (!done) return std::unexpected(done.error());
  }
  if (looked_to) std::erase_if(ids, [&](const auto& id) { return id > *looked_to; });
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
  auto page = make_page(std::move(records), limit, [](const auto& record) { return record.id.key(); });
  if (page.next.empty() && looked_to) page.next = *looked_to;
  return page;
}

result<engine::partial_count> row_projection::count_registrations(const events::id_scope& scope,
                                                                  const engine::registration_filter& filter,
                                                                  std::string_view after, std::size_t rows_max) {
  const auto rows = rows_->snapshot();
  const auto prefixes = index_prefixes(scope, filter);
  // A place is the index, as a digit, and the last id looked at there.
  const auto first = after.empty() ? 0U : static_cast<std::size_t>(after.front() - '0');
  if (first >= prefixes.size())
    return engine::fail(engine::errc::invalid, "after: expected what the count before gave");
  engine::partial_count count;
  std::size_t looked = 0;
  for (auto i = first; i < prefixes.size() && count.next.empty(); ++i) {
    const auto from = i == first && !after.empty() ? after.substr(1) : std::string_view();
    const auto done = scan_rows<registration_summary>(*rows, keys_below(prefixes[i], from), prefixes[i].size(),
                                                      [&](std::string_view id, const auto& summary) {
                                                        count.number += matches(summary, filter) ? 1 : 0;
                                                        if (++looked < rows_max) return true;
                                                        count.next = static_cast<char>('0' + i) + std::string(id);
                                                        return false;
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
  std::size_t looked = 0;
  std::string looked_to;
  const auto done = scan_rows<engine::hub_device_state>(*rows_, keys_below(prefix, request.after), prefix.size(),
                                                        [&](std::string_view id, auto state) {
                                                          if (state.identity) devices.push_back(std::move(state));
                                                          if (devices.size() > limit) return false;
                                                          if (++looked < request.rows_max) return true;
                                                          looked_to = id;
                                                          return false;
                                                        });
  if (!done) return std::unexpected(done.error());
  auto page = make_page(std::move(devices), limit, [](const auto& device) { return device.identity->id.key(); });
  if (page.next.empty()) page.next = looked_to;
  return page;
}

}  // namespace muster::projections
