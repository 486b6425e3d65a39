#pragma once

#include "connectors/storage/memory_journal.hpp"
#include "connectors/storage/memory_keyring.hpp"
#include "engine/feed.hpp"
#include "engine/history.hpp"
#include "events/codec.hpp"
#include "tests/support/fake_catalog.hpp"
#include "tests/support/frames.hpp"

#include <string>
#include <vector>

namespace muster::tests {

/// A shard whose log a test writes as the fold would have accepted it: the services `demo` (0ne00000001) and `other`
/// (0ne00000002), each event the deletion of a registration.
struct feed_fixture {
  static inline const events::id_scope demo = *events::id_scope::parse("0ne00000001");
  static inline const events::id_scope other = *events::id_scope::parse("0ne00000002");

  connectors::memory_journal journal{test_journal()};
  connectors::memory_keyring keys{engine::data_key(std::string(32, 'm'))};
  fake_catalog catalog;
  engine::feed feed{journal, catalog};
  engine::history past{journal, keys, catalog};
  const events::shard_id shard{0};
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;

  feed_fixture() {
    add_service("demo", demo);
    add_service("other", other);
  }

  void add_service(std::string_view name, const events::id_scope& scope) {
    auto made = std::make_shared<engine::scope_snapshot>();
    made->service.version = events::stream_version(1);
    made->service.name = *events::service_name::parse(name);
    made->service.scope = scope;
    catalog.services.push_back(std::move(made));
  }

  /// An event of a device, not written yet.
  static events::event_record record(const events::id_scope& scope, std::string_view device) {
    events::event_record record;
    record.meta.stream = events::stream_name::device(scope, *events::registration_id::parse(device));
    record.meta.version = events::stream_version(1);
    record.meta.by = "policy:owner";
    record.meta.correlation_id = "c0ffee00-0000-4000-8000-000000000001";
    events::registration_deleted gone;
    gone.id = *events::registration_id::parse(device);
    record.meta.type = gone.type;
    record.data = events::to_json(gone);
    return record;
  }

  /// Writes a frame, folds it and hands it on.
  void write(std::vector<events::event_record> records) {
    events::frame frame;
    frame.journal = test_journal().id;
    frame.epoch = events::shard_epoch(1);
    frame.first_sequence = events::log_sequence(sequence + 1);
    frame.node = "node";
    frame.records = std::move(records);
    auto bytes = events::encode_frame(frame);
    journal.put(shard, bytes);
    catalog.rows->frames[sequence + frame.records.size()] = events::log_offset(offset);
    const events::log_sequence first(sequence + 1);
    sequence += frame.records.size();
    catalog.rows->folded.sequence = events::log_sequence(sequence);
    catalog.rows->folded.next_offset = events::log_offset(++offset);
    if (!feed.followed()) return;
    feed.folded(shard, {{events::log_offset(offset - 1), first, events::log_sequence(sequence), std::move(bytes)}});
  }

  /// Bytes that do not count lie on the log.
  void write_void() {
    journal.put(shard, "something else");
    catalog.rows->folded.next_offset = events::log_offset(++offset);
  }

  /// The sequences of all events behind `after` that one read gives.
  std::vector<std::uint64_t> read(std::uint64_t after, std::size_t bytes_max = 1U << 20U) {
    std::vector<std::uint64_t> found;
    const auto frames = feed.read(shard, events::log_sequence(after), bytes_max);
    if (!frames) return found;
    for (const auto& frame : *frames) {
      for (const auto& each : frame->records) found.push_back(each.meta.sequence.value());
    }
    return found;
  }
};

}  // namespace muster::tests
