#include "connectors/api/operator_api.hpp"
#include "connectors/api/operator_call.hpp"

#include <map>
#include <variant>

/// The list of services: also of those whose shard is not open here, so that nobody takes a part for the whole.
namespace muster::connectors {

namespace {

constexpr events::shard_id home_of_directory{0};

using known_service = std::shared_ptr<const engine::scope_snapshot>;
using listed_services = std::map<events::service_name, std::variant<known_service, engine::placement>>;

// Of a service that no fold of this node has published, the directory knows this much.
void write_placement(json_writer& out, const http_parts& parts, const engine::placement& placed) {
  out.begin_object();
  out.string("name", placed.name.text());
  out.string("idScope", placed.scope.text());
  out.number("shard", static_cast<std::int64_t>(placed.shard.value()));
  const bool open = parts.services.view(placed.shard) != nullptr;
  out.string("state", open ? "creating" : state_of_closed_service);
  out.end_object();
}

void write_list(http_exchange& exchange, const listed_services& services, const std::string& missing) {
  const auto& parts = exchange.parts();
  json_writer out;
  out.begin_object();
  out.begin_array("items");
  for (const auto& [name, each] : services) {
    if (const auto* known = std::get_if<known_service>(&each))
      write_service(out, parts, **known, false);
    else
      write_placement(out, parts, std::get<engine::placement>(each));
  }
  out.end_array();
  if (!missing.empty()) out.string("incomplete", missing);
  out.end_object();
  exchange.finish(json_response(200, out.take()));
}

void list_services(http_exchange& exchange) {
  const auto& parts = exchange.parts();
  listed_services listed;
  std::string missing;
  // The directory first: a service that is created in between is then known twice rather than not at all.
  if (const auto view = parts.services.view(home_of_directory)) {
    auto directory = view->directory();
    if (!directory) return exchange.fail(directory.error());
    for (auto& placed : directory->placements) {
      const auto name = placed.name;
      listed.emplace(name, std::move(placed));
    }
  } else {
    missing = "Services may be missing: the shard of their directory is not open here (" +
              parts.not_ready(true).value_or("it is opening") + ").";
  }
  for (auto& each : parts.services.all()) listed.insert_or_assign(each->service.name, std::move(each));
  write_list(exchange, listed, missing);
}

}  // namespace

void on_list_services(const exchange_ptr& exchange) {
  if (!admit_operator(*exchange)) return;
  http_exchange::read_later(exchange, std::nullopt, [exchange] { list_services(*exchange); });
}

}  // namespace muster::connectors
