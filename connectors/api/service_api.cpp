#include "connectors/api/service_api.hpp"

#include "connectors/api/enrollment_json.hpp"
#include "connectors/api/registration_json.hpp"
#include "connectors/api/service_call.hpp"

namespace muster::connectors {

namespace {

using enum events::access_right;

/// A PUT body read with `read`; if it is none, the exchange is finished with 400.
template <class Body, class Id>
std::optional<Body> read_entry(http_exchange& exchange, const Id& id,
                               std::expected<Body, std::string> (*read)(const json_value&, const Id&)) {
  const auto json = exchange.json_body(false);
  if (!json) return std::nullopt;
  auto body = read(*json, id);
  if (body) return std::move(*body);
  exchange.fail(dps_code::argument_invalid, body.error());
  return std::nullopt;
}

// An individual enrollment and a registration record are two parts of one aggregate. Reads it where reading may block,
// and finishes the exchange with what `show` makes of it, or with the error.
using show_device = void (*)(http_exchange&, const events::registration_id&, const engine::device_state&);

void look_up_device(const exchange_ptr& exchange, events::access_right right, show_device show) {
  const auto call = admit(*exchange, {right}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::registration_id>(*exchange, 0);
  if (!id) return;
  const auto view = open_view(*exchange, *call->service);
  if (!view) return;
  http_exchange::look_up(exchange, call->service->shard, [exchange, view, scope = call->scope(), id = *id, show] {
    const auto device = view->device(scope, id);
    if (device)
      show(*exchange, id, device->value);
    else
      exchange->fail(device.error());
  });
}

}  // namespace

void on_put_enrollment(const exchange_ptr& exchange) {
  exchange->about("IndividualEnrollment", exchange->variable(0));
  const auto call = admit(*exchange, {enrollment_write}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::registration_id>(*exchange, 0);
  if (!id) return;
  auto body = read_entry(*exchange, *id, &read_enrollment);
  if (!body) return;
  engine::put_enrollment command{call->scope(), std::move(body->enrollment), std::move(body->keys),
                                 if_match_of(exchange->request())};
  submit(exchange, call->who, std::move(command),
         rendering<engine::enrollment_answer>(entry_kind::individual,
                                              [](http_exchange&, const engine::enrollment_answer& answer) {
                                                json_writer out;
                                                write_enrollment(out, answer.record, answer.keys);
                                                return json_response(200, out.take());
                                              }));
}

void on_get_enrollment(const exchange_ptr& exchange) {
  exchange->about("IndividualEnrollment", exchange->variable(0));
  look_up_device(exchange, enrollment_read, [](http_exchange& self, const auto& id, const auto& device) {
    if (!device.enrollment) return self.fail(404201, "Enrollment '" + id.text() + "' not found.");
    json_writer out;
    write_enrollment(out, *device.enrollment, std::nullopt,
                     registration_state_of(device, device.enrollment->enrollment.id));
    self.finish(json_response(200, out.take()));
  });
}

void on_delete_enrollment(const exchange_ptr& exchange) {
  exchange->about("IndividualEnrollment", exchange->variable(0));
  const auto call = admit(*exchange, {enrollment_write}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::registration_id>(*exchange, 0);
  if (!id) return;
  submit(exchange, call->who, engine::delete_enrollment{call->scope(), *id, if_match_of(exchange->request())},
         rendering_no_content(entry_kind::individual));
}

void on_put_group(const exchange_ptr& exchange) {
  exchange->about("EnrollmentGroup", exchange->variable(0));
  const auto call = admit(*exchange, {enrollment_write}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::group_id>(*exchange, 0);
  if (!id) return;
  auto body = read_entry(*exchange, *id, &read_group);
  if (!body) return;
  engine::put_group command{call->scope(), std::move(body->group), std::move(body->keys),
                            if_match_of(exchange->request())};
  submit(exchange, call->who, std::move(command),
         rendering<engine::group_answer>(entry_kind::group, [](http_exchange&, const engine::group_answer& answer) {
           json_writer out;
           write_group(out, answer.state, answer.keys);
           return json_response(200, out.take());
         }));
}

void on_get_group(const exchange_ptr& exchange) {
  exchange->about("EnrollmentGroup", exchange->variable(0));
  const auto call = admit(*exchange, {enrollment_read}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::group_id>(*exchange, 0);
  if (!id) return;
  http_exchange::look_up(exchange, call->service->shard, [exchange, call = *call, id = *id] {
    // Once more: what was found to admit the request is older than the read.
    const auto now = exchange->parts().services.find(call.scope()).value;
    const auto& groups = now ? now->groups : call.service->groups;
    const auto group = groups.find(id.key());
    if (group == groups.end()) return exchange->fail(404204, "EnrollmentGroup '" + id.text() + "' not found.");
    json_writer out;
    write_group(out, group->second->state, std::nullopt);
    exchange->finish(json_response(200, out.take()));
  });
}

void on_delete_group(const exchange_ptr& exchange) {
  exchange->about("EnrollmentGroup", exchange->variable(0));
  const auto call = admit(*exchange, {enrollment_write}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::group_id>(*exchange, 0);
  if (!id) return;
  submit(exchange, call->who, engine::delete_group{call->scope(), *id, if_match_of(exchange->request())},
         rendering_no_content(entry_kind::group));
}

void on_get_registration(const exchange_ptr& exchange) {
  exchange->about("Registration", exchange->variable(0));
  look_up_device(exchange, registration_status_read, [](http_exchange& self, const auto& id, const auto& device) {
    if (!device.registration) return self.fail(404202, "Registration '" + id.text() + "' not found.");
    json_writer out;
    // DPS does not name the group here; operators are told.
    const bool to_operator = authorize_operator(self.request(), self.parts().operators).has_value();
    write_registration(out, *device.registration,
                       to_operator ? record_reader::registration_query : record_reader::back_end);
    self.finish(json_response(200, out.take()));
  });
}

void on_delete_registration(const exchange_ptr& exchange) {
  exchange->about("Registration", exchange->variable(0));
  const auto call = admit(*exchange, {registration_status_write}, api_version::required);
  if (!call) return;
  const auto id = path_name<events::registration_id>(*exchange, 0);
  if (!id) return;
  submit(exchange, call->who, engine::delete_registration{call->scope(), *id, if_match_of(exchange->request())},
         rendering_no_content(entry_kind::registration));
}

}  // namespace muster::connectors
