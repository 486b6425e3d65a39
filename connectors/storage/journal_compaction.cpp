#include "connectors/storage/journal_compaction.hpp"

#include "connectors/storage/journal_rows.hpp"

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <algorithm>

namespace muster::connectors {

namespace {

/// What cannot be read, and not what there is no room for: RocksDB waits for room by itself.
bool is_damage(const rocksdb::Status& status) {
  return status.IsCorruption() || (status.IsIOError() && !status.IsNoSpace());
}

class merging_watch final : public rocksdb::EventListener {
public:
  merging_watch(std::shared_ptr<known_damage> damage, engine::log* log) : damage_(std::move(damage)), log_(log) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && is_damage(*error)) *error = rocksdb::Status::OK();
  }

  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& job) override {
    if (job.status.ok() || !is_damage(job.status)) return;
    // It would be tried again every second. More tables than usual make reading slower, and nothing wrong.
    const auto ended = db->SetOptions({{"disable_auto_compactions", "true"}});
    if (log_ != nullptr) {
      log_->write(engine::log_level::error, "tables of the journal cannot be merged; none will be until the next start",
                  {{"reason", job.status.ToString()}, {"ended", ended.ToString()}});
    }
    std::vector<rocksdb::LiveFileMetaData> tables;
    db->GetLiveFilesMetaData(&tables);
    for (const auto& table : tables) {
      const auto is_this = [&](const auto& input) { return input.file_number == table.file_number; };
      if (std::ranges::none_of(job.input_file_infos, is_this)) continue;
      for (const auto& [shard, fault] :
           damage_in_table(table.directory + "/" + table.relative_filename, table.smallestkey, table.largestkey))
        damage_->note(shard, fault);
    }
  }

private:
  const std::shared_ptr<known_damage> damage_;
  engine::log* const log_;
};

}  // namespace

std::shared_ptr<rocksdb::EventListener> watch_merging(std::shared_ptr<known_damage> damage, engine::log* log) {
  return std::make_shared<merging_watch>(std::move(damage), log);
}

}  // namespace muster::connectors
