#include "bench/workload.hpp"

#include "engine/attestation/attest.hpp"
#include "engine/decision.hpp"
#include "engine/shard.hpp"
#include "events/bytes.hpp"

namespace muster::bench {

namespace {

const auto scope_id = *events::id_scope::parse("0ne00000001");

struct no_hub_devices final : engine::hub_reader {
  engine::result<engine::as_of<engine::hub_device_state>> find(const events::hub_name&,
                                                               const events::device_id&) override {
    return engine::as_of<engine::hub_device_state>{};
  }
};

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '+')
      out += "%2B";
    else if (c == '/')
      out += "%2F";
    else if (c == '=')
      out += "%3D";
    else
      out += c;
  }
  return out;
}

}  // namespace

fleet make_fleet(engine::entropy& random, std::size_t hubs) {
  fleet f{std::make_shared<engine::scope_snapshot>(), std::make_shared<engine::opened_group>()};
  auto& service = f.scope->service;
  service.version = events::stream_version(1);
  service.name = *events::service_name::parse("bench");
  service.scope = scope_id;
  f.scope->data_key = engine::fresh_key(random);
  service.data_key = f.scope->data_key.id;
  for (std::size_t i = 1; i <= hubs; ++i)
    service.hubs.push_back({*events::hub_name::parse("hub" + std::to_string(i)), 1, true});
  const auto group_key = engine::fresh_key(random);
  f.group->keys.emplace(engine::opened_keys(random.draw(64), random.draw(64)));
  f.group->state.version = events::stream_version(1);
  auto& group = f.group->state.group.emplace();
  group.id = *events::group_id::parse("fleet");
  group.terms.attestation = {
      events::attestation_type::symmetric_key, group_key.id,
      engine::seal_keys(group_key, events::stream_name::group(scope_id, group.id), *f.group->keys, random)};
  f.scope->groups["fleet"] = f.group;
  return f;
}

std::string token_for(const fleet& f, const events::registration_id& id, events::timestamp expiry) {
  const auto resource = f.scope->service.scope.text() + "%2Fregistrations%2F" + id.text();
  const auto seconds =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(expiry.time_since_epoch()).count());
  const auto keys = engine::derive_device_keys(*f.group->keys, id.text());
  const auto signature = events::to_base64(engine::hmac_sha256(keys.primary, resource + "\n" + seconds));
  return "SharedAccessSignature sr=" + resource + "&sig=" + percent_encode(signature) + "&se=" + seconds +
         "&skn=registration";
}

recorded_fleet record_fleet(const fleet& f, std::uint64_t registrations, std::size_t per_frame,
                            engine::entropy& random) {
  recorded_fleet recorded;
  recorded.journal = std::make_unique<connectors::memory_journal>(
      engine::journal_identity{random.draw_id<events::journal_id>(), 1, {}});
  engine::shard shard({recorded.journal->identity().id, events::shard_id(0), "bench", true, 0, 0}, {}, random);
  const events::timestamp now{std::chrono::seconds(1'790'000'000)};
  const auto fold = [&] {
    auto records = recorded.journal->read(events::shard_id(0), shard.position().next_offset, 1U << 30U);
    for (const auto& record : *records) {
      recorded.bytes += record.bytes.size();
      if (const auto frame = shard.fold(record)) recorded.events += frame->records.size();
    }
    for (auto& due : shard.take_settlements()) due.settled(due.what);
  };
  const auto send = [&] {
    const auto frame = shard.next_frame(now, true);
    if (!frame) return;
    engine::append_and_wait(*recorded.journal, {frame->frame});
    shard.appended(engine::append_outcome::durable, now);
    fold();
  };
  const engine::caller who{"device", "9f1c2a74-5d4f-4d3c-9f52-1f6f0a6f7b11", {}, {}};
  const auto propose = [&](const engine::decision& d) {
    auto p = engine::to_proposal(d, who, &scope_id, {}, now + std::chrono::hours(1));
    p.reads.clear();
    p.settled = [](const engine::settlement& s) { MUSTER_ASSERT(s.kind == engine::settlement_kind::committed); };
    shard.propose(std::move(p));
  };
  shard.should_own(true);
  send();
  engine::decision founding;
  founding.events.push_back(
      {events::stream_name::service(scope_id),
       events::stream_version(1),
       events::service_created{f.scope->service.name, scope_id, f.scope->data_key.id, {}, {}, f.scope->service.hubs},
       {}});
  founding.events.push_back({events::stream_name::group(scope_id, f.group->state.group->id),
                             events::stream_version(1),
                             events::enrollment_group_created{*f.group->state.group},
                             {}});
  propose(founding);
  send();
  no_hub_devices hubs;
  for (std::uint64_t i = 0; i < registrations; ++i) {
    const auto id = *events::registration_id::parse("device-" + std::to_string(i));
    const engine::register_device command{
        scope_id,
        {id, token_for(f, id, now + std::chrono::hours(1)), "https", "2019-03-31", "192.0.2.17"},
        std::nullopt};
    const auto verdict = engine::attest(*f.scope, {}, nullptr, command.evidence, now);
    propose(
        engine::decide_registration({}, command, verdict, {{now, random, *f.scope, {}}, {}, nullptr, nullptr, hubs}));
    if ((i + 1) % per_frame == 0) send();
  }
  send();
  return recorded;
}

}  // namespace muster::bench
