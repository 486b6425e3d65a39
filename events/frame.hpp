#pragma once

#include "events/bytes.hpp"
#include "events/describe.hpp"
#include "events/event.hpp"

#include <expected>
#include <optional>
#include <span>
#include <vector>

/// The unit of the log: one durable write of one shard. **The layout below is the storage format of the journal.**
///
///     frame  = magic "MSTR" | format u16 | kind u8 | reserved u8 | size u32 (of the whole frame)
///            | journal id 16 | shard u32 | epoch u64 | incarnation 16 | first sequence u64 | count u32
///            | prev hash 32 | time i64 (microseconds since the Unix epoch) | node (u16 size | bytes)
///            | body | crc32c u32 (of everything before it)
///     body of a claim = folded sequence u64 | folded head 32
///     body of a repair = hash of the frame that does not count 32 | operator (u16 size | bytes) | reason (u16 size |
///     bytes) body of a batch = `count` records, each: row form (events/describe.hpp) of stream, version, type, by,
///     correlation id,
///                       command id, operation, data (the event's JSON), index keys
///
/// Integers are little-endian. The hash of a frame is SHA-256 of all its bytes.
namespace muster::events {

enum class frame_kind : std::uint8_t {
  claim = 1,   ///< a node takes the shard
  batch = 2,   ///< events, or none: an empty batch settles decisions that had no events
  repair = 3,  ///< an operator says of a frame that readers stopped at: it never counts. Belongs to no claim or chain
};

/// An event on its way into a frame, or just out of one. `data` is JSON, not yet read.
struct event_record {
  envelope meta;
  std::string data;
  std::vector<std::uint64_t> index_keys;  ///< hashes of uniqueness keys this event writes, besides its stream
};

/// A frame, taken apart. `folded_*` mean something in claims only, `records` in batches only, `repaired`, `by` and
/// `reason` in repairs only.
struct frame {
  frame_kind kind = frame_kind::batch;
  journal_id journal;
  shard_id shard;
  shard_epoch epoch;
  incarnation_id incarnation;
  log_sequence first_sequence;  ///< of the first record; in a claim and an empty batch: the next one there will be
  digest prev_hash{};
  timestamp time;
  std::string node;
  log_sequence folded_sequence;  ///< claims: how far the claimer had folded,
  digest folded_head{};          ///< and the head it had there
  std::vector<event_record> records;
  digest repaired{};   ///< repairs: the hash of the frame that readers are to pass,
  std::string by;      ///< the operator who says so (65,535 bytes at most),
  std::string reason;  ///< and why (65,535 bytes at most)
};

/// The header fields that the rule of the log looks at; reading only these costs little.
struct frame_header {
  frame_kind kind = frame_kind::batch;
  journal_id journal;
  shard_id shard;
  shard_epoch epoch;
  incarnation_id incarnation;
  log_sequence first_sequence;
  std::uint32_t count = 0;
  digest prev_hash{};
  timestamp time;
  std::string_view node;         ///< into the frame's bytes
  log_sequence folded_sequence;  ///< claims only
  digest folded_head{};
  digest repaired{};        ///< repairs only, as what follows
  std::string_view by;      ///< into the frame's bytes
  std::string_view reason;  ///< into the frame's bytes
  std::string_view body;    ///< into the frame's bytes: the records of a batch
};

/// Why bytes are not a frame: `text` says what is wrong with them. `foreign`: they do not even begin like one.
struct frame_error {
  bool foreign = false;
  std::string text;
};

/// The bytes of `f`. Sequence, time and stream version of each record are taken from its `meta`, but sequences are not
/// written: they follow from `first_sequence`.
std::string encode_frame(const frame& f);

/// How many bytes a batch takes besides its records, if the node's name has `node_bytes`.
std::size_t batch_overhead(std::size_t node_bytes);

/// How many bytes `record` takes in a frame at most.
std::size_t encoded_size_max(const event_record& record);

/// True if `bytes` carry `id` where a frame has its journal ID, or begin like a frame and are too short to tell: a
/// damaged frame of ours looks so.
bool may_belong_to(std::string_view bytes, const journal_id& id);

/// The header of a frame whose checksum, format and size are right. The views point into `bytes`.
std::expected<frame_header, frame_error> read_header(std::string_view bytes);

/// The records of a batch, one after another, without copies of their data.
class record_reader {
public:
  /// The bytes that `header` was read from must outlive the reader.
  explicit record_reader(const frame_header& header) : header_(header), in_(header.body) {}

  /// How many records the frame can hold at most: what it says, as far as its size allows.
  std::size_t count_max() const;
  /// Reads the next record. False behind the last one, and if there is anything wrong with the body (`error`).
  bool next();
  const std::optional<frame_error>& error() const { return error_; }

  /// Of the record read last; it may be moved from.
  envelope& meta() { return meta_; }
  std::vector<std::uint64_t>& index_keys() { return index_keys_; }
  /// Into the frame's bytes.
  std::string_view data() const { return data_; }

private:
  const frame_header& header_;
  row_reader in_;
  std::uint32_t passed_ = 0;
  envelope meta_;
  std::string_view data_;
  std::vector<std::uint64_t> index_keys_;
  std::optional<frame_error> error_;
};

/// The records of a batch whose header was read from the same bytes.
std::expected<std::vector<event_record>, frame_error> read_records(const frame_header& header);

}  // namespace muster::events
