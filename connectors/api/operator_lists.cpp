#include "connectors/api/enrollment_json.hpp"
#include "connectors/api/operator_api.hpp"
#include "connectors/api/operator_call.hpp"
#include "connectors/api/registration_json.hpp"
#include "connectors/api/registration_query.hpp"
#include "connectors/json/json_members.hpp"
#include "engine/limits.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"

/// The lists of operator_api.hpp, and the built-in hubs' devices.
namespace muster::connectors {

namespace {

/// A list's request: who may see it was checked, and the shard is open.
struct list_call {
  service_call call;
  std::shared_ptr<engine::shard_view> view;
  engine::page_request wanted;
};

std::optional<list_call> admit_list(http_exchange& exchange) {
  auto call = admit_operator_of_service(exchange);
  if (!call) return std::nullopt;
  auto wanted = wanted_page(exchange);
  if (!wanted) return std::nullopt;
  auto view = open_view(exchange, *call->service);
  if (!view) return std::nullopt;
  return list_call{std::move(*call), std::move(view), std::move(*wanted)};
}

engine::result<engine::opened_keys> keys_of(const http_parts& parts, const events::id_scope& scope,
                                            const events::hub_identity& identity) {
  const auto key = parts.keys.find(identity.data_key);
  if (!key) return std::unexpected(key.error());
  return engine::unseal_keys(*key, events::stream_name::hub_device(scope, identity.hub, identity.id), identity.keys);
}

void write_hub_device(json_writer& out, const engine::hub_device_state& device, const shown_keys& keys) {
  const auto& identity = *device.identity;
  out.begin_object();
  out.string("deviceId", identity.id.text());
  out.string("hub", identity.hub.text());
  out.string("registrationId", identity.registration.text());
  if (identity.source.group) out.string("enrollmentGroupId", identity.source.group->text());
  out.begin_object("capabilities");
  out.boolean("iotEdge", identity.iot_edge);
  out.end_object();
  if (keys) {
    out.begin_object("symmetricKey");
    out.string("primaryKey", events::to_base64(keys->primary));
    out.string("secondaryKey", events::to_base64(keys->secondary));
    out.end_object();
  }
  out.raw("tags", device.twin.tags.text);
  out.begin_object("properties");
  out.raw("desired", device.twin.desired.text);
  out.raw("reported", device.twin.reported.text);
  out.end_object();
  out.string("etag", engine::etag_of(device.version));
  out.string("createdDateTimeUtc", events::to_iso8601(device.created));
  out.string("lastUpdatedDateTimeUtc", events::to_iso8601(device.updated));
  out.end_object();
}

void show_hub_device(http_exchange& exchange, engine::shard_view& view, const events::id_scope& scope,
                     const events::hub_name& hub, const events::device_id& id) {
  const auto device = view.hub_device(scope, hub, id);
  if (!device) return exchange.fail(device.error());
  if (!device->value.identity)
    return exchange.fail(404001, "Hub '" + hub.text() + "' has no device '" + id.text() + "'.");
  shown_keys keys;
  if (exchange.request().parameter("keys") == "true") {
    auto opened = keys_of(exchange.parts(), scope, *device->value.identity);
    if (!opened) return exchange.fail(opened.error());
    keys = std::move(*opened);
  }
  json_writer out;
  write_hub_device(out, device->value, keys);
  exchange.finish(json_response(200, out.take()));
}

void count_registrations(http_exchange& exchange, const list_call& list, const engine::registration_filter& filter) {
  const auto counted =
      list.view->count_registrations(list.call.scope(), filter, list.wanted.after, engine::limits::rows_counted_max);
  if (!counted) return exchange.fail(counted.error());
  json_writer out;
  out.begin_object();
  out.number("count", static_cast<std::int64_t>(counted->number));
  if (!counted->next.empty()) out.string("next", counted->next);
  out.end_object();
  exchange.finish(json_response(200, out.take()));
}

// Query parameters as the members of a query's body, so that both are read by one function.
json_value filter_members(const http_request& request) {
  json_value body;
  body.what = json_value::kind::object;
  for (const auto& [parameter, member] :
       {std::pair("status", "status"), std::pair("group", "enrollmentGroupId"), std::pair("hub", "assignedHub")}) {
    const auto text = request.parameter(parameter);
    if (!text.empty())
      body.members.emplace_back(member, json_value{json_value::kind::string, std::string(text), {}, {}});
  }
  return body;
}

}  // namespace

void on_list_hub_devices(const exchange_ptr& exchange) {
  const auto list = admit_list(*exchange);
  if (!list) return;
  const auto hub = path_name<events::hub_name>(*exchange, 1);
  if (!hub) return;
  http_exchange::read_later(exchange, list->call.service->shard, [exchange, list = *list, hub = *hub] {
    const auto page = list.view->hub_devices(list.call.scope(), hub, list.wanted);
    const auto& service = list.call.service->service;
    const bool linked = std::ranges::find(service.hubs, hub, &events::linked_hub::name) != service.hubs.end();
    // A hub that is no longer linked keeps its devices.
    if (page && page->items.empty() && page->next.empty() && list.wanted.after.empty() && !linked) {
      return exchange->fail(404210, "Service '" + service.name.text() + "' has no hub '" + hub.text() + "'.");
    }
    finish_with_page(*exchange, page, [](json_writer& out, const engine::hub_device_state& each) {
      if (each.identity) write_hub_device(out, each, std::nullopt);
    });
  });
}

void on_get_hub_device(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto hub = path_name<events::hub_name>(*exchange, 1);
  if (!hub) return;
  const auto id = path_name<events::device_id>(*exchange, 2);
  if (!id) return;
  const auto view = open_view(*exchange, *call->service);
  if (!view) return;
  http_exchange::look_up(exchange, call->service->shard, [exchange, view, scope = call->scope(), hub = *hub, id = *id] {
    show_hub_device(*exchange, *view, scope, hub, id);
  });
}

void on_delete_hub_device(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto hub = path_name<events::hub_name>(*exchange, 1);
  if (!hub) return;
  const auto id = path_name<events::device_id>(*exchange, 2);
  if (!id) return;
  submit(exchange, call->who, engine::delete_hub_device{call->scope(), *hub, *id},
         rendering_no_content(entry_kind::other));
}

void on_list_enrollments(const exchange_ptr& exchange) {
  const auto list = admit_list(*exchange);
  if (!list) return;
  http_exchange::read_later(exchange, list->call.service->shard, [exchange, list = *list] {
    finish_with_page(
        *exchange, list.view->enrollments(list.call.scope(), list.wanted),
        [](json_writer& out, const engine::enrollment_record& each) { write_enrollment(out, each, std::nullopt); });
  });
}

void on_list_groups(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto wanted = wanted_page(*exchange);
  if (!wanted) return;
  const auto& groups = call->service->groups;
  engine::page<std::shared_ptr<const engine::opened_group>> page;
  for (auto at = groups.upper_bound(wanted->after); at != groups.end(); ++at) {
    if (page.items.size() == wanted->limit) {
      page.next = std::prev(at)->first;
      break;
    }
    page.items.push_back(at->second);
  }
  finish_with_page<std::shared_ptr<const engine::opened_group>>(
      *exchange, page, [](json_writer& out, const auto& each) { write_group(out, each->state, std::nullopt); });
}

void on_list_registrations(const exchange_ptr& exchange) {
  const auto list = admit_list(*exchange);
  if (!list) return;
  const auto members = filter_members(exchange->request());
  json_members in(members);
  const auto filter = read_filter(in);
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  const bool only_count = exchange->request().parameter("count") == "true";
  http_exchange::read_later(exchange, list->call.service->shard, [exchange, list = *list, filter, only_count] {
    if (only_count) return count_registrations(*exchange, list, filter);
    finish_with_page(*exchange, list.view->registrations(list.call.scope(), filter, list.wanted),
                     [](json_writer& out, const engine::registration_record& each) {
                       write_registration(out, each, record_reader::registration_query);
                     });
  });
}

}  // namespace muster::connectors
