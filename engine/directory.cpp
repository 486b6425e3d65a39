#include "engine/directory.hpp"

#include "engine/error.hpp"
#include "engine/overload.hpp"
#include "engine/service_decisions.hpp"
#include "events/bytes.hpp"

#include <algorithm>

namespace muster::engine {

const placement* directory_state::find(const events::service_name& name) const {
  const auto at = std::ranges::find(placements, name, &placement::name);
  return at == placements.end() ? nullptr : &*at;
}

const placement* directory_state::find(const events::id_scope& scope) const {
  const auto at = std::ranges::find(placements, scope, &placement::scope);
  return at == placements.end() ? nullptr : &*at;
}

void evolve(directory_state& state, const events::recorded_event& e) {
  std::visit(overload{[&](const events::service_placed& c) {
                        state.placements.push_back({c.name, c.scope, c.shard, c.settings, c.hubs, true});
                      },
                      [&](const events::placement_confirmed& c) {
                        const auto at = std::ranges::find(state.placements, c.scope, &placement::scope);
                        if (at != state.placements.end()) at->open = false;
                      },
                      [&](const events::placement_withdrawn& c) {
                        std::erase_if(state.placements, [&](const placement& p) { return p.scope == c.scope; });
                      },
                      [&](const auto&) { assertion_failed(e.meta.type.c_str(), e.meta.stream.text().c_str(), 0); }},
             e.data);
  state.version = e.meta.version;
}

namespace {

constexpr int scope_tries_max = 100;

// `0ne` and 8 random hex digits that no service has.
std::optional<events::id_scope> draw_scope(const directory_state& state, entropy& random) {
  for (int i = 0; i < scope_tries_max; ++i) {
    auto text = events::to_hex(random.draw(4));
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
    const auto scope = events::id_scope::parse("0ne" + text);
    if (state.find(*scope) == nullptr) return scope;
  }
  return std::nullopt;
}

events::shard_id emptiest_shard(const directory_state& state, std::uint32_t shards) {
  std::vector<std::size_t> services(shards);
  for (const auto& p : state.placements) ++services[p.shard.value() % shards];
  return events::shard_id(static_cast<std::uint64_t>(std::ranges::min_element(services) - services.begin()));
}

decision directory_decision(const directory_context& context) {
  decision d;
  d.reading(events::stream_name::directory().text(), context.directory_seen);
  return d;
}

}  // namespace

decision decide(const directory_state& state, const create_service& c, const directory_context& context) {
  auto d = directory_decision(context);
  const auto refuse = [&](rejection_code code, std::string message) {
    d.rejected = rejection{code, std::move(message), {}};
    return d;
  };
  if (state.find(c.name) != nullptr)
    return refuse(rejection_code::service_exists, "Service '" + c.name.text() + "' already exists.");
  if (c.scope && state.find(*c.scope) != nullptr) {
    return refuse(rejection_code::service_exists,
                  "ID scope '" + c.scope->text() + "' belongs to service '" + state.find(*c.scope)->name.text() + "'.");
  }
  auto hubs = c.hubs;
  if (hubs.empty()) hubs.push_back({*events::hub_name::parse("hub1"), 1, true});
  if (const auto bad = check_hubs(hubs)) return refuse(rejection_code::invalid, *bad);
  const auto scope = c.scope ? c.scope : draw_scope(state, context.random);
  if (!scope) return refuse(rejection_code::unavailable, "No free ID scope was found.");
  d.events.push_back({events::stream_name::directory(),
                      state.version.next(),
                      events::service_placed{c.name, *scope, emptiest_shard(state, context.shards), c.settings, hubs},
                      {}});
  return d;
}

decision confirm_placement(const directory_state& state, const events::id_scope& scope,
                           const directory_context& context) {
  auto d = directory_decision(context);
  if (const auto* p = state.find(scope); p != nullptr && p->open) {
    d.events.push_back(
        {events::stream_name::directory(), state.version.next(), events::placement_confirmed{scope}, {}});
  }
  return d;
}

decision withdraw_placement(const directory_state& state, const events::id_scope& scope, std::string reason,
                            const directory_context& context) {
  auto d = directory_decision(context);
  if (const auto* p = state.find(scope); p != nullptr && p->open) {
    d.events.push_back({events::stream_name::directory(),
                        state.version.next(),
                        events::placement_withdrawn{scope, std::move(reason)},
                        {}});
  }
  return d;
}

}  // namespace muster::engine
