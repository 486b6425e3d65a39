#pragma once

#include "actors/job_thread.hpp"
#include "actors/shard_reports.hpp"
#include "engine/ports/keyring.hpp"

namespace muster::actors {

/// A thread of its own for erasing keys: the keyring rewrites files for it, which takes long, and no frame shall wait
/// for that. What several shards want erased is erased together.
class key_eraser {
public:
  explicit key_eraser(engine::keyring& keyring)
      : keyring_(keyring), thread_(static_cast<std::size_t>(-1), job_thread<job>::at_end::leaves_the_rest,
                                   [this](auto jobs) { erase(std::move(jobs)); }) {}

  void start() { thread_.start(); }
  /// Erases `keys`; puts a report into `sender` once no file yields them any more, or what went wrong. Any thread.
  void post(std::shared_ptr<report_box> sender, std::vector<events::data_key_id> keys);
  /// Ends the thread after the erasure that goes on. What it has not begun is left for the next start.
  void stop() { thread_.stop(); }

private:
  struct job {
    std::shared_ptr<report_box> sender;
    std::vector<events::data_key_id> keys;
  };

  void erase(std::vector<job> jobs);

  engine::keyring& keyring_;
  job_thread<job> thread_;
};

}  // namespace muster::actors
