#include "connectors/api/operator_api.hpp"

#include "connectors/api/history_api.hpp"
#include "connectors/api/operator_call.hpp"
#include "connectors/json/json_members.hpp"
#include "engine/limits.hpp"
#include "events/describe.hpp"

namespace muster::connectors {

namespace {

constexpr std::int64_t weight_max = 1000;            // ARM: allocationWeight
constexpr std::int64_t groups_setting_max = 10'000;  // each may have to be tried against a device's signature

// What changes a service answers with the service as it is then, if the answer has it.
http_reply::renderer service_response(int status) {
  return [status](http_exchange& exchange, const engine::answer& a) {
    if (auto rejected = rejection_response(exchange, a, entry_kind::other)) return std::move(*rejected);
    const auto* answer = std::get_if<engine::service_answer>(&a);
    if (answer == nullptr || !answer->snapshot) return http_response{204, {}, {}};
    json_writer out;
    write_service(out, exchange.parts(), *answer->snapshot, true);
    return json_response(status, out.take());
  };
}

// Into a change of settings, whose members may all be absent.
void read_settings(json_members& in, engine::change_service_settings& change) {
  in.only({"allocationPolicy", "assigningFirst", "symmetricKeyGroupsMax"});
  if (const auto text = in.string("allocationPolicy")) {
    change.allocation = events::value_named<events::allocation_policy>(*text);
    if (!change.allocation) in.expected("allocationPolicy", "'hashed' or 'static', not '" + text->substr(0, 60) + "'");
  }
  change.assigning_first = in.boolean("assigningFirst");
  if (const auto most = in.integer("symmetricKeyGroupsMax", 0, groups_setting_max))
    change.symmetric_key_groups_max = static_cast<std::uint32_t>(*most);
}

// The settings of a service that is made with `given`.
events::service_settings settings_from(const engine::change_service_settings& given) {
  events::service_settings settings;
  settings.allocation = given.allocation.value_or(settings.allocation);
  settings.assigning_first = given.assigning_first.value_or(settings.assigning_first);
  settings.symmetric_key_groups_max = given.symmetric_key_groups_max.value_or(settings.symmetric_key_groups_max);
  return settings;
}

void read_link(json_members& in, events::linked_hub& hub) {
  hub.weight = static_cast<std::uint32_t>(in.integer("weight", 1, weight_max).value_or(1));
  hub.apply_allocation_policy = in.boolean("applyAllocationPolicy").value_or(true);
}

std::vector<events::linked_hub> read_links(json_members& in) {
  std::vector<events::linked_hub> hubs;
  for (const auto* each : in.objects("hubs")) {
    auto members = in.item("hubs", hubs.size(), *each);
    members.only({"name", "weight", "applyAllocationPolicy"});
    events::linked_hub hub;
    const auto name = members.named<events::hub_name>("name");
    if (!name)
      members.wrong("name", "it is missing");
    else
      hub.name = *name;
    read_link(members, hub);
    hubs.push_back(std::move(hub));
  }
  return hubs;
}

void run_maintenance(const exchange_ptr& exchange, engine::result<std::string> (engine::maintenance::*work)()) {
  if (!admit_operator(*exchange)) return;
  if (exchange->parts().upkeep == nullptr) return exchange->fail(dps_code::unavailable, "This node cannot do that.");
  const bool taken = exchange->parts().maintain_later([exchange, work] {
    auto summary = (exchange->parts().upkeep->*work)();
    if (summary)
      exchange->finish(json_response(200, std::move(*summary)));
    else
      exchange->fail(summary.error());
  });
  if (!taken)
    exchange->fail(dps_code::throttled, "A rebuild or a verification is at work already; try again when it is done.");
}

}  // namespace

void on_create_service(const exchange_ptr& exchange) {
  const auto who = admit_operator(*exchange);
  if (!who) return;
  exchange->about("Service", exchange->variable(0));
  const auto name = path_name<events::service_name>(*exchange, 0);
  if (!name) return;
  const auto body = exchange->json_body(true);
  if (!body) return;
  json_members in(*body);
  in.only({"idScope", "hubs", "settings"});
  engine::create_service command{*name, in.named<events::id_scope>("idScope"), {}, read_links(in)};
  auto settings = in.below("settings");
  engine::change_service_settings given;
  read_settings(settings, given);
  command.settings = settings_from(given);
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  submit(exchange, *who, std::move(command), service_response(201));
}

void on_get_service(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const bool open = exchange->parts().services.view(call->service->shard) != nullptr;
  const auto shard = open ? std::optional(call->service->shard) : std::nullopt;
  http_exchange::read_later(exchange, shard, [exchange, call = *call] {
    // Of a service whose shard is not open it is not known, but everything else that an operator needs is.
    std::optional<engine::partial_count> registrations;
    if (const auto view = exchange->parts().services.view(call.service->shard)) {
      auto counted = view->count_registrations(call.scope(), {}, {}, engine::limits::rows_counted_max);
      if (!counted) return exchange->fail(counted.error());
      registrations = std::move(*counted);
    }
    json_writer out;
    write_service(out, exchange->parts(), *call.service, true, registrations);
    exchange->finish(json_response(200, out.take()));
  });
}

void on_patch_settings(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto body = exchange->json_body(false);
  if (!body) return;
  json_members in(*body);
  engine::change_service_settings command{call->scope()};
  read_settings(in, command);
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  submit(exchange, call->who, std::move(command), service_response(200));
}

void on_list_hubs(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  json_writer out;
  out.begin_object();
  write_hubs(out, *call->service);
  out.end_object();
  exchange->finish(json_response(200, out.take()));
}

void on_link_hub(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto name = path_name<events::hub_name>(*exchange, 1);
  if (!name) return;
  const auto body = exchange->json_body(true);
  if (!body) return;
  json_members in(*body);
  in.only({"weight", "applyAllocationPolicy"});
  events::linked_hub hub{*name, 1, true};
  read_link(in, hub);
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  submit(exchange, call->who, engine::link_hub{call->scope(), std::move(hub)}, service_response(200));
}

void on_unlink_hub(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto name = path_name<events::hub_name>(*exchange, 1);
  if (!name) return;
  submit(exchange, call->who, engine::unlink_hub{call->scope(), *name}, rendering_no_content(entry_kind::other));
}

void on_service_events(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (call) answer_history(exchange, *call->service, exchange->request().parameter("stream"));
}

void on_rebuild(const exchange_ptr& exchange) {
  run_maintenance(exchange, &engine::maintenance::rebuild);
}

void on_verify(const exchange_ptr& exchange) {
  run_maintenance(exchange, &engine::maintenance::verify);
}

void on_version(const exchange_ptr& exchange) {
  if (!admit_operator(*exchange)) return;
  json_writer out;
  out.begin_object();
  out.string("version", exchange->parts().version);
  out.end_object();
  exchange->finish(json_response(200, out.take()));
}

}  // namespace muster::connectors
