#include "engine/scope_memory.hpp"

#include "engine/sealing.hpp"

namespace muster::engine {

result<void> scope_memory::load(shard_view& view) {
  scopes_.clear();
  changed_.clear();
  auto services = view.services();
  if (!services) return std::unexpected(services.error());
  for (auto& service : *services) {
    auto groups = view.groups(service.scope);
    if (!groups) return std::unexpected(groups.error());
    auto& entry = scopes_[service.scope.text()];
    changed_.insert(service.scope.text());
    entry.service = std::move(service);
    for (auto& [key, group] : *groups) {
      if (group.group) entry.groups[key] = std::move(group);
    }
  }
  return {};
}

void scope_memory::fold(const folded_frame& frame) {
  for (const auto& e : frame.events) {
    const auto subject = e.meta.stream.subject();
    const bool is_service = subject == "service";
    const bool is_group = subject.starts_with("groups/");
    if (!is_service && !is_group) continue;
    const auto scope = e.meta.stream.scope();
    auto& entry = scopes_[std::string(scope)];
    changed_.emplace(scope);
    if (is_service) {
      evolve(entry.service, e);
    } else {
      const std::string group(subject.substr(subject.find('/') + 1));
      auto& state = entry.groups[group];
      evolve(state, e);
      if (!state.group) entry.groups.erase(group);
      entry.opened.erase(group);
    }
  }
}

result<std::vector<std::shared_ptr<const scope_snapshot>>> scope_memory::take_changed() {
  std::vector<std::shared_ptr<const scope_snapshot>> snapshots;
  for (const auto& scope : changed_) {
    auto snapshot = snapshot_of(scopes_.find(scope)->second);
    if (!snapshot) return std::unexpected(snapshot.error());
    snapshots.push_back(std::move(*snapshot));
  }
  changed_.clear();
  return snapshots;
}

result<std::shared_ptr<const scope_snapshot>> scope_memory::snapshot_of(scope_entry& entry) const {
  auto snapshot = std::make_shared<scope_snapshot>();
  snapshot->service = entry.service;
  snapshot->shard = shard_;
  const auto& service = snapshot->service;
  auto key = keys_.find(service.data_key);
  if (!key) {
    return fail(errc::corrupt, "the data key of service '" + service.name.text() + "' cannot be had: " +
                                   key.error().text + ". Restore the keyring that belongs to this journal.");
  }
  snapshot->data_key = {service.data_key, *key};
  for (const auto& policy : service.policies) {
    auto keys = unseal_keys(*key, events::stream_name::service(service.scope), policy.keys);
    if (!keys) return std::unexpected(keys.error());
    snapshot->policy_keys[policy.name] = std::move(*keys);
  }
  if (auto opened = open_groups(entry); !opened) return std::unexpected(opened.error());
  snapshot->groups = entry.opened;
  return snapshot;
}

result<void> scope_memory::open_groups(scope_entry& entry) const {
  for (const auto& [id, state] : entry.groups) {
    const auto known = entry.opened.find(id);
    if (known != entry.opened.end() && known->second->keys) continue;
    const auto& attestation = state.group->terms.attestation;
    const auto key = keys_.find(attestation.data_key);
    if (!key && key.error().code == errc::not_found) {
      entry.opened[id] = std::make_shared<const opened_group>(opened_group{state, std::nullopt});
      continue;
    }
    if (!key) return std::unexpected(key.error());
    auto keys = unseal_keys(*key, events::stream_name::group(entry.service.scope, state.group->id), attestation.keys);
    if (!keys) return std::unexpected(keys.error());
    entry.opened[id] = std::make_shared<const opened_group>(opened_group{state, std::move(*keys)});
  }
  return {};
}

}  // namespace muster::engine
