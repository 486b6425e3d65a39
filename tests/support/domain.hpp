#pragma once

#include "engine/enrollment.hpp"
#include "engine/fold.hpp"
#include "engine/registration.hpp"
#include "engine/service_decisions.hpp"
#include "events/codec.hpp"
#include "events/describe.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/history_builder.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace muster::tests {

/// A device token signed by `key`. `resource` stands in it as given; so does `rest`, which follows the expiry.
inline std::string sign(std::string_view key, std::string_view resource, events::timestamp expiry,
                        std::string_view rest = "&skn=registration") {
  const auto se = std::to_string(std::chrono::floor<std::chrono::seconds>(expiry).time_since_epoch().count());
  const auto mac = events::to_base64(engine::hmac_sha256(key, std::string(resource) + "\n" + se));
  std::string sig;
  for (const char c : mac) {
    if (c == '+' || c == '/' || c == '=')
      sig += "%" + events::to_hex(std::string_view(&c, 1));
    else
      sig += c;
  }
  return "SharedAccessSignature sr=" + std::string(resource) + "&sig=" + sig + "&se=" + se + std::string(rest);
}

/// A service in memory: commands are decided and what they lead to is folded as a node does it, without log and actors.
/// Everything decided passes the checks that hold for all decisions: the same entropy gives the same events, versions
/// follow on each other, events belong on their streams and survive their JSON, and no secret stands in them in the
/// clear.
class domain : public engine::hub_reader {
public:
  events::id_scope scope = scope_a;
  events::timestamp now = history_builder::start;
  events::log_sequence sequence;
  engine::service_state service;
  std::map<std::string, engine::group_state> groups;            ///< by id key
  std::map<std::string, engine::device_state> devices;          ///< by id key
  std::map<std::string, engine::hub_device_state> hub_devices;  ///< by stream
  std::map<events::data_key_id, engine::named_key> keys;
  std::vector<events::recorded_event> history;
  bool hubs_readable = true;

  /// The service `demo` with these hubs, all of weight 1.
  explicit domain(std::initializer_list<std::string_view> hubs = {"hub1"}) {
    engine::placement placed;
    placed.name = named<events::service_name>("demo");
    placed.scope = scope;
    for (const auto hub : hubs) placed.hubs.push_back({named<events::hub_name>(hub), 1, true});
    decided([&](engine::entropy& random) { return engine::decide_creation(service, placed, sequence, random); });
  }

  // What a node gives to decisions ---------------------------------------------------------------------------------

  engine::scope_snapshot snapshot() const {
    engine::scope_snapshot made;
    made.service = service;
    if (const auto key = keys.find(service.data_key); key != keys.end()) made.data_key = key->second;
    for (const auto& [id, state] : groups) {
      if (!state.group) continue;
      const auto& attestation = state.group->terms.attestation;
      engine::opened_group group{state, std::nullopt};
      if (const auto key = keys.find(attestation.data_key); key != keys.end()) {
        auto opened =
            engine::unseal_keys(key->second.key, events::stream_name::group(scope, state.group->id), attestation.keys);
        BOOST_TEST_REQUIRE(opened.has_value());
        group.keys.emplace(std::move(*opened));
      }
      made.groups[id] = std::make_shared<const engine::opened_group>(std::move(group));
    }
    return made;
  }

  std::optional<engine::opened_keys> enrollment_keys(const events::registration_id& id) const {
    const auto& state = device(id);
    if (!state.enrollment) return std::nullopt;
    const auto& attestation = state.enrollment->enrollment.terms.attestation;
    if (!keys.contains(attestation.data_key)) return std::nullopt;
    auto opened = engine::unseal_keys(keys.at(attestation.data_key).key, events::stream_name::device(scope, id),
                                      attestation.keys);
    BOOST_TEST_REQUIRE(opened.has_value());
    return std::move(*opened);
  }

  engine::result<engine::as_of<engine::hub_device_state>> find(const events::hub_name& hub,
                                                               const events::device_id& id) override {
    if (!hubs_readable) return engine::fail(engine::errc::unavailable, "not now");
    return engine::as_of<engine::hub_device_state>{hub_device(hub.text(), id.text()), sequence};
  }

  // State ----------------------------------------------------------------------------------------------------------

  const engine::device_state& device(const events::registration_id& id) const {
    static const engine::device_state none;
    const auto at = devices.find(id.key());
    return at == devices.end() ? none : at->second;
  }
  const engine::device_state& device(std::string_view id) const { return device(named<events::registration_id>(id)); }
  const engine::registration_record& record(std::string_view id) const {
    BOOST_TEST_REQUIRE(device(id).registration.has_value());
    return *device(id).registration;
  }
  engine::hub_device_state hub_device(std::string_view hub, std::string_view id) const {
    const auto stream =
        events::stream_name::hub_device(scope, named<events::hub_name>(hub), named<events::device_id>(id));
    const auto at = hub_devices.find(stream.text());
    return at == hub_devices.end() ? engine::hub_device_state() : at->second;
  }
  const engine::group_state& group(std::string_view id) const { return groups.at(named<events::group_id>(id).key()); }

  // Commands -------------------------------------------------------------------------------------------------------

  engine::decision put(engine::put_enrollment c) {
    c.scope = scope;
    const auto& state = device(c.enrollment.id);
    const auto opened = enrollment_keys(c.enrollment.id);
    const auto* key = state.enrollment ? key_of(state.enrollment->enrollment.terms.attestation) : nullptr;
    return decided([&, current = snapshot()](engine::entropy& random) {
      return engine::decide(state, c, entry_context(random, current, key, opened));
    });
  }
  engine::decision put(engine::put_group c) {
    c.scope = scope;
    const auto current = snapshot();
    const auto state = groups[c.group.id.key()];
    const auto* key = state.group ? key_of(state.group->terms.attestation) : nullptr;
    std::optional<engine::opened_keys> opened;
    if (key != nullptr) opened = *current.groups.at(c.group.id.key())->keys;
    return decided(
        [&](engine::entropy& random) { return engine::decide(state, c, entry_context(random, current, key, opened)); });
  }
  engine::decision remove(engine::delete_enrollment c) { return remove_from(device(c.id), c); }
  engine::decision remove(engine::delete_registration c) { return remove_from(device(c.id), c); }
  engine::decision remove(engine::delete_group c) { return remove_from(groups[c.id.key()], c); }

  engine::decision link(std::string_view hub, std::uint32_t weight = 1, bool applies = true) {
    return decided([&, current = snapshot()](engine::entropy& random) {
      return engine::decide(engine::link_hub{scope, {named<events::hub_name>(hub), weight, applies}},
                            engine::decision_context{now, random, current, sequence});
    });
  }
  engine::decision unlink(std::string_view hub) {
    return decided([&, current = snapshot()](engine::entropy& random) {
      return engine::decide(engine::unlink_hub{scope, named<events::hub_name>(hub)},
                            engine::decision_context{now, random, current, sequence});
    });
  }
  engine::decision remove_hub_device(std::string_view hub, std::string_view id) {
    return decided([&](engine::entropy&) {
      return engine::decide(
          hub_device(hub, id),
          engine::delete_hub_device{scope, named<events::hub_name>(hub), named<events::device_id>(id)}, sequence);
    });
  }

  /// How a device registers.
  struct attempt {
    std::string api_version = "2021-06-01";
    std::optional<events::json_text> payload = {};
    std::string source_address = "192.0.2.7";
  };

  /// A device with `key` registers as `id`.
  engine::decision registers(std::string_view id, std::string_view key, const attempt& how) {
    return registers_with(
        id, sign(key, scope.text() + "/registrations/" + std::string(id), now + std::chrono::hours(1)), how);
  }
  engine::decision registers(std::string_view id, std::string_view key) { return registers(id, key, attempt{}); }

  engine::decision registers_with(std::string_view id, std::optional<std::string> token, const attempt& how) {
    const engine::register_device c{
        scope,
        {named<events::registration_id>(id), std::move(token), "https", how.api_version, how.source_address},
        how.payload};
    const auto current = snapshot();
    const auto opened = enrollment_keys(c.evidence.presented);
    const auto state = device(c.evidence.presented);
    verdict = engine::attest(current, state, opened ? &*opened : nullptr, c.evidence, now);
    const auto* record_key = state.registration && keys.contains(state.registration->data_key)
                                 ? &keys.at(state.registration->data_key)
                                 : nullptr;
    const bool stranger = !state.enrollment && !state.registration && !verdict.group;
    const auto stream =
        stranger ? events::stream_name::refusals(scope) : events::stream_name::device(scope, c.evidence.presented);
    if (how.payload) secrets_.push_back(how.payload->text);
    if (!how.source_address.empty()) secrets_.push_back(how.source_address);
    return decided([&](engine::entropy& random) {
      const engine::registration_context context{
          {now, random, current, sequence}, sequence, opened ? &*opened : nullptr, record_key, *this};
      return verdict.attested() ? engine::decide_registration(state, c, verdict, context)
                                : engine::decide_refusal(state, c.evidence, verdict, stream, context);
    });
  }
  engine::attestation_verdict verdict;  ///< of the last device that came

  /// Decides with two equal sources of randomness, compares, and folds what was decided.
  template <class Decide>
  engine::decision decided(const Decide& decide) {
    ++seed_;
    fake_entropy first(seed_), second(seed_);
    auto d = decide(first);
    const auto again = decide(second);
    BOOST_TEST_REQUIRE(d.events.size() == again.events.size());
    for (std::size_t i = 0; i < d.events.size(); ++i) {
      BOOST_TEST(events::to_json(d.events[i].data) == events::to_json(again.events[i].data));
    }
    BOOST_TEST(d.operation_id == again.operation_id);
    commit(d);
    return d;
  }

  /// Texts that must not stand in any event from now on.
  void keep_secret(std::string text) { secrets_.push_back(std::move(text)); }

private:
  const engine::named_key* key_of(const events::attestation_mechanism& attestation) const {
    const auto at = keys.find(attestation.data_key);
    return at == keys.end() ? nullptr : &at->second;
  }

  engine::entry_context entry_context(engine::entropy& random, const engine::scope_snapshot& current,
                                      const engine::named_key* key, const std::optional<engine::opened_keys>& opened) {
    return {{now, random, current, sequence}, sequence, key, opened ? &*opened : nullptr};
  }

  template <class State, class Command>
  engine::decision remove_from(const State& state, Command c) {
    c.scope = scope;
    return decided([&, current = snapshot()](engine::entropy& random) {
      return engine::decide(state, c, entry_context(random, current, nullptr, std::nullopt));
    });
  }

  void commit(const engine::decision& d) {
    for (const auto& key : d.keys) {
      keys[key.id] = key;
      secrets_.emplace_back(key.key.bytes());
    }
    if (d.keys_to_show) {
      secrets_.push_back(d.keys_to_show->primary);
      secrets_.push_back(d.keys_to_show->secondary);
    }
    now += std::chrono::seconds(1);
    for (const auto& each : d.events) fold(each);
  }

  void fold(const engine::decided_event& each) {
    BOOST_TEST(engine::belongs_on(each.data, each.stream), each.stream.text());
    const auto json = events::to_json(each.data);
    check_secrets(json);
    auto data = events::from_json(events::type_of(each.data), json);
    BOOST_TEST_REQUIRE(data.has_value(), (data ? "" : data.error().text));
    BOOST_TEST(events::to_json(*data) == json);
    sequence = sequence.next();
    events::recorded_event e;
    e.meta.stream = each.stream;
    e.meta.version = each.version;
    e.meta.sequence = sequence;
    e.meta.time = now;
    e.meta.type = events::type_of(each.data);
    e.data = std::move(*data);
    const auto subject = std::string(each.stream.subject());
    const auto name = subject.substr(subject.find('/') + 1);
    if (subject == "service")
      evolve_one(service, e);
    else if (subject.starts_with("groups/"))
      evolve_one(groups[name], e);
    else if (subject.starts_with("devices/"))
      evolve_one(devices[name], e);
    else if (subject.starts_with("hubs/"))
      evolve_one(hub_devices[each.stream.text()], e);
    else
      BOOST_TEST(each.version.value() == 0U);
    destroy_key(e.data);
    history.push_back(std::move(e));
  }

  template <class State>
  static void evolve_one(State& state, const events::recorded_event& e) {
    BOOST_TEST(e.meta.version.value() == state.version.value() + 1, e.meta.stream.text());
    engine::evolve(state, e);
    BOOST_TEST(state.version.value() == e.meta.version.value());
    const auto row = events::from_row<State>(events::to_row(state));
    BOOST_TEST(row.has_value());
  }

  void destroy_key(const events::event& e) {
    std::visit(
        [this](const auto& each) {
          using type = std::decay_t<decltype(each)>;
          if constexpr (std::same_as<type, events::hub_device_updated>)
            keys.erase(each.former_data_key);
          else if constexpr (std::same_as<type, events::enrollment_deleted> ||
                             std::same_as<type, events::enrollment_group_deleted> ||
                             std::same_as<type, events::registration_deleted> ||
                             std::same_as<type, events::hub_device_deleted>)
            keys.erase(each.data_key);
        },
        e);
  }

  void check_secrets(const std::string& json) const {
    for (const auto& secret : secrets_) {
      if (secret.size() < 4) continue;
      BOOST_TEST(json.find(secret) == std::string::npos);
      BOOST_TEST(json.find(events::to_base64(secret)) == std::string::npos);
      BOOST_TEST(json.find(events::to_hex(secret)) == std::string::npos);
    }
  }

  std::uint64_t seed_ = 0;
  std::vector<std::string> secrets_;
};

/// The only event of `d` that is an `Event`.
template <class Event>
const Event& the(const engine::decision& d) {
  const Event* found = nullptr;
  for (const auto& each : d.events) {
    if (const auto* event = std::get_if<Event>(&each.data)) {
      BOOST_TEST(found == nullptr);
      found = event;
    }
  }
  BOOST_TEST_REQUIRE(found != nullptr, Event::type);
  return *found;
}

/// The types of `d`'s events, in order, without `muster.` and version.
inline std::vector<std::string> types_of(const engine::decision& d) {
  std::vector<std::string> types;
  for (const auto& each : d.events) {
    const auto type = events::type_of(each.data);
    types.emplace_back(type.substr(7, type.size() - 10));
  }
  return types;
}

/// Whether `d` rests on `name`.
inline bool reads(const engine::decision& d, std::string_view name) {
  return std::ranges::any_of(d.reads, [&](const auto& each) { return each.key == engine::key_hash(name); });
}

/// Why `d` was rejected; nothing if it was not.
inline std::optional<engine::rejection_code> rejection_of(const engine::decision& d) {
  return d.rejected ? std::optional(d.rejected->code) : std::nullopt;
}

/// An enrollment for `id`, with keys to be generated.
inline engine::put_enrollment enrollment_of(std::string_view id) {
  engine::put_enrollment c;
  c.enrollment.id = named<events::registration_id>(id);
  return c;
}

/// A group with the id `id`, with keys to be generated.
inline engine::put_group group_of(std::string_view id) {
  engine::put_group c;
  c.group.id = named<events::group_id>(id);
  return c;
}

}  // namespace muster::tests
