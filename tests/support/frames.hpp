#pragma once

#include "engine/ports/journal.hpp"
#include "events/frame.hpp"

namespace muster::tests {

/// What journals of tests are: the same ID, so that frames can be made for them without asking.
inline engine::journal_identity test_journal(std::uint32_t shards = 4) {
  engine::journal_identity identity;
  identity.id.bytes.fill(0x4a);
  identity.shards = shards;
  identity.master_key_fingerprint.fill(0x4b);
  return identity;
}

/// The bytes of a claim of `shard`.
inline std::string claim_frame(const events::journal_id& journal, events::shard_id shard, std::uint64_t epoch) {
  events::frame f;
  f.kind = events::frame_kind::claim;
  f.journal = journal;
  f.shard = shard;
  f.epoch = events::shard_epoch(epoch);
  f.incarnation.bytes.fill(static_cast<std::uint8_t>(epoch));
  f.first_sequence = events::log_sequence(1);
  f.node = "node";
  return events::encode_frame(f);
}

/// The bytes of a batch with one record whose data has `data_bytes` bytes, different for each `number`.
inline std::string batch_frame(const events::journal_id& journal, events::shard_id shard, std::uint64_t number,
                               std::size_t data_bytes = 100) {
  events::frame f;
  f.journal = journal;
  f.shard = shard;
  f.epoch = events::shard_epoch(1);
  f.incarnation.bytes.fill(1);
  f.first_sequence = events::log_sequence(number);
  f.node = "node";
  auto& record = f.records.emplace_back();
  record.meta.stream = events::stream_name::directory();
  record.data = "frame " + std::to_string(number) + " ";
  // Text that no compression makes small, so that a file holds as many bytes as the test expects.
  for (std::uint64_t state = number + 1; record.data.size() < data_bytes;) {
    state = state * 6364136223846793005 + 1442695040888963407;
    record.data += static_cast<char>('!' + (state >> 33) % 90);
  }
  return events::encode_frame(f);
}

}  // namespace muster::tests
