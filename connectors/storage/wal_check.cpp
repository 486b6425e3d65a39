#include "connectors/storage/wal_check.hpp"

#include "events/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

namespace muster::connectors {

namespace {

// The format of the log (RocksDB wiki, "Write Ahead Log File Format"): blocks of 32 KiB, filled with
// checksum u32 | size u16 | type u8 | payload; less than a header at a block's end is padding. A batch is one full
// record or first, middle ..., last. The checksum is CRC-32C of type and payload, masked. All little-endian.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t header_bytes = 7;
constexpr std::uint8_t full = 1;
constexpr std::uint8_t first = 2;
constexpr std::uint8_t last = 4;

constexpr std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

struct physical_record {
  std::uint8_t type;
  std::size_t size;  ///< with its header
};

/// The record at the front of `block`, or nothing if it is not whole and right.
std::optional<physical_record> read_record(std::string_view block) {
  if (block.size() < header_bytes) return std::nullopt;
  std::uint32_t checksum = 0;
  std::uint16_t size = 0;
  std::memcpy(&checksum, block.data(), sizeof checksum);
  std::memcpy(&size, block.data() + 4, sizeof size);
  const auto type = static_cast<std::uint8_t>(block[6]);
  if (type < full || type > last || header_bytes + size > block.size()) return std::nullopt;
  if (checksum != masked(events::crc32c(block.substr(6, 1U + size)))) return std::nullopt;
  return physical_record{type, header_bytes + size};
}

/// True if a batch begins somewhere in `block`, whose first byte need not begin a record.
bool batch_begins_in(std::string_view block) {
  for (; block.size() > header_bytes; block.remove_prefix(1)) {
    const auto record = read_record(block);
    if (record && (record->type == full || record->type == first)) return true;
  }
  return false;
}

}  // namespace

std::string damage_within_wal(std::string_view log) {
  std::optional<std::size_t> damaged_at;
  for (std::size_t start = 0; start < log.size(); start += block_bytes) {
    const auto block = log.substr(start, block_bytes);
    std::size_t at = 0;
    while (!damaged_at && block.size() - at >= header_bytes) {
      const auto record = read_record(block.substr(at));
      if (record)
        at += record->size;
      else
        damaged_at = start + at;
    }
    // A batch is sent only when the one before is synced, so what lies before a batch was whole once.
    if (damaged_at && batch_begins_in(block.substr(at))) {
      return "the record at byte " + std::to_string(*damaged_at) + " is damaged, and whole ones follow it";
    }
  }
  return {};
}

engine::result<void> check_wals(const std::filesystem::path& directory) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (!file) return engine::fail(engine::errc::unavailable, "cannot read " + entry.path().string());
    if (const auto damage = damage_within_wal(bytes); !damage.empty()) {
      return engine::fail(engine::errc::corrupt, entry.path().string() + ": " + damage);
    }
  }
  if (failed)
    return engine::fail(engine::errc::unavailable, "cannot list " + directory.string() + ": " + failed.message());
  return {};
}

}  // namespace muster::connectors
