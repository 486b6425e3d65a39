#include "bench/cpu_time.hpp"
#include "bench/workload.hpp"
#include "connectors/node/system_entropy.hpp"
#include "connectors/storage/embedded_journal.hpp"
#include "connectors/storage/journal_rows.hpp"
#include "events/bytes.hpp"

#include <rocksdb/db.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// The embedded journal beside raw synced puts into RocksDB of the same bytes, in turns:
///
///     journal_bench [SECONDS] [DIRECTORY]
///
/// Frames of 1, 10 and 100 registrations, for 1 and for 16 shards that are ready at once: the shards' frames of one
/// moment are one synced write for both. The journal's frames are also read back, as the fold reads them. Prints
/// wall-clock rates, which are the disk's, and CPU time an event, which is ours. SECONDS is for each line.
namespace {

using namespace muster;
using clock_type = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "journal_bench: %s\n", why.c_str());
  std::exit(1);
}

/// Calls `write(round)` until `seconds` are over and prints the rates.
template <class Write>
void measure(const char* what, std::size_t registrations, std::size_t shards, double seconds, Write write) {
  const auto cpu = bench::cpu_seconds();
  const auto began = clock_type::now();
  std::uint64_t rounds = 0;
  double took = 0;
  while (took < seconds) {
    write(rounds++);
    took = std::chrono::duration<double>(clock_type::now() - began).count();
  }
  const auto frames = static_cast<double>(rounds * shards);
  const auto events = frames * static_cast<double>(registrations) * 2;  // each registers, and has its hub device made
  std::printf("%-24s %4zu registrations/frame %3zu shards  %8.0f synced writes/s %8.0f frames/s %9.0f events/s  %7.2f "
              "us CPU/event\n",
              what, registrations, shards, static_cast<double>(rounds) / took, frames / took, events / took,
              (bench::cpu_seconds() - cpu) * 1e6 / events);
}

/// A frame with `registrations` registrations.
std::string frame_of(std::size_t registrations, engine::entropy& random) {
  const auto recorded = bench::record_fleet(bench::make_fleet(random, 3), registrations, registrations, random);
  const auto records = recorded.journal->read(events::shard_id(0), {}, 1U << 30U);
  if (!records || records->size() < 3) give_up("no frame was recorded");
  return (*records)[2].bytes;  // after the claim, and the service with its group
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 0.2;
  const std::filesystem::path directory =
      argc > 2 ? argv[2] : std::filesystem::temp_directory_path() / "muster-journal-bench";
  connectors::system_entropy random;
  for (const std::size_t registrations : {1U, 10U, 100U}) {
    const auto bytes = frame_of(registrations, random);
    for (const std::size_t shards : {1U, 16U}) {
      std::filesystem::remove_all(directory);
      std::filesystem::create_directories(directory);
      {
        rocksdb::Options options;
        options.create_if_missing = true;
        rocksdb::DB* opened = nullptr;
        if (const auto status = rocksdb::DB::Open(options, directory / "raw", &opened); !status.ok())
          give_up(status.ToString());
        const std::unique_ptr<rocksdb::DB> db(opened);
        rocksdb::WriteOptions synced;
        synced.sync = true;
        measure("raw RocksDB", registrations, shards, seconds, [&](std::uint64_t round) {
          rocksdb::WriteBatch batch;
          for (std::size_t shard = 0; shard < shards; ++shard) {
            batch.Put(connectors::embedded_journal_key(events::shard_id(shard), events::log_offset(round)), bytes);
          }
          if (!db->Write(synced, &batch).ok()) give_up("a write failed");
        });
      }
      connectors::embedded_journal_options options;
      options.directory = directory / "journal";
      options.shards = static_cast<std::uint32_t>(shards);
      options.master_key_fingerprint = events::digest{};
      options.create_if_missing = true;
      options.entropy = &random;
      const auto journal = connectors::open_embedded_journal(options);
      if (!journal) give_up(journal.error().text);
      std::vector<engine::outgoing_frame> frames;
      for (std::size_t shard = 0; shard < shards; ++shard) frames.push_back({events::shard_id(shard), bytes});
      measure("journal, read back", registrations, shards, seconds, [&](std::uint64_t round) {
        for (const auto outcome : engine::append_and_wait(**journal, frames)) {
          if (outcome != engine::append_outcome::durable) give_up("an append was not durable");
        }
        for (std::size_t shard = 0; shard < shards; ++shard) {
          const auto read = (*journal)->read(events::shard_id(shard), events::log_offset(round), 1U << 20U);
          if (!read || read->size() != 1 || read->front().bytes.size() != bytes.size())
            give_up("a frame was not read back");
        }
      });
    }
  }
  std::filesystem::remove_all(directory);
}
