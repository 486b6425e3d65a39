#include "events/frame.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace muster::events {

namespace {

static_assert(std::endian::native == std::endian::little, "frames are little-endian; a big-endian port must swap here");

constexpr std::string_view magic = "MSTR";
constexpr std::uint16_t format_version = 1;
constexpr std::size_t size_offset = 8;
constexpr std::size_t journal_offset = 12;
constexpr std::size_t batch_bytes_without_node = 114;

template <class Integer>
void put(std::string& out, Integer value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

/// Takes fixed-width values from the front of `in`; after one failure all are zero and `ok` is false.
struct taker {
  std::string_view in;
  bool ok = true;

  template <class Integer>
  Integer take() {
    Integer value{};
    const auto bytes = take_bytes(sizeof value);
    if (ok) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  template <std::size_t N>
  void take_into(std::array<std::uint8_t, N>& out) {
    const auto bytes = take_bytes(N);
    if (ok) std::memcpy(out.data(), bytes.data(), N);
  }

  std::string_view take_text() { return take_bytes(take<std::uint16_t>()); }

  std::string_view take_bytes(std::size_t size) {
    if (!ok || size > in.size()) {
      ok = false;
      return {};
    }
    const auto bytes = in.substr(0, size);
    in.remove_prefix(size);
    return bytes;
  }
};

void write_record(row_writer& out, const event_record& record) {
  out.write(record.meta.stream);
  out.write(record.meta.version);
  out.text(record.meta.type);
  out.text(record.meta.by);
  out.text(record.meta.correlation_id);
  out.text(record.meta.command_id);
  out.write(record.meta.operation);
  out.text(record.data);
  out.write(record.index_keys);
}

frame_error bad(std::string text) {
  return {false, std::move(text)};
}

}  // namespace

std::string encode_frame(const frame& f) {
  row_writer records;
  for (const auto& record : f.records) write_record(records, record);
  const auto body = records.take();

  std::string out;
  out.reserve(body.size() + 256);
  out.append(magic);
  put(out, format_version);
  put(out, static_cast<std::uint8_t>(f.kind));
  put(out, std::uint8_t{0});
  put(out, std::uint32_t{0});
  out.append(f.journal.view());
  put(out, static_cast<std::uint32_t>(f.shard.value()));
  put(out, f.epoch.value());
  out.append(f.incarnation.view());
  put(out, f.first_sequence.value());
  put(out, static_cast<std::uint32_t>(f.records.size()));
  out.append(as_bytes(f.prev_hash));
  put(out, static_cast<std::int64_t>(f.time.time_since_epoch().count()));
  put_text(out, f.node);
  if (f.kind == frame_kind::claim) {
    put(out, f.folded_sequence.value());
    out.append(as_bytes(f.folded_head));
  } else if (f.kind == frame_kind::repair) {
    out.append(as_bytes(f.repaired));
    put_text(out, f.by);
    put_text(out, f.reason);
  }
  out.append(body);
  const auto size = static_cast<std::uint32_t>(out.size() + sizeof(std::uint32_t));
  std::memcpy(out.data() + size_offset, &size, sizeof size);
  put(out, crc32c(out));
  return out;
}

std::size_t batch_overhead(std::size_t node_bytes) {
  return batch_bytes_without_node + node_bytes;
}

std::size_t encoded_size_max(const event_record& record) {
  constexpr std::size_t length_bytes_max = 10;  // of a LEB128 number
  constexpr std::size_t lengths = 8;
  const auto& meta = record.meta;
  return meta.stream.text().size() + meta.type.size() + meta.by.size() + meta.correlation_id.size() +
         meta.command_id.size() + record.data.size() + length_bytes_max * (lengths + record.index_keys.size()) + 1;
}

bool may_belong_to(std::string_view bytes, const journal_id& id) {
  if (bytes.size() < journal_offset + id.bytes.size()) return bytes.starts_with(magic);
  return bytes.substr(journal_offset, id.bytes.size()) == id.view();
}

std::expected<frame_header, frame_error> read_header(std::string_view bytes) {
  taker in{bytes};
  if (in.take_bytes(magic.size()) != magic) return std::unexpected(frame_error{true, "it does not begin like a frame"});
  const auto format = in.take<std::uint16_t>();
  if (format != format_version) {
    return std::unexpected(bad("frame format " + std::to_string(format) +
                               " is not known to this version, which reads format " + std::to_string(format_version)));
  }
  frame_header h;
  const auto kind = in.take<std::uint8_t>();
  in.take<std::uint8_t>();
  const auto size = in.take<std::uint32_t>();
  if (!in.ok || size != bytes.size()) {
    return std::unexpected(
        bad("it is " + std::to_string(bytes.size()) + " bytes long and says it has " + std::to_string(size)));
  }
  std::uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + bytes.size() - sizeof checksum, sizeof checksum);
  if (checksum != crc32c(bytes.substr(0, bytes.size() - sizeof checksum)))
    return std::unexpected(bad("its checksum is wrong"));
  if (kind < static_cast<std::uint8_t>(frame_kind::claim) || kind > static_cast<std::uint8_t>(frame_kind::repair)) {
    return std::unexpected(bad("frame kind " + std::to_string(kind) + " is not known to this version"));
  }
  if (in.in.size() < sizeof checksum) return std::unexpected(bad("it ends before its header does"));
  in.in.remove_suffix(sizeof checksum);
  h.kind = static_cast<frame_kind>(kind);
  in.take_into(h.journal.bytes);
  h.shard = shard_id(in.take<std::uint32_t>());
  h.epoch = shard_epoch(in.take<std::uint64_t>());
  in.take_into(h.incarnation.bytes);
  h.first_sequence = log_sequence(in.take<std::uint64_t>());
  h.count = in.take<std::uint32_t>();
  in.take_into(h.prev_hash);
  h.time = timestamp(std::chrono::microseconds(in.take<std::int64_t>()));
  h.node = in.take_text();
  if (h.kind == frame_kind::claim) {
    h.folded_sequence = log_sequence(in.take<std::uint64_t>());
    in.take_into(h.folded_head);
  } else if (h.kind == frame_kind::repair) {
    in.take_into(h.repaired);
    h.by = in.take_text();
    h.reason = in.take_text();
  }
  h.body = in.in;
  if (!in.ok) return std::unexpected(bad("it ends before its header does"));
  return h;
}

std::size_t record_reader::count_max() const {
  constexpr std::size_t record_bytes_min = 9;  // each of its parts takes a byte
  return std::min<std::size_t>(header_.count, header_.body.size() / record_bytes_min);
}

bool record_reader::next() {
  if (passed_ == header_.count) {
    if (!in_.done()) error_ = bad("there are bytes behind its last record");
    return false;
  }
  in_.read(meta_.stream);
  in_.read(meta_.version);
  in_.read(meta_.type);
  in_.read(meta_.by);
  in_.read(meta_.correlation_id);
  in_.read(meta_.command_id);
  in_.read(meta_.operation);
  data_ = in_.text();
  in_.read(index_keys_);
  meta_.sequence = log_sequence(header_.first_sequence.value() + passed_);
  meta_.time = header_.time;
  if (!in_.ok()) {
    error_ = bad("record " + std::to_string(passed_) + " of " + std::to_string(header_.count) + " cannot be read");
    return false;
  }
  ++passed_;
  return true;
}

std::expected<std::vector<event_record>, frame_error> read_records(const frame_header& header) {
  record_reader in(header);
  std::vector<event_record> records;
  records.reserve(in.count_max());
  while (in.next()) records.push_back({std::move(in.meta()), std::string(in.data()), std::move(in.index_keys())});
  if (in.error()) return std::unexpected(*in.error());
  return records;
}

}  // namespace muster::events
