#include "connectors/webhook/webhook_api.hpp"

#include "connectors/api/event_selection.hpp"
#include "connectors/api/operator_call.hpp"
#include "connectors/json/json_members.hpp"
#include "connectors/webhook/webhook_sender.hpp"
#include "engine/sealing.hpp"

namespace muster::connectors {

namespace {

std::string opened(const engine::scope_snapshot& service, std::string_view field, const events::sealed_text& box) {
  const auto stream = events::stream_name::service(service.service.scope);
  return engine::unseal(service.data_key.key, stream, field, box).value_or(std::string());
}

void write_delivery(json_writer& out, const http_parts& parts, const engine::scope_snapshot& service) {
  const auto& webhook = *service.service.webhook;
  const auto view = parts.services.view(service.shard);
  const auto row = view ? view->reaction(webhook_reaction(service.service.scope)) : std::nullopt;
  const auto state = row && *row ? **row : engine::reaction_state{};
  const bool parked = state.parked == webhook.changed;
  out.begin_object("delivery");
  out.string("state", parked ? "parked" : state.failing_since ? "failing" : "delivering");
  out.string("done", place_text(service.shard, std::max(engine::place_of(state), engine::feed_place(webhook.since))));
  if (state.failing_since) out.string("failingSince", events::to_iso8601(*state.failing_since));
  if (state.failure) out.string("failure", *state.failure);
  out.end_object();
}

http_reply::renderer rendering_webhook(bool keys) {
  return [keys](http_exchange& exchange, const engine::answer& a) {
    if (auto rejected = rejection_response(exchange, a, entry_kind::other)) return std::move(*rejected);
    const auto* answer = std::get_if<engine::service_answer>(&a);
    const bool there = answer != nullptr && answer->snapshot && answer->snapshot->service.webhook;
    if (!there) return http_response{204, {}, {}};
    json_writer out;
    write_webhook(out, exchange.parts(), *answer->snapshot, keys);
    return json_response(200, out.take());
  };
}

}  // namespace

void write_webhook(json_writer& out, const http_parts& parts, const engine::scope_snapshot& service, bool keys,
                   std::string_view name) {
  const auto& endpoint = service.service.webhook->endpoint;
  if (name.empty())
    out.begin_object();
  else
    out.begin_object(name);
  const auto query = !endpoint.query ? std::string() : keys ? "?" + opened(service, "query", *endpoint.query) : "?...";
  out.string("url", endpoint.url + query);
  if (keys) out.string("secret", webhook_secret_text(opened(service, "secret", endpoint.secret)));
  out.begin_array("types");
  for (const auto& type : endpoint.types) out.string(type);
  out.end_array();
  out.boolean("validate", endpoint.validate);
  write_delivery(out, parts, service);
  out.end_object();
}

void on_put_webhook(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  const auto body = exchange->json_body(false);
  if (!body) return;
  json_members in(*body);
  in.only({"url", "secret", "types", "validate"});
  engine::set_webhook command{call->scope(), in.string("url").value_or(std::string()), {}, {}, {}, true};
  if (command.url.empty()) in.wrong("url", "it is missing");
  if (const auto good = check_webhook_url(command.url, exchange->parts().webhooks); in.ok() && !good)
    in.wrong("url", good.error().text);
  if (const auto mark = command.url.find('?'); mark != std::string::npos) {
    command.query = command.url.substr(mark + 1);
    command.url.resize(mark);
  }
  if (const auto text = in.string("secret")) {
    const auto secret = read_webhook_secret(*text);
    if (secret)
      command.secret = *secret;
    else
      in.expected("secret", "whsec_ and base64 of 24 to 64 bytes; leave it out for a new one");
  }
  std::string types;
  for (const auto& each : in.strings("types").value_or(std::vector<std::string>())) types += each + ",";
  const auto wanted = read_types(types);
  if (!wanted) in.wrong("types", wanted.error());
  command.validate = in.boolean("validate").value_or(true);
  if (!in.ok()) return exchange->fail(dps_code::argument_invalid, in.error());
  command.types.assign(wanted->begin(), wanted->end());
  submit(exchange, call->who, std::move(command), rendering_webhook(true));
}

void on_get_webhook(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  if (!call->service->service.webhook) return exchange->fail(dps_code::not_found, "The service has no webhook.");
  json_writer out;
  write_webhook(out, exchange->parts(), *call->service, exchange->request().parameter("keys") == "true");
  exchange->finish(json_response(200, out.take()));
}

void on_delete_webhook(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  submit(exchange, call->who, engine::remove_webhook{call->scope()}, rendering_no_content(entry_kind::other));
}

void on_resume_webhook(const exchange_ptr& exchange) {
  const auto call = admit_operator_of_service(*exchange);
  if (!call) return;
  submit(exchange, call->who, engine::resume_webhook{call->scope()}, rendering_webhook(false));
}

}  // namespace muster::connectors
